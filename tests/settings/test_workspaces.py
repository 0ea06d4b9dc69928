"""Workspaces are kept by name, and what was left last is there again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from depthcli.errors import UsageError
from depthcli.settings.workspaces import LAST, WatchedSymbol, Workspace, Workspaces

if TYPE_CHECKING:
    from pathlib import Path

MORNING = Workspace(
    symbols=[
        WatchedSymbol(name="spot:BNBBTC"),
        WatchedSymbol(name="usdm:币安USDT", group=2, size=0.5),
    ],
    view="ladder",
    depth=9,
    theme="light",
    unit="quote",
    zoomed="spot:BNBBTC",
)


@pytest.fixture
def workspaces(tmp_path: Path) -> Workspaces:
    return Workspaces(tmp_path / "config" / "workspaces", tmp_path / "state" / "last.toml")


def test_what_was_saved_is_there_again(workspaces: Workspaces) -> None:
    path = workspaces.save("morning", MORNING)
    assert workspaces.read("morning") == MORNING
    assert path.name == "morning.toml"
    workspaces.save("evening 2", Workspace(symbols=[]))
    assert workspaces.names() == ["evening 2", "morning"]
    workspaces.save("morning", Workspace(symbols=[]))
    assert workspaces.read("morning").symbols == []
    assert [one.name for one in path.parent.iterdir() if one.suffix != ".toml"] == []


def test_the_last_one_is_kept_apart(workspaces: Workspaces) -> None:
    assert workspaces.read_last() is None
    workspaces.save(LAST, MORNING)
    assert workspaces.read_last() == MORNING
    assert workspaces.names() == []


def test_a_last_one_that_is_damaged_is_none(workspaces: Workspaces) -> None:
    path = workspaces.save(LAST, MORNING)
    path.write_text("view = 3", encoding="utf-8")
    assert workspaces.read_last() is None


def test_an_unknown_name_lists_the_known_ones(workspaces: Workspaces) -> None:
    with pytest.raises(UsageError, match="no workspace 'noon': there are none yet"):
        workspaces.read("noon")
    workspaces.save("morning", MORNING)
    with pytest.raises(UsageError, match="no workspace 'noon': there are morning"):
        workspaces.read("noon")


def test_a_file_that_says_something_else_is_named_with_the_line(workspaces: Workspaces) -> None:
    path = workspaces.save("morning", MORNING)
    path.write_text('symbols = []\nveiw = "books"\n', encoding="utf-8")
    with pytest.raises(UsageError, match=r"line 2: there is no setting veiw: did you mean view\?"):
        workspaces.read("morning")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65, "nul\0"])
def test_names_that_are_none_are_refused(workspaces: Workspaces, name: str) -> None:
    with pytest.raises(UsageError, match="can't be a workspace's name"):
        workspaces.save(name, MORNING)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[[symbols]]\nname = "A"\n[[symbols]]\nname = "B"\ngruop = 1\n',
            "line 5: there is no setting gruop in [symbols]: did you mean group?",
        ),
        (
            'depth = 3\nsymbols = [\n{ name = "A", zebra = 1 } ]\n',
            "line 2: there is no setting zebra in [symbols]: known are name, group, size",
        ),
        ('[[symbols]]\nname = "A"\ngroup = "x"\n', "line 3: group: expected int, got str"),
        (
            '[[symbols]]\nname = "A"\n\n[[symbols]]\n',
            "line 4: symbols: object missing required field name",
        ),
        ('view = "books"\n', "line 1: this: object missing required field symbols"),
    ],
)
def test_what_is_wrong_with_a_symbol_is_said_with_its_line(
    workspaces: Workspaces, text: str, says: str
) -> None:
    path = workspaces.save("morning", MORNING)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        workspaces.read("morning")
    assert str(raised.value) == f"{path}, {says}"


def test_a_file_that_cannot_be_read_or_written_is_named(workspaces: Workspaces) -> None:
    path = workspaces.save("morning", MORNING)
    path.write_bytes(b"\xff")
    with pytest.raises(UsageError, match=r"morning.toml can't be read"):
        workspaces.read("morning")
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match=r"morning.toml can't be read"):
        workspaces.read("morning")
    with pytest.raises(UsageError, match=r"morning.toml can't be written"):
        workspaces.save("morning", MORNING)
    assert list(path.parent.iterdir()) == [path], "nothing is left of the attempt"
