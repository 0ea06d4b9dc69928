"""The colours, and the Rich style of each style name that lines use, made once per theme."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from depthcli.tui.drawing.styled_lines import OLD
from depthcli.tui.views.heatmap import ASK, BID, NOT_YET, NOTHING_KNOWN, SHADES


class _Colours(NamedTuple):
    """The few colours that all styles are mixed from."""

    background: str
    surface: str
    text: str
    muted: str
    faint: str
    bid: str
    ask: str
    live: str
    waiting: str
    stale: str
    brand: str


_DARK: Final = _Colours(
    background="#0d1117",
    surface="#1b222c",
    text="#d6dde6",
    muted="#8b97a6",
    faint="#465160",
    bid="#3fb98a",
    ask="#f0616d",
    live="#3fb98a",
    waiting="#58a6ff",
    stale="#f2b134",
    brand="#58a6ff",
)

_LIGHT: Final = _Colours(
    background="#fbfcfd",
    surface="#e8edf2",
    text="#1f2730",
    muted="#5c6773",
    faint="#aab4bf",
    bid="#0a7d55",
    ask="#c4283a",
    live="#0a7d55",
    waiting="#0b62c4",
    stale="#955f00",
    brand="#0b62c4",
)


_DARK_16: Final = _Colours(
    background="black",
    surface="black",
    text="bright_white",
    muted="white",
    faint="bright_black",
    bid="green",
    ask="red",
    live="green",
    waiting="cyan",
    stale="yellow",
    brand="cyan",
)

_LIGHT_16: Final = _Colours(
    background="bright_white",
    surface="bright_white",
    text="black",
    muted="bright_black",
    faint="white",
    bid="green",
    ask="red",
    live="green",
    waiting="blue",
    stale="magenta",
    brand="blue",
)
"""A terminal of 16 colours has no shades: each colour is the terminal's own, by its name."""


def _theme(name: str, colours: _Colours, *, dark: bool) -> Theme:
    return Theme(
        name=name,
        primary=colours.brand,
        secondary=colours.muted,
        accent=colours.brand,
        warning=colours.stale,
        error=colours.ask,
        success=colours.bid,
        foreground=colours.text,
        background=colours.background,
        surface=colours.surface,
        panel=colours.surface,
        dark=dark,
    )


_HEAT_ENDS: Final = {True: "#ffd479", False: "#7a3b00"}
"""The strongest shade of the heatmap; True: on a dark background."""

DARK: Final = _theme("depthcli-dark", _DARK, dark=True)
LIGHT: Final = _theme("depthcli-light", _LIGHT, dark=False)


def _mixed(colour: str, background: str, share: float) -> str:
    """Return the background with some of a colour in it."""
    if share == 1:
        return colour
    return Color.parse(background).blend(Color.parse(colour), share).hex6


class _Look(NamedTuple):
    """A style before its colours are mixed.

    Attributes:
        colour: the text's; a field of `_Colours`.
        share: how much of it there is; the rest is the background.
        ground: the colour behind the text; a field of `_Colours`.
        ground_share: how much of that there is; the rest is the background.
        bold: as in Rich, like `dim`, `reverse` and `underline`.
    """

    colour: str = "text"
    share: float = 1
    ground: str = "background"
    ground_share: float = 1
    bold: bool | None = None
    dim: bool | None = None
    reverse: bool | None = None
    underline: bool | None = None


def _side_looks(side: str) -> dict[str, _Look]:
    return {
        side: _Look(side),
        f"{side}.best": _Look(side, ground=side, ground_share=0.22, bold=True),
        f"{side}.bar": _Look(side, 0.6),
        f"{side}.edge": _Look(side, 0.6, reverse=True),
        f"{side}.balance": _Look(side, 0.6),
    }


def _state_looks(state: str, colour: str) -> dict[str, _Look]:
    return {
        f"state.{state}": _Look(colour, ground="surface", bold=True),
        f"mark.{state}": _Look(colour, ground="surface"),
        f"sign.{state}": _Look(colour, bold=True),
    }


