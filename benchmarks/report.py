"""What a measurement gives: a table, notes and plots, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log10
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, ROW, LEFT = 720, 26, 210
COLOURS = ("#2f6fde", "#d9822b", "#3d9970", "#b5418c", "#7a6ff0", "#888888", "#c0392b", "#16a085")


@dataclass
class Bars:
    """Horizontal bars on a logarithmic scale, the shortest at least one decade long."""

    title: str
    values: dict[str, float]

    def svg(self) -> str:
        """Return the picture."""
        low = log10(min(self.values.values())) - 1
        span = max(log10(max(self.values.values())) - low, 1e-9)
        rows = []
        for number, (name, value) in enumerate(self.values.items()):
            y = 40 + ROW * number
            length = (WIDTH - LEFT - 90) * (log10(value) - low) / span
            rows.append(
                _text(LEFT - 8, y + 14, name, anchor="end")
                + f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="18" rx="2"'
                f' fill="{COLOURS[number == 0 or 1 - (name != "depthcli")]}"/>'
                + _text(LEFT + length + 6, y + 14, f"{value:,.3g}")
            )
        return _picture(self.title, 50 + ROW * len(rows), "".join(rows))


@dataclass
class Lines:
    """Lines over numbers of levels, both scales logarithmic."""

    title: str
    values: dict[str, dict[int, float]]

    def svg(self) -> str:
        """Return the picture."""
        xs = sorted({x for line in self.values.values() for x in line})
        ys = [y for line in self.values.values() for y in line.values()]
        low, high = log10(min(ys)), log10(max(ys)) + 1e-9
        left, right, top, bottom = 60, WIDTH - LEFT, 40, 300

        def place(x: float, y: float) -> tuple[float, float]:
            across = (log10(x) - log10(xs[0])) / max(log10(xs[-1]) - log10(xs[0]), 1e-9)
            return (
                left + (right - left) * across,
                bottom - (bottom - top) * (log10(y) - low) / (high - low),
            )

        parts = [_text(place(x, 1)[0], bottom + 18, f"{x:,}", anchor="middle") for x in xs]
        for power in range(int(low) - 1, int(high) + 2):
            y = place(1, 10.0**power)[1]
            if top - 1 <= y <= bottom + 1:
                parts.append(
                    f'<path d="M{left} {y:.1f}H{right}" stroke="#8884" fill="none"/>'
                    + _text(left - 6, y + 4, f"{10.0**power:g}", anchor="end")
                )
        for number, (name, line) in enumerate(self.values.items()):
            colour = COLOURS[number % len(COLOURS)]
            points = [place(x, y) for x, y in line.items()]
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
            parts.append(f'<path d="M{path}" stroke="{colour}" stroke-width="2" fill="none"/>')
            parts.append(_text(right + 8, top + 10 + 18 * number, f"— {name}", colour=colour))
        return _picture(self.title, bottom + 30, "".join(parts))


@dataclass
class Section:
    """One measurement's findings."""

    title: str
    text: str
    head: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plots: dict[str, Bars | Lines] = field(default_factory=dict)

    def markdown(self) -> str:
        """Return the section as Markdown, with its plots beside the file."""
        lines = [f"## {self.title}", "", self.text, ""]
        if self.rows:
            lines += [_row(self.head), _row(["---"] * len(self.head)), *map(_row, self.rows), ""]
        lines += [f"- {note}" for note in self.notes] + ([""] if self.notes else [])
        lines += [f"![{plot.title}]({name}.svg)\n" for name, plot in self.plots.items()]
        return "\n".join(lines)


def write(sections: list[Section], where: str, folder: Path) -> None:
    """Write the report and the plots into a folder; sections that aren't given stay as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "RESULTS.md"
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    found = {part.partition("\n")[0]: f"## {part.strip()}" for part in before.split("\n## ")[1:]}
    found |= {section.title: section.markdown().strip() for section in sections}
    head = f"# Benchmarks\n\nMade by `python -m benchmarks` on {where}."
    path.write_text("\n\n".join([head, *found.values()]) + "\n", encoding="utf-8")
    for section in sections:
        for name, plot in section.plots.items():
            (folder / f"{name}.svg").write_text(plot.svg(), encoding="utf-8")


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = "#888") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}'
        "</text>"
    )


def _picture(title: str, height: int, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"'
        ' font-family="sans-serif" font-size="13">'
        f"{_text(8, 20, title)}{body}</svg>\n"
    )
