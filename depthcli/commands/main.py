"""The command line: its commands, the errors that end them, and its exit codes.

Here and in each command's module, what a command needs is imported inside its function, so that
`--help` and `--version` are quick.
"""

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from depthcli import __version__
from depthcli.commands import check, dump, exit_codes, simulate, symbols, watch
from depthcli.commands.completion import end_word
from depthcli.commands.config import config_app
from depthcli.commands.early_interrupt import early_interrupt
from depthcli.commands.help import Command, Group
from depthcli.errors import DepthcliError, UsageError, printable

LONGEST_LINE = 1_000
"""Characters of the longest line of an error that is shown."""

app = typer.Typer(
    name="depthcli",
    help="Live market depth in a terminal, from an order book that is provably the exchange's.",
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "DEPTHCLI"},
)
app.add_typer(config_app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"depthcli {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            allow_from_autoenv=False,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    # The file's own commands have to work when it is wrong.
    if context.invoked_subcommand != "config" and not context.resilient_parsing:
        from depthcli.settings.config import config_path, read_config

        try:
            context.default_map = read_config(config_path()).defaults()
        except UsageError as error:
            # Raised when the command begins: its --help needs no file.
            context.obj = error


for _module, _command in (
    (watch, watch.watch),
    (dump, dump.dump),
    (check, check.check),
    (symbols, symbols.symbols),
    (simulate, simulate.simulate),
):
    app.command(cls=Command, epilog=_module.EXAMPLES)(_command)


def write_any_name() -> None:
    """Let standard output and standard error take any symbol, whatever the locale.

    A file or a pipe gets UTF-8, as `dump` writes it; a terminal gets what it can show, and the
    rest escaped. What can't be encoded at all, such as a file name that isn't text, is escaped.

    Raises:
        UsageError: one of them is closed.
    """
    if sys.stdout is None or sys.stderr is None:
        raise UsageError("standard output and standard error must be open")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")


def main() -> None:
    """Run the command line; the exit codes are those of `exit_codes`."""
    early_interrupt.install()
    end_word(os.environ)
    try:
        write_any_name()
        app()
    except Exception as error:
        if early_interrupt.came:
            sys.exit(exit_codes.INTERRUPTED)
        if not isinstance(error, DepthcliError):
            raise
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        for line in f"depthcli: {error}{notes}".split("\n"):
            print(printable(line, LONGEST_LINE), file=sys.stderr)
        sys.exit(exit_codes.USAGE if isinstance(error, UsageError) else exit_codes.EXCHANGE)
    finally:
        _drop_unwritten()


def _drop_unwritten() -> None:
    """Drop what standard error can't take because its terminal is gone.

    The interpreter would try once more, and exit with 120.
    """
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
