"""The keys that work now, in one line at the bottom: one widget, however many keys, and none is cut without a sign."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual.binding import ActiveBinding
from textual.events import Click, MouseMove
from textual.screen import Screen
from textual.widgets import Static

MORE = " …"
ALWAYS = ("abort", "help", "quit")
"""Actions of the keys that undo a fault, list all keys and leave: they are shown at any width."""
FORMS: tuple[tuple[str, frozenset[str]], ...] = (
    (" ", frozenset()),
    ("", frozenset()),
    ("", frozenset({"quit"})),
    ("", frozenset({"help", "quit"})),
)
"""What stands behind each key, and the actions whose keys stand without a word: the first form that fits is shown."""


class Keys(Static):
    """Follows the bindings of its screen. A click on a key presses it, and its tooltip is shown over it.

    `advertised` tells of an action whether its key is shown now.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = "Keys { dock: bottom; height: 1; text-wrap: nowrap; background: $panel; }"

    def __init__(self, advertised: Callable[[str], bool] = lambda action: True) -> None:
        super().__init__(markup=False)
        self._advertised = advertised
        self._shown: list[ActiveBinding] = []
        self._places: list[tuple[int, ActiveBinding]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._show())

    def on_unmount(self) -> None:
        self.app.theme_changed_signal.unsubscribe(self)  # which would keep it, and its screen

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.call_after_refresh(self._follow)

    def _follow(self) -> None:
        if not self.is_attached:
            return
        first: dict[str, ActiveBinding] = {}
        for active in self.screen.active_bindings.values():
            if active.binding.show and self._advertised(active.binding.action):
                first.setdefault(active.binding.action, active)
        if (shown := list(first.values())) != self._shown:
            self._shown = shown
            self._show()

    def on_resize(self) -> None:
        self._show()

    def _show(self) -> None:
        labels, needed = list[Text](), 0
        for behind, bare in FORMS:
            labels = [self._label(active, behind, active.binding.action in bare) for active in self._shown]
            needed = sum(label.cell_len for label in labels)
            if needed <= self.size.width:
                break
        if needed > self.size.width:
            kept = _that_fit(labels, [active.binding.action in ALWAYS for active in self._shown], self.size.width)
        else:
            kept = list(range(len(labels)))
        text, self._places = Text(no_wrap=True), []
        for before, place in zip([-1, *kept], kept, strict=False):
            if place != before + 1:
                text.append(MORE)
            text.append_text(labels[place])
            self._places.append((text.cell_len, self._shown[place]))
        if kept and kept[-1] != len(labels) - 1:
            text.append(MORE)
        self.update(text)

    def _label(self, active: ActiveBinding, behind: str, bare: bool) -> Text:
        colour = self.app.theme_variables
        key, word = self.app.get_key_display(active.binding), active.binding.description
        text = Text.assemble(
            (f" {key}" if bare else f" {key} ", f"bold {colour['footer-key-foreground']}"),
            (behind if bare else f"{word}{behind}", colour["foreground"]),
        )
        if not active.enabled:
            text.stylize("dim")
        return text

    def _at(self, x: int) -> ActiveBinding | None:
        return next((active for end, active in self._places if x < end), None)

    def on_click(self, event: Click) -> None:
        if (active := self._at(event.x)) is not None and active.enabled:
            self.app.simulate_key(active.binding.key)

    def on_mouse_move(self, event: MouseMove) -> None:
        active = self._at(event.x)
        tooltip = (active.tooltip or active.binding.description) if active else None
        if tooltip != self.tooltip:
            self.tooltip = tooltip


def _that_fit(labels: list[Text], always: list[bool], width: int) -> list[int]:
    """Places of the labels that are shown in `width` cells: the first ones, and those that always are."""
    room = width - 2 * len(MORE) - sum(label.cell_len for label, kept in zip(labels, always, strict=True) if kept)
    places = []
    for place, label in enumerate(labels):
        if not always[place]:
            room -= label.cell_len
        if always[place] or room >= 0:
            places.append(place)
    return places
