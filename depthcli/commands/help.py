"""The `--help` of a command: its options in panels, and examples."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING, Any, Final

from typer import style
from typer.core import TyperCommand, TyperGroup

from depthcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOW: Final = "What to show"
EXCHANGE: Final = "Which exchange"
KEEP_UP: Final = "How to keep up"
OUTPUT: Final = "Output"
WEB: Final = "In a browser"
SERVE: Final = "What to serve"
FAULTS: Final = "Faults"
OTHERS: Final = "Options"

WIDEST: Final = 78
NARROWEST: Final = 30
"""Columns of the help text."""

_ORDER: Final = ("Arguments", SHOW, SERVE, EXCHANGE, KEEP_UP, FAULTS, OUTPUT, WEB, OTHERS)

_RANGE: Final = re.compile(r"(?:; )?(?:[\d.]+<=?)?x[<>]=?[\d.]+(?=\]$)")
_WHOLE: Final = re.compile(r"(\[default: \d+)\.0(?=\]$)")


class _Panels:
    """Writes options in the panels that they name, and examples below them.

    Rich could draw panels, too, but takes longer to load than everything else that `--help` needs.
    Environment variables and the ranges of numbers are left out: the documentation has the
    variables, an option's text has the range where it matters.
    """

    params: list[Any]
    epilog: str | None

    def get_help(self: Any, ctx: Any) -> str:
        """Return the help, no wider than the terminal."""
        columns = shutil.get_terminal_size().columns
        ctx.terminal_width = min(max(columns - 2, NARROWEST), WIDEST)
        return str(super().get_help(ctx))  # type: ignore[misc]

    def format_options(self: Any, ctx: Any, formatter: Any) -> None:
        """Write a panel for each group of options."""
        panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in _ORDER}
        for parameter in self.params:
            parameter.show_envvar = False
            if record := parameter.get_help_record(ctx):
                is_argument = parameter.param_type_name == "argument"
                panel = getattr(parameter, "rich_help_panel", None) or OTHERS
                name, says = record
                if is_argument:
                    name, panel = name.partition(" <")[0], "Arguments"
                panels[panel].append((name, _without_range(says)))
        if help_option := self.get_help_option(ctx):
            panels[OTHERS].append(help_option.get_help_record(ctx))
        for panel, rows in panels.items():
            if rows:
                with formatter.section(_heading(panel)):
                    formatter.write_dl(rows, col_max=min(30, formatter.width // 2))
        if isinstance(self, TyperGroup):
            self.format_commands(ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002, as click has it
        """Write the examples, one per line: what to type, and what it does."""
        if self.epilog:
            with formatter.section(_heading("Examples")):
                formatter.write_dl(
                    _examples(self.epilog.splitlines()), col_max=min(30, formatter.width // 2)
                )


class Command(_Panels, TyperCommand):
    """A command whose options stand in panels, and whose epilog is examples."""

    def invoke(self, ctx: Any) -> Any:
        """Run it.

        Raises:
            UsageError: the configuration file is wrong.
        """
        if isinstance(ctx.obj, UsageError):
            raise ctx.obj
        return super().invoke(ctx)


class Group(_Panels, TyperGroup):
    """A group of commands, with its own options in panels."""


def _without_range(says: str) -> str:
    """Return an option's text without the range of its number.

    >>> _without_range("Levels.  [default: 5; 1<=x<=1000]")
    'Levels.  [default: 5]'
    >>> _without_range("Seconds.  [default: 1800.0; x>=0]")
    'Seconds.  [default: 1800]'
    >>> _without_range("Lines.  [x>=1]")
    'Lines.'
    """
    says = _RANGE.sub("", says)
    return _WHOLE.sub(r"\1", says).removesuffix("  []")


def _examples(lines: Iterable[str]) -> list[tuple[str, str]]:
    parts = [line.partition("  # ") for line in lines if line.strip()]
    return [(command.strip(), meaning) for command, _, meaning in parts]


def _heading(title: str) -> str:
    """Return a heading; click takes the colours away where standard output isn't a terminal."""
    return title if os.environ.get("NO_COLOR") else style(title, bold=True)
