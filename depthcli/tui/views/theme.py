"""Colours: the names of styles that lines use, as Rich styles made once for each theme."""

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
"""The strongest shade of the heatmap, in the dark and in the light."""

DARK: Final = _theme("depthcli-dark", _DARK, dark=True)
LIGHT: Final = _theme("depthcli-light", _LIGHT, dark=False)


def _mixed(colour: str, background: str, share: float) -> str:
    """Return the background with some of a colour in it."""
    return Color.parse(background).blend(Color.parse(colour), share).hex6


@cache
def palette(*, dark: bool, few: bool = False) -> dict[str, Style]:
    """Return the Rich style of each style name.

    Where a colour says something, an attribute (bold, dim, reverse) says it too, so that a terminal
    without colours shows it all the same.

    Args:
        dark: whether the ground is dark.
        few: whether there are only the 16 colours that every terminal has.
    """
    dark_ones, light_ones = (_DARK_16, _LIGHT_16) if few else (_DARK, _LIGHT)
    colours = dark_ones if dark else light_ones

    def style(
        colour: str,
        background: str = colours.background,
        *,
        bold: bool | None = None,
        dim: bool | None = None,
        reverse: bool | None = None,
        underline: bool | None = None,
    ) -> Style:
        return Style(
            color=colour,
            bgcolor=background,
            bold=bold,
            dim=dim,
            reverse=reverse,
            underline=underline,
        )

    def shade(colour: str, share: float) -> str:
        return colour if few else _mixed(colour, colours.background, share)

    def on(colour: str, share: float, text: str) -> Style:
        """Return bold text on a ground with some of a colour in it."""
        if few:
            light = "bright_white" if colour == colours.ask else colours.background
            return style(light, colour, bold=True)
        return style(text, shade(colour, share), bold=True)

    surface = colours.surface
    old = shade(colours.muted, 0.75)
    tail = shade(colours.muted, 0.8)
    tail_bar = shade(colours.muted, 0.45)
    made = {
        "": style(colours.text),
        "name": style(colours.text, bold=True),
        "label": style(colours.muted),
        "rule": style(colours.faint),
        "reason": style(colours.stale, bold=True),
        "quantity": style(colours.text),
        "quantity.best": style(colours.text, bold=True),
        "cumulative": style(colours.muted),
        "cumulative.best": style(colours.muted, bold=True),
        "old": style(old, dim=True),
        "old.bar": style(colours.faint, dim=True),
        "old.edge": style(colours.faint, dim=True, reverse=True),
        "tail": style(tail),
        "tail.bar": style(tail_bar),
        "tail.edge": style(tail_bar, reverse=True),
        "selected": on(colours.brand, 0.25, colours.text),
        "cursor.line": style(colours.brand, bold=True),
        "cursor": style(colours.background, colours.brand, bold=True),
        "ladder.price": style(colours.muted),
        "ladder.gap": style(shade(colours.muted, 0.8)),
        # Without shades a ground would be louder than the touch.
        "flash.more": style(colours.bid, bold=True) if few else on(colours.bid, 0.3, colours.text),
        "flash.less": style(colours.ask, bold=True) if few else on(colours.ask, 0.3, colours.text),
        "spread": style(colours.text),
        "spread.rule": style(colours.faint),
        "title": style(colours.muted, surface),
        "title.name": style(colours.text, surface, bold=True),
        "title.focused": style(colours.brand, surface, bold=True, underline=True),
        "title.text": style(colours.muted, surface),
        "title.sorted": style(colours.text, surface, bold=True),
        "brand": style(colours.background, colours.brand, bold=True),
        "header": style(colours.text),
        "header.view": style(colours.text, surface, bold=True),
        "header.text": style(colours.muted),
        "header.warning": style(colours.stale, bold=True),
        "paused": style(colours.background, colours.stale, bold=True),
        "footer": style(colours.muted, surface),
        "footer.told": style(colours.text, surface, bold=True),
        "key": style(colours.brand, surface, bold=True),
    }
    for side, colour in (("bid", colours.bid), ("ask", colours.ask)):
        bar = shade(colour, 0.6)
        made |= {
            side: style(colour),
            f"{side}.best": on(colour, 0.22, colour),
            f"{side}.bar": style(bar),
            f"{side}.edge": style(bar, reverse=True),
            f"{side}.balance": style(bar),
        }
    states = {
        "live": colours.live,
        "connecting": colours.waiting,
        "buffering": colours.waiting,
        "stale": colours.stale,
        "closed": colours.muted,
    }
    for state, colour in states.items():
        made |= {
            f"state.{state}": style(colour, surface, bold=True),
            f"mark.{state}": style(colour, surface),
            f"sign.{state}": style(colour, bold=True),
        }
    shaded = _DARK if dark else _LIGHT
    grey = shaded._replace(bid=shaded.muted, ask=shaded.muted)
    heat = _heat(shaded, _HEAT_ENDS[dark])
    old_heat = _heat(grey, shaded.faint)
    return made | heat | {f"{OLD}.{name}": made for name, made in old_heat.items()}


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
