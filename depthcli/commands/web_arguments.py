"""What a screen's process is told: what its user said on the command line, word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from depthcli.commands.context import on_command_line

if TYPE_CHECKING:
    import typer

SERVING: Final = frozenset({"web", "host", "port"})
"""Options of `watch` that say how it is served, and not what a screen shows."""


def arguments_of(context: typer.Context) -> list[str]:
    """Return the arguments that were typed, without those that are about serving.

    What the environment and the configuration file say isn't repeated: a screen reads them itself.
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
