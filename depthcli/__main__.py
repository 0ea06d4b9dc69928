"""`python -m depthcli`."""

from depthcli.cli import main

if __name__ == "__main__":
    main()
