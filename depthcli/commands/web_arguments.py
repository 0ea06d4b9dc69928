"""The arguments of a screen's process: those of the command line, unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthcli.commands.context import on_command_line

if TYPE_CHECKING:
    import typer

SERVING: Final = frozenset({"web", "host", "port"})
"""Options of `watch` about serving, which a screen doesn't get."""


def arguments_of(context: typer.Context) -> list[str]:
    """Return the arguments of the command line, without those about serving.

    A screen reads the environment and the configuration file itself.
    """
    options: list[str] = []
    symbols: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        value = context.params.get(name)
        if not on_command_line(context, name) or name in SERVING:
            continue
        if parameter.param_type_name == "argument":
            symbols += [str(one) for one in value or ()]
        elif isinstance(value, bool):
            options += (parameter.opts if value else parameter.secondary_opts)[:1]
        else:
            # One word: a value may begin with a dash.
            options.append(f"{parameter.opts[0]}={value}")
    return [*options, "--", *symbols] if symbols else options
