"""The dialog that asks before a drill that runs is left."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from rca_tui.game import Game
from rca_tui.glyphs import WARN


class LeaveDialog(ModalScreen[bool]):
    """Stay has the focus; True after Leave, or a second q."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stay", "Stay", show=False),
        Binding("q", "leave", "Leave", show=False),
    ]

    def __init__(self, game: Game) -> None:
        super().__init__()
        self._what = lost(game)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(f"{WARN} Leave the drill?"), classes="dialog-title -warn")
            yield Static(Text(self._what))
            yield Static(Text("q leaves · escape stays", style="dim"))
            with Horizontal(classes="dialog-buttons"):
                yield Button("Stay", id="stay", compact=True)
                yield Button("Leave", id="leave", variant="error", compact=True)

    def on_mount(self) -> None:
        self.query_one("#stay", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "leave")

    def action_stay(self) -> None:
        self.dismiss(False)

    def action_leave(self) -> None:
        self.dismiss(True)


def lost(game: Game) -> str:
    """What leaving a drill that runs costs."""
    if not game.sealed:
        return (
            "Your guess is committed, and its score is kept. The methods have not answered yet: you will not see how "
            "you did beside them."
        )
    undone = " The fault is undone first." if game.live else ""
    return f"It is not over: without a guess nothing is scored, and nobody tells what it was.{undone}"
