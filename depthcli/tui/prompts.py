"""Prompts: a line at the bottom, and a list that is searched while typing."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.app import ComposeResult
    from textual.events import Paste


class Prompt(ModalScreen[str | None]):
    """Asks for a text in the last line of the screen; gives None if the user cancels.

    Args:
        question: shown before the text.
        value: to begin with.
        while_typing: called with the text at each change.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Cancel")]

    def __init__(
        self, question: str, value: str = "", while_typing: Callable[[str], None] | None = None
    ) -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._while_typing = while_typing

    def compose(self) -> ComposeResult:
        """Lay out the question and the text beside each other."""
        with Horizontal(id="prompt"):
            yield Label(f" {self._question} ", markup=False)
            yield Input(self._value, compact=True, select_on_focus=True)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        if self._while_typing:
            self._while_typing(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)


class Names(Input):
    """An input for names; pasted lines are joined with blanks."""

    def _on_paste(self, event: Paste) -> None:
        # What handles it next, the parent's, takes the first line only.
        event.text = " ".join(event.text.split())


def names_in(text: str) -> list[str]:
    """Return the names in a text, each once; blanks and commas separate them."""
    return list(dict.fromkeys(text.replace(",", " ").split()))


class Search(ModalScreen[list[str] | None]):
    """Asks for one of many names, and lists those that match what is typed.

    Several names, with blanks or commas between, are taken as they are.

    Args:
        title: of the box.
        search: returns the names that match a text, the best first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("down", "choose(1)", "Down"),
        Binding("up", "choose(-1)", "Up"),
    ]

    def __init__(self, title: str, search: Callable[[str], Awaitable[list[str]]]) -> None:
        super().__init__()
        self._box_title = title
        self._search = search

    def compose(self) -> ComposeResult:
        """Lay out the text over the list."""
        with Vertical(id="search") as box:
            box.border_title = self._box_title
            yield Names(placeholder="such as BNBBTC", compact=True)
            names = OptionList(id="found")
            names.can_focus = False
            yield names

    def on_mount(self) -> None:
        """Show the list before anything is typed."""
        self._look_for("")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._look_for(event.value)

    def _look_for(self, text: str) -> None:
        self.run_worker(self._fill(text), exclusive=True)

    async def _fill(self, text: str) -> None:
        found = self.query_one(OptionList)
        several = names_in(text)
        if len(several) > 1:
            found.set_options([Option(f"Enter adds {', '.join(several)}", disabled=True)])
            return
        try:
            names = await self._search(text)
        except Exception as error:  # noqa: BLE001, any error is shown in place of the list
            found.set_options([Option(str(error), disabled=True)])
            return
        if not names:
            found.set_options([Option("no matching symbol", disabled=True)])
            return
        found.set_options([Option(name, id=name) for name in names])
        found.highlighted = 0

    def action_choose(self, steps: int) -> None:
        """Go down or up the list."""
        found = self.query_one(OptionList)
        if found.option_count:
            found.highlighted = ((found.highlighted or 0) + steps) % found.option_count

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        typed = names_in(event.value)
        if len(typed) > 1:
            self.dismiss(typed)
            return
        found = self.query_one(OptionList)
        chosen = None if found.highlighted is None else found.get_option_at_index(found.highlighted)
        self.dismiss([chosen.id] if chosen and chosen.id else typed or None)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(None if event.option.id is None else [event.option.id])
