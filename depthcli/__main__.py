"""`depthcli` and `python -m depthcli`: Ctrl-C is heeded first, then the command line is loaded."""

import sys

from depthcli.commands import exit_codes
from depthcli.commands.early_interrupt import early_interrupt


def main() -> None:
    """Load and run the command line."""
    early_interrupt.install()
    try:
        from depthcli.commands.main import main as run  # noqa: PLC0415, it takes a while
    except Exception:
        # C code makes another error of the interrupt.
        if early_interrupt.came:
            sys.exit(exit_codes.INTERRUPTED)
        raise
    run()


if __name__ == "__main__":
    main()