_LOOKS: Final[dict[str, _Look]] = {
    "": _Look(),
    "name": _Look(bold=True),
    "label": _Look("muted"),
    "rule": _Look("faint"),
    "reason": _Look("stale", bold=True),
    "quantity": _Look(),
    "quantity.best": _Look(bold=True),
    "cumulative": _Look("muted"),
    "cumulative.best": _Look("muted", bold=True),
    "old": _Look("muted", 0.75, dim=True),
    "old.bar": _Look("faint", dim=True),
    "old.edge": _Look("faint", dim=True, reverse=True),
    "tail": _Look("muted", 0.8),
    "tail.bar": _Look("muted", 0.45),
    "tail.edge": _Look("muted", 0.45, reverse=True),
    "selected": _Look(ground="brand", ground_share=0.25, bold=True),
    "cursor.line": _Look("brand", bold=True),
    "cursor": _Look("background", ground="brand", bold=True),
    "ladder.price": _Look("muted"),
    "ladder.gap": _Look("muted", 0.8),
    "flash.more": _Look(ground="bid", ground_share=0.3, bold=True),
    "flash.less": _Look(ground="ask", ground_share=0.3, bold=True),
    "spread": _Look(),
    "spread.rule": _Look("faint"),
    "title": _Look("muted", ground="surface"),
    "title.name": _Look(ground="surface", bold=True),
    "title.focused": _Look("brand", ground="surface", bold=True, underline=True),
    "title.text": _Look("muted", ground="surface"),
    "title.sorted": _Look(ground="surface", bold=True),
    "brand": _Look("background", ground="brand", bold=True),
    "header": _Look(),
    "header.view": _Look(ground="surface", bold=True),
    "header.text": _Look("muted"),
    "header.warning": _Look("stale", bold=True),
    "paused": _Look("background", ground="stale", bold=True),
    "footer": _Look("muted", ground="surface"),
    "footer.pointed": _Look(ground="surface", bold=True),
    "key": _Look("brand", ground="surface", bold=True),
    **_side_looks("bid"),
    **_side_looks("ask"),
    **_state_looks("live", "live"),
    **_state_looks("connecting", "waiting"),
    **_state_looks("buffering", "waiting"),
    **_state_looks("stale", "stale"),
    **_state_looks("closed", "muted"),
}
"""The looks by the names of their styles.

Where a colour says something, an attribute (bold, dim, reverse) says it too, so that a terminal
without colours still shows it.
"""

_LOOKS_16: Final = _LOOKS | {
    "flash.more": _Look("bid", bold=True),
    "flash.less": _Look("ask", bold=True),
}
"""The same for 16 colours. A flash has no ground there: unmixed, it would outshine the touch."""


@cache
def palette(*, dark: bool, few: bool = False) -> dict[str, Style]:
    """Return the Rich style of each style name.

    Args:
        dark: whether the background is dark.
        few: whether there are only the 16 colours that every terminal has.
    """
    shaded = _DARK if dark else _LIGHT
    if few:
        named = _DARK_16 if dark else _LIGHT_16
        styles = {name: _style_of_16(look, named) for name, look in _LOOKS_16.items()}
    else:
        styles = {name: _style(look, shaded) for name, look in _LOOKS.items()}
    grey = shaded._replace(bid=shaded.muted, ask=shaded.muted)
    heat = _heat(shaded, _HEAT_ENDS[dark])
    old_heat = _heat(grey, shaded.faint)
    return styles | heat | {f"{OLD}.{name}": style for name, style in old_heat.items()}


def _style(look: _Look, colours: _Colours) -> Style:
    """Return a look in mixed colours."""
    return _rich_style(
        look,
        _mixed(getattr(colours, look.colour), colours.background, look.share),
        _mixed(getattr(colours, look.ground), colours.background, look.ground_share),
    )


def _style_of_16(look: _Look, colours: _Colours) -> Style:
    """Return a look in the terminal's own colours; a mixed ground becomes the whole colour."""
    colour, ground = getattr(colours, look.colour), getattr(colours, look.ground)
    if look.ground_share < 1:
        colour = "bright_white" if look.ground == "ask" else colours.background
    return _rich_style(look, colour, ground)


def _rich_style(look: _Look, colour: str, ground: str) -> Style:
    return Style(
        color=colour,
        bgcolor=ground,
        bold=look.bold,
        dim=look.dim,
        reverse=look.reverse,
        underline=look.underline,
    )


def _heat(colours: _Colours, strongest: str) -> dict[str, Style]:
    """Return a style for each pair of prices that share a cell of the heatmap."""
    shades = {
        str(shade): _mixed(strongest, colours.background, (shade / (SHADES - 1)) ** 1.2)
        if shade
        else colours.background
        for shade in range(SHADES)
    }
    unknown = colours.surface
    shades |= {NOTHING_KNOWN: unknown, NOT_YET: unknown, BID: colours.bid, ASK: colours.ask}
    return {
        f"heat.{upper}.{lower}": Style(color=shades[upper], bgcolor=shades[lower])
        for upper in shades
        for lower in shades
    }
