"""Lines for a slow reader: which are kept, and how they end."""

from __future__ import annotations

import asyncio
import os
import threading
from itertools import count

import pytest

from depthcli.commands import output
from depthcli.commands.output import Backlog, LineWriter, ReaderBehindError

SIZE = 1000


class BookSource:
    """Lines of books that change: `SIZE` bytes, the number of the newest change in front."""

    def __init__(self, backlog: Backlog[str]) -> None:
        self.backlog = backlog
        self.rendered = 0
        self._newest: dict[str, int] = {}
        self._numbers = count(1)

    def change(self, key: str) -> None:
        self._newest[key] = next(self._numbers)
        self.backlog.add(key, lambda: self._render(key))

    def stale(self, key: str) -> None:
        line = f"{key} stale\n".encode()
        self.backlog.add(key, lambda: line, lasting=True)

    def taken(self) -> list[str]:
        lines = []
        while batch := self.backlog.take():
            lines += [line.decode().split("\n")[0].rstrip() for line in batch]
        return lines

    def _render(self, key: str) -> bytes:
        self.rendered += 1
        return f"{key} {self._newest[key]}".encode().ljust(SIZE - 1) + b"\n"


def test_a_reader_that_keeps_up_gets_every_line():
    books = BookSource(Backlog(2 * SIZE, every=False))
    lines = []
    for _ in range(3):
        books.change("a")
        books.change("b")
        lines += books.taken()
    assert lines == ["a 1", "b 2", "a 3", "b 4", "a 5", "b 6"]
    assert books.backlog.skipped == 0


def test_a_reader_that_is_behind_gets_each_keys_newest_line_and_skipped_ones_are_not_rendered():
    books = BookSource(Backlog(2 * SIZE, every=False))
    for _ in range(50):
        books.change("a")
        books.change("b")
    assert books.rendered == 3
    assert books.taken() == ["a 99", "b 100"]
    assert books.backlog.skipped == 98
    books.change("a")
    assert books.taken() == ["a 101"]


def test_a_reader_that_is_behind_is_told_that_a_book_became_stale():
    books = BookSource(Backlog(2 * SIZE, every=False))
    for _ in range(5):
        books.change("a")
        books.change("b")
    books.stale("a")
    books.stale("b")
    books.change("b")
    books.change("b")
    assert books.taken() == ["a stale", "b stale", "b 12"]


def test_every_line_is_kept_up_to_the_bound_and_then_it_is_an_error():
    books = BookSource(Backlog(3 * SIZE, every=True))
    for _ in range(3):
        books.change("a")
    with pytest.raises(ReaderBehindError, match="--when-behind newest"):
        books.change("a")


class Writing:
    """A writer into a pipe that nobody reads yet."""

    def __init__(self, **options) -> None:
        reading, writing = os.pipe()
        self.out = os.fdopen(writing, "wb")
        self.reader = os.fdopen(reading, "rb")
        self.failures: list[OSError] = []
        options = {"count": None, "counted": lambda: None} | options
        backlog = Backlog[str](1 << 20, every=False)
        self.writer = LineWriter(self.out, backlog, failed=self.failures.append, **options)

    def add(self, letter: bytes, size: int = 500_000) -> None:
        line = letter * size + b"\n"
        self.writer.add(letter.decode(), lambda: line)

    async def read(self) -> bytes:
        with self.reader:
            return await asyncio.to_thread(self.reader.read)


async def test_the_line_under_way_is_finished_in_the_end_and_nothing_comes_after_it():
    writing = Writing()
    for letter in (b"a", b"b", b"c"):
        writing.add(letter)
    beginning = await asyncio.to_thread(writing.reader.read, 10)
    closing = asyncio.create_task(writing.writer.close())
    await asyncio.sleep(0)
    reading = asyncio.create_task(writing.read())
    await closing
    writing.out.close()
    assert beginning + await reading == b"a" * 500_000 + b"\n"


async def test_a_reader_that_reads_no_more_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(output, "LAST_LINE_PATIENCE", 0.01)
    writing = Writing()
    writing.add(b"a")
    await asyncio.to_thread(writing.reader.read, 10)
    await writing.writer.close()
    writing.add(b"b")
    assert not writing.writer._done.is_set()
    writing.reader.close()  # so that the thread ends
    async with asyncio.timeout(20):
        await writing.writer._done.wait()
    writing.out.close()


async def test_a_file_is_not_behind_though_the_loop_is_busy(tmp_path):
    backlog = Backlog[int](1 << 20, every=False)
    path = tmp_path / "lines"
    with path.open("wb") as out:
        writer = LineWriter(out, backlog, count=None, failed=print, counted=lambda: None)
        for number in range(150):
            line = b"%d" % number + b" " * 50_000 + b"\n"
            writer.add(number % 3, lambda line=line: line)
            if number % 30 == 29:  # 1.5 MB in one turn of the loop
                await writer.drain()
        await writer.close()
    assert backlog.skipped == 0
    numbers = [int(line.split()[0]) for line in path.read_bytes().splitlines()]
    assert numbers == list(range(150))


async def test_the_loop_goes_on_while_the_reader_sleeps_and_count_counts_what_is_written():
    counted = asyncio.Event()
    writing = Writing(count=2, counted=counted.set)
    for letter in (b"a", b"b", b"c"):
        writing.add(letter)
    await asyncio.sleep(0)
    assert not counted.is_set()
    reading = asyncio.create_task(writing.read())
    async with asyncio.timeout(20):
        await counted.wait()
    await writing.writer.close()
    writing.out.close()
    assert (await reading).split() == [b"a" * 500_000, b"b" * 500_000]


async def test_skipped_changes_are_told_once_for_all(capfd, monkeypatch):
    told = threading.Event()
    say = output._complain
    monkeypatch.setattr(output, "_complain", lambda text: (say(text), told.set()))
    skipped = 0
    notices = output.SkipNotices(asyncio.get_running_loop(), lambda: skipped)
    for skipped in range(1234):  # noqa: B007, the notices read it
        notices.tell()
    assert await asyncio.to_thread(told.wait, 20)
    assert capfd.readouterr().err == "depthcli: the reader is behind: 1,233 changes skipped\n"
