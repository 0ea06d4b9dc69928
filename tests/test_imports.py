"""Imports point one way: between the wings of the house, and inside of each."""

from __future__ import annotations

import ast
import importlib.util
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "depthcli"

_spec = importlib.util.spec_from_file_location("docs_house", ROOT / "docs" / "house.py")
house = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(house)
modules, arrows = house.modules, house.arrows

WINGS = tuple(set(floor) for floor in house.WINGS)

ONLY = {
    # The simulator must not share the client's mistakes.
    "simulator": {"errors", "core.markets", "core.messages", "core.symbols"},
    # What decides is pure.
    "core": {"errors"},
}
"""What a wing may import of the others, where that isn't all below it."""

TUI = (
    {"tui.drawing"},
    {"tui.model"},
    {"tui.views"},
    {"tui.canvas", "tui.command_palette", "tui.help", "tui.prompts"},
    {"tui.main_screen"},
    {"tui.app"},
)
SIMULATOR = (
    {"simulator.market", "simulator.faults"},
    {"simulator.capture", "simulator.wire"},
    {"simulator.server"},
    {"simulator.background", "simulator.sources"},
    {"simulator.serving"},
)
"""The floors inside the two wings that have rooms of their own."""


def floor_of(name: str, floors: tuple[set[str], ...]) -> tuple[int, str] | None:
    """Return on which floor a module lies, and in which room there."""
    for number, rooms in enumerate(floors):
        for room in rooms:
            if name == room or name.startswith(f"{room}."):
                return number, room
    return None


def wrong_arrows(found: set[tuple[str, str]]) -> list[str]:
    """Return the arrows that point up or aside, and those into what a wing must not know."""
    wrong = []
    for name, other in sorted(found):
        for floors in (WINGS, TUI, SIMULATOR):
            mine, theirs = floor_of(name, floors), floor_of(other, floors)
            if mine and theirs and mine[1] != theirs[1] and theirs[0] >= mine[0]:
                wrong.append(f"{name} → {other}")
        wing = name.split(".")[0]
        if wing in ONLY and other.split(".")[0] != wing and other not in ONLY[wing]:
            wrong.append(f"{name} → {other}")
    return wrong


def a_circle(found: set[tuple[str, str]]) -> list[str]:
    """Return modules that import each other in a circle, or nothing."""
    follows: dict[str, set[str]] = {}
    for name, other in found:
        follows.setdefault(name, set()).add(other)
    done: set[str] = set()

    def search(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for other in sorted(follows.get(name, ())):
            if circle := search(other, [*way, name]):
                return circle
        done.add(name)
        return []

    for name in sorted(follows):
        if circle := search(name, []):
            return circle
    return []


def test_every_module_has_its_floor() -> None:
    homeless = [
        name for name in modules() if name not in ("", "__main__") and floor_of(name, WINGS) is None
    ]
    assert homeless == [], "name the new wing in WINGS"
    assert len(WINGS) <= 8


def test_imports_point_one_way() -> None:
    assert wrong_arrows(arrows(modules())) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    circle = a_circle(arrows(modules()))
    assert not circle, " → ".join(circle)


@pytest.mark.parametrize(
    ("name", "line", "arrow"),
    [
        ("core/book.py", "from depthcli.managers import feed", "core.book → managers.feed"),
        (
            "tui/model/rates.py",
            "import depthcli.tui.views.tile",
            "tui.model.rates → tui.views.tile",
        ),
        (
            "simulator/server.py",
            "def f():\n    from depthcli.core.synchronizer import Synchronizer",
            "simulator.server → core.synchronizer",
        ),
        (
            "settings/logs.py",
            "from depthcli.managers import audit",
            "settings.logs → managers.audit",
        ),
    ],
)
def test_a_planted_arrow_is_found(tmp_path: Path, name: str, line: str, arrow: str) -> None:
    known = modules()
    planted = tmp_path / "planted.py"
    planted.write_text(line, encoding="utf-8")
    known[name.removesuffix(".py").replace("/", ".")] = planted
    assert arrow in wrong_arrows(arrows(known))


def test_a_planted_circle_is_found() -> None:
    found = arrows(modules())
    name, other = next(arrow for arrow in sorted(found) if arrow[0].startswith("managers."))
    circle = a_circle(found | {(other, name)})
    assert {(name, other), (other, name)} <= set(pairwise(circle))


def test_the_picture_of_the_house_is_that_of_the_imports() -> None:
    stale = house.picture(modules()) != house.PICTURE.read_text(encoding="utf-8")
    assert not stale, "docs/house.svg is out of date: python docs/house.py"


def test_beside_its_folders_the_package_holds_a_handful_of_files() -> None:
    files = [file.name for file in PACKAGE.iterdir() if file.is_file() and file.suffix != ".so"]
    assert len(files) <= 6, sorted(files)


@pytest.mark.parametrize(
    "folder", sorted(str(file.parent.relative_to(ROOT)) for file in PACKAGE.rglob("__init__.py"))
)
def test_each_wing_says_what_it_is_for(folder: str) -> None:
    text = ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text("utf-8")))
    assert text, "open it with what it is for, and what it must not know"
    files = [*(ROOT / folder).glob("*.py"), *(ROOT / folder).glob("*/__init__.py")]
    assert len(files) > 2, "a folder with one file wants none"
