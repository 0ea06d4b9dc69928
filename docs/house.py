"""Draw the house from its imports: `python docs/house.py` makes docs/house.svg anew.

The source is read, not run: what a module imports inside a function counts, too.
"""

from __future__ import annotations

import ast
from collections import Counter
from html import escape
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "depthcli"
PICTURE: Final = ROOT / "docs" / "house.svg"

WINGS: Final = (
    ("errors",),
    ("core",),
    ("exchange",),
    ("settings", "managers"),
    ("simulator",),
    ("tui",),
    ("web",),
    ("commands",),
)
"""The floors, from below. A wing may import those below it, and none beside it."""

WIDTH: Final = 640
LANES: Final = 170
LINE: Final = 17
GAP: Final = 14
CHARACTERS: Final = 84


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Return the modules by their names without `depthcli`; a package stands for its `__init__`."""
    found = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported(file: Path, known: dict[str, Path]) -> set[str]:
    """Return which of the package's modules a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if _own(name) in known else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {_own(name) for name in found if name.split(".")[0] == "depthcli"} & set(known)


def arrows(known: dict[str, Path]) -> set[tuple[str, str]]:
    """Return who imports whom; the package's own `__init__` and `__main__` are the way in."""
    return {
        (name, other)
        for name, file in known.items()
        if name not in ("", "__main__")
        for other in imported(file, known)
        if other not in ("", name)
    }


def picture(known: dict[str, Path]) -> str:
    """Return the picture: the wings one above the other, and an arc for who imports whom."""
    boxes, y, parts = {}, GAP, []
    for wing in [wing for floor in reversed(WINGS) for wing in floor]:
        rows = _rows(
            sorted(name.partition(".")[2] for name in known if name.startswith(f"{wing}."))
        )
        height = LINE * (len(rows) + 1) + 12
        boxes[wing] = (y, height)
        parts.append(
            f'<rect x="{GAP}" y="{y}" width="{WIDTH}" height="{height}" rx="6" class="wing"/>'
            f'<text x="{2 * GAP}" y="{y + LINE}" class="name">{wing}</text>'
        )
        parts += [
            f'<text x="{2 * GAP}" y="{y + LINE * (number + 2)}">{escape(row)}</text>'
            for number, row in enumerate(rows)
        ]
        y += height + GAP
    between = Counter((name.split(".")[0], other.split(".")[0]) for name, other in arrows(known))
    for (wing, other), count in sorted(between.items()):
        if wing != other:
            parts.append(_arc(boxes[wing], boxes[other], count))
    style = (
        "text{font:12px ui-monospace,monospace;fill:#24292f}.name{font-weight:bold;font-size:14px}"
        ".wing{fill:#f6f8fa;stroke:#8c959f}.arc{fill:none;stroke:#0969da;opacity:.6}"
    )
    size = f'width="{WIDTH + LANES + GAP}" height="{y}"'
    head = (
        '<defs><marker id="end" markerWidth="7" markerHeight="6" refX="6" refY="3" orient="auto" '
    )
    head += (
        'markerUnits="userSpaceOnUse"><path d="M0,0 L7,3 L0,6 z" fill="#0969da"/></marker></defs>'
    )
    background = f'<rect {size} fill="white"/>'
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n'
        f"<style>{style}</style>{head}{background}\n{body}\n</svg>\n"
    )


def _own(name: str) -> str:
    return name.removeprefix("depthcli").removeprefix(".")


def _rows(names: list[str]) -> list[str]:
    """Return the names in rows that fit into a box; folders open a row of their own."""
    rows: list[str] = []
    for name in names:
        folder, _, leaf = name.rpartition(".")
        if any(other.startswith(f"{name}.") for other in names):
            continue  # a folder: its modules say its name
        start = f"{folder}/ " if folder else ""
        last = rows[-1] if rows else ""
        here = last.startswith(start) if folder else last and "/ " not in last
        if here and len(last) + len(leaf) < CHARACTERS:
            rows[-1] += f"  {leaf}"
        else:
            rows.append(f"{start}{leaf}")
    return rows


def _arc(start: tuple[int, int], end: tuple[int, int], count: int) -> str:
    """Return an arc from one box to one below it; the thicker, the more imports."""
    y1, y2 = start[0] + start[1] * 0.7, end[0] + min(end[1] * 0.3, 30)
    x = WIDTH + GAP
    bulge = x + 20 + min(LANES - 20, (y2 - y1) * 0.22)
    return (
        f'<path d="M{x},{y1:.0f} C{bulge:.0f},{y1:.0f} {bulge:.0f},{y2:.0f} {x + 1},{y2:.0f}" '
        f'class="arc" stroke-width="{min(5, 0.8 + count / 12):.1f}" marker-end="url(#end)"/>'
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(modules()), encoding="utf-8")
    print(PICTURE)
