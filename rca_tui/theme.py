"""A dark and a light theme. Status colours are from Okabe and Ito's palette; a glyph always accompanies them.

A terminal with 16 colours shows the nearest of its own, and several of ours would be the same: it has variants of both
themes. The console of Linux shows a bright background as the plain one, so no background is distinguished by that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.app import App
from textual.theme import Theme

FEW_COLOURS = frozenset({"standard", "windows"})
"""Colour systems of Rich that have 16 colours."""


def _scrollbar(track: str, thumb: str, held: str) -> dict[str, str]:
    """Quiet until it is dragged: what a screen shows is louder than where it scrolls."""
    tracks = {f"scrollbar-background{state}": track for state in ("", "-hover", "-active")}
    return {
        **tracks,
        "scrollbar": thumb,
        "scrollbar-hover": held,
        "scrollbar-active": held,
        "scrollbar-corner-color": track,
    }


DARK = Theme(
    name="rca-dark",
    dark=True,
    primary="#56B4E9",
    secondary="#7AA2C4",
    accent="#E69F00",
    success="#2BB38A",
    warning="#E69F00",
    error="#F0763B",
    foreground="#D8DEE6",
    background="#11151A",
    surface="#161B21",
    panel="#1E252D",
    variables={
        "chart-line": "#56B4E9",
        "chart-peer": "#4A5866",
        "chart-axis": "#7B8794",
        "chart-onset": "#E69F00",
        "chart-cursor": "#CC79A7",
        "chart-level": "#2BB38A",
        "chart-shade": "#2E2618",
        "footer-key-foreground": "#56B4E9",
        "border": "#3A4653",
        "block-cursor-background": "#2B4A63",
        "block-cursor-foreground": "#FFFFFF",
        "block-cursor-blurred-background": "#24323F",
        "block-cursor-blurred-foreground": "#D8DEE6",
        **_scrollbar("#161B21", "#33485A", "#56B4E9"),
    },
)

LIGHT = Theme(
    name="rca-light",
    dark=False,
    primary="#0072B2",
    secondary="#4F6F8A",
    accent="#A85F00",
    success="#00795A",
    warning="#A85F00",
    error="#C24400",
    foreground="#1D2530",
    background="#FAFAF7",
    surface="#FFFFFF",
    panel="#EEF1F4",
    variables={
        "chart-line": "#0072B2",
        "chart-peer": "#B4BEC8",
        "chart-axis": "#66727E",
        "chart-onset": "#A85F00",
        "chart-cursor": "#A8467C",
        "chart-level": "#00795A",
        "chart-shade": "#FBF0DA",
        "footer-key-foreground": "#0072B2",
        "border": "#B9C3CD",
        "block-cursor-background": "#CFE3F2",
        "block-cursor-foreground": "#10202E",
        "block-cursor-blurred-background": "#E2EBF2",
        "block-cursor-blurred-foreground": "#1D2530",
        **_scrollbar("#EEF1F4", "#B5C7D6", "#0072B2"),
    },
)

_BLACK, _RED, _BLUE, _MAGENTA, _CYAN, _GREY, _WHITE = (
    "#000000",
    "#AA0000",
    "#0000AA",
    "#AA00AA",
    "#00AAAA",
    "#555555",
    "#FFFFFF",
)
_CURSOR = {
    "block-cursor-background": _BLUE,
    "block-cursor-foreground": _WHITE,
    "block-cursor-blurred-background": _CYAN,
    "block-cursor-blurred-foreground": _BLACK,
}
_DARK_16 = replace(DARK, variables={**DARK.variables, **_CURSOR, **_scrollbar(_BLACK, _BLUE, _CYAN)})
_LIGHT_16 = replace(
    LIGHT,
    primary=_BLUE,
    secondary=_GREY,
    accent=_MAGENTA,
    success=_GREY,
    warning=_MAGENTA,
    error=_RED,
    variables={
        **LIGHT.variables,
        "chart-line": _BLUE,
        "chart-peer": _GREY,
        "chart-onset": _MAGENTA,
        "chart-cursor": _RED,
        "chart-level": _GREY,
        "footer-key-foreground": _BLUE,
        "border": _GREY,
        **_CURSOR,
        **_scrollbar(_WHITE, _BLUE, _CYAN),
    },
)


def themes(colour_system: str | None) -> tuple[Theme, Theme]:
    """The dark and the light theme for a terminal, by `Console.color_system` of Rich."""
    return (_DARK_16, _LIGHT_16) if colour_system in FEW_COLOURS else (DARK, LIGHT)


def tint_under_cursor(app: App[Any]) -> str:
    """Colour of a key or prompt that the cursor may come to lie under; "" where its background may be the same one."""
    return "" if app.console.color_system in FEW_COLOURS else app.theme_variables["primary"]


def begin_dark(app: App[Any]) -> dict[str, str]:
    """Register both themes and set the dark one, before the style sheet is parsed: set later, it is parsed again.

    Returns the variables of the style sheet.
    """
    for theme in themes(app.console.color_system):
        app.register_theme(theme)
    app.set_reactive(App.theme, DARK.name)
    app.update_classes({"-dark-mode": True, "-light-mode": False, f"-theme-{DARK.name}": True}, update=False)
    variables = app.get_css_variables()
    app.stylesheet.set_variables(variables)
    return variables
