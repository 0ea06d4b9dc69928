"""The Textual app of `depthcli watch`: it looks at books that others keep, and draws them."""

from depthcli.tui.app import WatchApp
from depthcli.tui.model.watched import Manager, Watched

__all__ = ["Manager", "WatchApp", "Watched"]
