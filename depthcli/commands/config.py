"""`depthcli config`: where the configuration file is, what it says, and an editor for it."""

import os
import shlex
import subprocess

import typer

from depthcli.errors import UsageError

config_app = typer.Typer(
    name="config",
    help="Show or edit the configuration file.",
    no_args_is_help=True,
)


@config_app.command("path")
def path() -> None:
    """Print where the file is, or would be."""
    from depthcli.settings.config import config_path

    print(config_path())


@config_app.command("show")
def show() -> None:
    """Print what the file says, checked. Without a file: all settings that there are."""
    from depthcli.settings.config import EXAMPLE, config_path, read_config

    file = config_path()
    read_config(file)
    text = file.read_text(encoding="utf-8") if file.exists() else EXAMPLE
    print(text, end="" if text.endswith("\n") else "\n")


@config_app.command("edit")
def edit() -> None:
    """Open the file in your editor. That is $VISUAL or $EDITOR; what you wrote is checked."""
    from depthcli.settings.config import EXAMPLE, config_path, read_config

    file = config_path()
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(EXAMPLE, encoding="utf-8")
        subprocess.run([*shlex.split(editor), str(file)], check=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise UsageError(f"{file} can't be edited with {editor!r}: {error}") from error
    read_config(file)
