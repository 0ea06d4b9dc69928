"""Output for a reader that may be slow: the lines waiting, and the thread that writes them.

`Backlog` decides what is written next, without clock, threads or files. `LineWriter` hands that to
a thread, so that the event loop never waits for a reader.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import deque
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import BinaryIO

K = TypeVar("K", bound="Hashable")

NEWEST_BYTES: Final = 1 << 20
"""Bytes of waiting lines from which a reader counts as behind and gets only the newest. What the
thread already has comes on top."""

EVERY_BYTES: Final = 64 << 20
"""Most bytes of waiting lines where every line is kept."""

BATCH_BYTES: Final = 1 << 18
"""Bytes from which a batch is written. The thread may get the interpreter only 200 times a second:
at this size a file, which is never slow, still takes 50 MB/s."""

MOST_HANDED: Final = 1 << 20
"""Most bytes handed to the thread in advance, so that it needn't wait for a busy loop."""

LAST_LINE_PATIENCE: Final = 2.0
"""Seconds that a reader has for the last lines when a signal ends the command."""


class ReaderBehindError(OSError):
    """The reader is too slow for every line to be kept."""


class _Entry(NamedTuple, Generic[K]):
    """A waiting line, and the function that renders it again."""

    key: K
    render: Callable[[], bytes]
    lasting: bool
    line: bytes


class Backlog(Generic[K]):
    """The lines waiting for the reader.

    Args:
        limit: most bytes of waiting lines; None: no limit.
        every: whether more than that is an error; otherwise only the newest line of each key is
            kept, and rendered when it is taken.

    Attributes:
        skipped: lines that were never rendered, or were dropped, because a newer one of their key
            came.
        size: bytes of the lines that wait rendered; 0 once the reader is behind.
    """

    def __init__(self, limit: int | None, *, every: bool) -> None:
        self.skipped = 0
        self.size = 0
        self._limit = limit
        self._every = every
        self._lines: deque[_Entry[K]] = deque()
        self._newest: dict[K, list[tuple[bool, Callable[[], bytes]]]] = {}

    def __bool__(self) -> bool:
        return bool(self._lines or self._newest)

    def add(self, key: K, render: Callable[[], bytes], *, lasting: bool = False) -> None:
        """Add a line.

        Args:
            key: what the line is about. Lines of one key keep their order.
            render: makes the line, with its line end; of what is true when it is called.
            lasting: a newer line that doesn't last comes after this one, not instead of it.

        Raises:
            ReaderBehindError: every line is to be kept, and there is no room.
        """
        if self._newest:
            self._replace(key, render, lasting)
            return
        line = render()
        self._lines.append(_Entry(key, render, lasting, line))
        self.size += len(line)
        if self._limit is None or self.size <= self._limit or len(self._lines) == 1:
            return
        if self._every:
            raise ReaderBehindError(
                f"the reader is more than {self._limit >> 20} MiB behind: read faster, ask for"
                " fewer levels (--depth), or let it skip changes (--when-behind newest)"
            )
        for entry in self._lines:
            self._replace(entry.key, entry.render, entry.lasting)
        self._lines.clear()
        self.size = 0

    def take(self, most: int | None = None) -> list[bytes]:
        """Return the lines to write next, at most `most`."""
        taken: list[bytes] = []
        size = 0
        while size < BATCH_BYTES and (most is None or len(taken) < most):
            if self._lines:
                line = self._lines.popleft().line
                self.size -= len(line)
            elif self._newest:
                line = self._render_first()
            else:
                break
            taken.append(line)
            size += len(line)
        return taken

    def clear(self) -> None:
        """Drop the waiting lines."""
        self._lines.clear()
        self._newest.clear()
        self.size = 0

    def _replace(self, key: K, render: Callable[[], bytes], lasting: bool) -> None:
        waiting = self._newest.setdefault(key, [])
        while waiting and (lasting or not waiting[-1][0]):
            waiting.pop()
            self.skipped += 1
        waiting.append((lasting, render))

    def _render_first(self) -> bytes:
        key = next(iter(self._newest))
        waiting = self._newest[key]
        _, render = waiting.pop(0)
        if not waiting:
            del self._newest[key]
        return render()


