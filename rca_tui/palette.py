"""The actions that are available now: the list behind the help and the command palette."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual.app import SystemCommand
from textual.dom import DOMNode
from textual.screen import Screen

from cluster.text.plain import plain
from rca_tui.screens.page import Page
from rca_tui.session import Session


@dataclass(frozen=True, slots=True)
class KeyHint:
    """A binding that works now. `owner` is the node whose action it is; `minor` one that is half of a pair of keys."""

    key: str
    label: str
    tooltip: str
    action: str
    owner: DOMNode
    minor: bool


def key_hints(screen: Screen[Any]) -> list[KeyHint]:
    """Every binding that works on this screen in this state, also while the palette lies over it."""
    hints: dict[str, KeyHint] = {}
    for owner, binding, enabled, tooltip in screen.active_bindings.values():
        if isinstance(screen, Page) and not screen.advertises(binding.action):
            continue
        if enabled and binding.description and binding.id and not binding.system:
            key = screen.app.get_key_display(binding)
            minor = not binding.show and not binding.tooltip and not binding.action.startswith("show(")
            hints.setdefault(binding.id, KeyHint(key, binding.description, tooltip, binding.action, owner, minor))
    return list(hints.values())


def commands(screen: Screen[Any], session: Session) -> Iterable[SystemCommand]:
    """The actions of the keys, the themes, and the telemetry of each component."""
    for hint in key_hints(screen):
        if hint.minor:
            continue
        run = partial(screen.app.run_action, hint.action, hint.owner)
        yield SystemCommand(hint.label, f"{hint.tooltip or hint.label} ({hint.key})", run)
    run_theme = partial(screen.app.run_action, "app.theme")
    yield SystemCommand("Light or dark", "Switch between the two themes", run_theme)
    for component in session.latest.topology.ids if session.latest else ():
        name = plain(component).replace("[", "(")  # the palette reads titles as markup
        yield SystemCommand(f"Go to {name}", "Open its telemetry", _open_telemetry(screen, session, component))


def _open_telemetry(screen: Screen[Any], session: Session, component: str) -> Callable[[], None]:
    def run() -> None:
        session.subject = (component, "")
        # Once the palette has closed: modes are not switched under a dialog.
        screen.app.call_later(screen.app.run_action, "app.show('telemetry')")

    return run
