"""What can be done here and now: the list behind the help and the command palette."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.dom import DOMNode
from textual.screen import Screen

from cluster.text.plain import plain

if TYPE_CHECKING:
    from rca_tui.app import RcaApp


@dataclass(frozen=True, slots=True)
class Usable:
    """A binding that works now. `owner` is the node whose action it is."""

    key: str
    words: str
    about: str
    action: str
    owner: DOMNode


def usable(screen: Screen[Any]) -> list[Usable]:
    """Every binding that works on this screen in this state, also while the palette lies over it."""
    found: dict[str, Usable] = {}
    for owner, binding, enabled, about in screen.active_bindings.values():
        if enabled and binding.description and binding.id and not binding.system:
            key = screen.app.get_key_display(binding)
            found.setdefault(binding.id, Usable(key, binding.description, about, binding.action, owner))
    return list(found.values())


def commands(app: RcaApp, screen: Screen[Any]) -> Iterable[SystemCommand]:
    """The keys' actions, the themes, and the telemetry of each component."""
    for one in usable(screen):
        run = partial(app.run_action, one.action, one.owner)
        yield SystemCommand(one.words, f"{one.about or one.words} ({one.key})", run)
    yield SystemCommand("Light or dark", "Switch between the two themes", app.action_light)
    for component in app.latest.topology.ids if app.latest else ():
        name = plain(component).replace("[", "(")  # the palette reads titles as markup
        yield SystemCommand(f"Telemetry of {name}", "Open it", partial(app.open_telemetry, component))