class LineWriter(Generic[K]):
    """Writes lines in a thread of its own. Its methods belong to the event loop's thread.

    Args:
        out: where the lines go.
        backlog: the waiting lines.
        count: most lines to write; None: no limit.
        failed: called with the error when nothing more can be written.
        counted: called when `count` lines are written.
    """

    def __init__(
        self,
        out: BinaryIO,
        backlog: Backlog[K],
        *,
        count: int | None,
        failed: Callable[[OSError], None],
        counted: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._backlog = backlog
        self._left = count
        self._failed = failed
        self._counted = counted
        self._handed = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._done = asyncio.Event()
        self._done.set()
        self._closed = False
        self._error: OSError | None = None
        self._ending = threading.Event()
        self._given_up = threading.Event()
        self._jobs: SimpleQueue[bytes | None] = SimpleQueue()
        self._notices = SkipNotices(self._loop, lambda: backlog.skipped)
        self._write = self._writer_for(out)
        threading.Thread(target=self._work, name="output", daemon=True).start()

    def add(self, key: K, render: Callable[[], bytes], *, lasting: bool = False) -> None:
        """Write a line when the reader has room, as `Backlog.add` says."""
        if self._closed:
            return
        try:
            self._backlog.add(key, render, lasting=lasting)
        except ReaderBehindError as error:
            self._fail(error)
            return
        if self._backlog.skipped:
            self._notices.tell()
        self._next()

    async def drain(self) -> None:
        """Wait until everything is written.

        Raises:
            OSError: it can't be.
        """
        await self._idle.wait()
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """Finish the lines being written, for which the reader has two seconds."""
        self._end()
        self._notices.close()
        try:
            async with asyncio.timeout(LAST_LINE_PATIENCE):
                await self._done.wait()
        except TimeoutError:
            pass
        finally:
            self._given_up.set()
            self._jobs.put(None)

    def _next(self) -> None:
        """Hand lines to the thread: all of them if it is idle, else whole batches."""
        backlog = self._backlog
        while not self._closed and (
            not self._handed or (backlog.size >= BATCH_BYTES and self._handed < MOST_HANDED)
        ):
            lines = backlog.take(self._left)
            if not lines:
                break
            if self._left is not None:
                self._left -= len(lines)
            data = b"".join(lines)
            self._handed += len(data)
            self._idle.clear()
            self._done.clear()
            self._jobs.put(data)
        if not self._handed:
            self._idle.set()

    def _written(self, size: int, error: OSError | None) -> None:
        self._handed -= size
        if not self._handed:
            self._done.set()
        if error is not None:
            self._fail(error)
        elif self._left == 0 and not self._handed and not self._closed:
            self._closed = True
            self._idle.set()
            self._counted()
        else:
            self._next()

    def _fail(self, error: OSError) -> None:
        if self._error is not None:
            return
        self._error = error
        self._end()
        self._idle.set()
        self._failed(error)

    def _end(self) -> None:
        """Start no more lines."""
        self._closed = True
        self._ending.set()
        self._backlog.clear()

    def _work(self) -> None:
        while (data := self._jobs.get()) is not None:
            failure: OSError | None = None
            try:
                if not self._ending.is_set():
                    self._write(data)
            except OSError as error:
                failure = error
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._written, len(data), failure)

    def _writer_for(self, out: BinaryIO) -> Callable[[bytes], None]:
        """Return a function that writes bytes at once, bypassing the file's buffer."""
        try:
            descriptor = out.fileno()
        except OSError:
            descriptor = None
        if descriptor is None or (sys.platform == "win32" and out.isatty()):

            def write(data: bytes) -> None:
                out.write(data)
                out.flush()

            return write

        def write_now(data: bytes) -> None:
            rest = memoryview(data)
            while rest and not self._given_up.is_set():
                rest = rest[os.write(descriptor, rest) :]

        return write_now


class SkipNotices:
    """Reports skipped changes on standard error, at most once a second.

    Args:
        loop: the event loop, for its clock.
        skipped: returns the total of skipped changes.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, skipped: Callable[[], int]) -> None:
        self._loop = loop
        self._skipped = skipped
        self._said = 0
        self._timer: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None

    def tell(self) -> None:
        """Report within a second, if there is something new."""
        if self._timer is None and self._skipped() > self._said:
            self._timer = self._loop.call_later(1.0, self._say)

    def close(self) -> None:
        """Report nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _say(self) -> None:
        self._timer = None
        if self._thread is not None and self._thread.is_alive():
            return  # nobody reads standard error, either
        count = self._skipped() - self._said
        self._said += count
        text = f"depthcli: the reader is behind: {count:,} changes skipped\n"
        self._thread = threading.Thread(target=_complain, args=(text,), daemon=True)
        self._thread.start()


def _complain(text: str) -> None:
    with suppress(OSError, ValueError):
        os.write(sys.stderr.fileno(), text.encode())
