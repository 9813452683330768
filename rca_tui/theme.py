"""A dark and a light theme. Status colours are from Okabe and Ito's palette; a glyph always accompanies them."""

from __future__ import annotations

from textual.theme import Theme


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
