"""What can be done here and now: the list behind the help and the command palette."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.screen import Screen

from rca_tui.text import plain

if TYPE_CHECKING:
    from rca_tui.app import RcaApp


def usable(app: RcaApp) -> list[tuple[str, str, str, str]]:
    """Key, words, explanation and action of every binding that works on this screen in this state."""
    found: dict[str, tuple[str, str, str, str]] = {}
    for _, binding, enabled, tooltip in app.screen.active_bindings.values():
        if enabled and binding.description and binding.id and not binding.system:
            key = app.get_key_display(binding)
            found.setdefault(binding.id, (key, binding.description, tooltip, binding.action))
    return list(found.values())


def commands(app: RcaApp, screen: Screen[object]) -> Iterable[SystemCommand]:
    """The keys' actions, the themes, and the telemetry of each component."""
    for key, words, about, action in usable(app):
        yield SystemCommand(words, f"{about or words} ({key})", partial(app.run_action, action, screen))
    yield SystemCommand("Light or dark", "Switch between the two themes", app.action_light)
    for component in app.latest.topology.ids if app.latest else ():
        name = plain(component).replace("[", "(")  # the palette reads titles as markup
        yield SystemCommand(f"Telemetry of {name}", "Open it", partial(app.open_telemetry, component))
