"""What `--help` says of a command: its options in panels, and examples."""

from __future__ import annotations

import os
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
WRONG: Final = "What goes wrong"
OTHERS: Final = "Options"

WIDEST: Final = 78
NARROWEST: Final = 30
"""Columns that help takes."""

_ORDER: Final = ("Arguments", SHOW, EXCHANGE, KEEP_UP, WRONG, OUTPUT, WEB, OTHERS)


class _Panels:
    """Writes options in the panels that they name, and examples below them.

    Rich could draw panels, too, but takes longer to load than everything else that `--help` needs.
    The environment variables stand in the documentation, not beside every option.
    """

    params: list[Any]
    epilog: str | None

    def get_help(self: Any, ctx: Any) -> str:
        """Return the help, no wider than the terminal."""
        columns = shutil.get_terminal_size().columns
        ctx.terminal_width = min(max(columns - 2, NARROWEST), WIDEST)
        return str(super().get_help(ctx))  # type: ignore[misc]

    def format_options(self: Any, ctx: Any, formatter: Any) -> None:
        """Write a panel for each group of options that there are."""
        panels: dict[str, list[tuple[str, str]]] = {panel: [] for panel in _ORDER}
        for parameter in self.params:
            parameter.show_envvar = False
            if record := parameter.get_help_record(ctx):
                is_argument = parameter.param_type_name == "argument"
                panel = getattr(parameter, "rich_help_panel", None) or OTHERS
                panels["Arguments" if is_argument else panel].append(record)
        if help_option := self.get_help_option(ctx):
            panels[OTHERS].append(help_option.get_help_record(ctx))
        for panel, rows in panels.items():
            if rows:
                with formatter.section(_heading(panel)):
                    formatter.write_dl(rows, col_max=min(30, formatter.width // 2))
        if isinstance(self, TyperGroup):
            self.format_commands(ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002, as click has it
        """Write the examples, a line each: what to type, and after a # what it does."""
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
    """All commands; its own options are told as theirs are."""


def _examples(lines: Iterable[str]) -> list[tuple[str, str]]:
    parts = [line.partition("  # ") for line in lines if line.strip()]
    return [(command.strip(), meaning) for command, _, meaning in parts]


def _heading(title: str) -> str:
    """Return a heading; click takes the colours away where standard output isn't a terminal."""
    return title if os.environ.get("NO_COLOR") else style(title, bold=True)
