"""The dialog in which a player of a drill commits to a guess."""

from __future__ import annotations

import math
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Button, Input, Label, Select, SelectionList, Static
from textual.widgets.selection_list import Selection

from cluster.incident.truth import NO_FAULT
from cluster.text.plain import plain
from rca_tui.game import Guess
from rca_tui.glyphs import BAD

OPEN = ""
"""The fault is left open."""


class Marked(SelectionList[str]):
    """Chosen or not is told by a sign, not by a colour alone."""

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        line = y + self.scroll_offset.y
        if line >= self.option_count or self.get_option_at_index(line).value in self.selected:
            return strip
        left, inner, *rest = strip
        return Strip([left, Segment(" " * len(inner.text), inner.style), *rest])


class GuessDialog(ModalScreen[Guess]):
    """Components, none of them for nobody; the fault; how sure. Cancel has no cost, Commit is final.

    Args:
        components: ids that can be named.
        faults: names of the faults that can be.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("ctrl+g", "commit", "Commit", show=False, priority=True),
    ]

    def __init__(self, components: tuple[str, ...], faults: tuple[str, ...]) -> None:
        super().__init__()
        self._components, self._faults = components, faults

    def compose(self) -> ComposeResult:
        faults = [("left open", OPEN), ("no fault", NO_FAULT), *((name, name) for name in self._faults)]
        with Vertical(classes="dialog -guess"):
            yield Static(Text("Your guess: it is final"), classes="dialog-title")
            yield Static(id="named")
            yield Marked(*(Selection(Text(plain(c)), c) for c in self._components), id="who")
            with Horizontal(classes="line"):
                yield Label("fault", classes="knob")
                yield Select(faults, value=OPEN, allow_blank=False, compact=True, id="what", classes="value")
            with Horizontal(classes="line"):
                yield Label("how sure, %", classes="knob")
                yield Input("", placeholder="0 to 100", id="sure", compact=True, classes="value")
            yield Static(id="guess-wrong")
            yield Static(Text("tab moves on · ctrl+g commits · escape goes back", style="dim"))
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Commit", id="commit", variant="primary", compact=True)

    def on_mount(self) -> None:
        self.query_one(SelectionList).focus()
        self.on_selection_list_selected_changed()

    def on_selection_list_selected_changed(self) -> None:
        # Said in words, too: the list tells by colour alone.
        named = plain(", ".join(self._named)) or "nobody"
        self.query_one("#named", Static).update(Text.assemble("Who is at fault? space chooses. ", (named, "bold")))

    @property
    def _named(self) -> tuple[str, ...]:
        chosen = set(self.query_one(SelectionList).selected)
        return tuple(component for component in self._components if component in chosen)

    def action_leave(self) -> None:
        self.dismiss(None)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "commit":
            self.action_commit()
        else:
            self.dismiss(None)

    def on_input_submitted(self) -> None:
        self.action_commit()

    def action_commit(self) -> None:
        try:
            sure = float(self.query_one(Input).value.strip().removesuffix("%"))
        except ValueError:
            sure = math.nan
        if not 0 <= sure <= 100:
            wrong = Text(f"{BAD} say how sure you are, from 0 to 100 %", style=self.app.theme_variables["error"])
            self.query_one("#guess-wrong", Static).update(wrong)
            self.query_one(Input).focus()
            return
        self.dismiss(Guess(self._named, str(self.query_one("#what", Select).value), sure / 100))
