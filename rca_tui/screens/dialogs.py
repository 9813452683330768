"""Modal screens: a notice of an error, the help, and the confirmation that has to be typed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from cluster.text.plain import plain
from rca_tui.draw.text import COMMAND
from rca_tui.errors import Problem
from rca_tui.glyphs import BAD, WARN


def type_into(field: Input, event: events.Key) -> None:
    """Send what is typed to the field, although something else has the focus, or nothing yet: dialogs open slowly."""
    if event.is_printable and event.character and not field.has_focus:
        event.stop()
        field.focus()
        field.insert_text_at_cursor(event.character)


@dataclass(frozen=True, slots=True)
class Told:
    """What a notice says. `hint`: what else can be done in the app."""

    title: str
    problem: Problem
    hint: str = ""


class Notice(ModalScreen[None]):
    """Messages that the operator has to close, all at once. A command stands on lines of its own and is never cut."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter", "dismiss", "Close", show=False)]

    def __init__(self, *told: Told, past: bool = False) -> None:
        """`past`: these were told before and are read again."""
        super().__init__()
        self._told, self.past = told, past

    @property
    def told(self) -> tuple[Told, ...]:
        return self._told

    def say(self, *told: Told) -> None:
        """Say these instead; without any it closes, also when something lies over it."""
        self._told = told
        if told:
            self.refresh(recompose=True)
        elif self.is_active:
            self.dismiss()

    def on_screen_resume(self) -> None:
        if not self._told:
            self.dismiss()

    def on_mount(self) -> None:
        # The focus would scroll down to the button, past what was told last.
        self.query_one(Button).focus(scroll_visible=False)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            with VerticalScroll(classes="dialog-told", can_focus=False):
                for told in self._told:
                    yield Static(Text(f"{BAD} {plain(told.title)}"), classes="dialog-title -bad")
                    yield Static(Text(plain(told.problem.sentence, limit=1200)))
                    if told.problem.command:
                        yield Static(Text.assemble("Run: ", (plain(told.problem.command, COMMAND), "bold")))
                    if told.hint:
                        yield Static(Text(told.hint, style="dim"))
            with Horizontal(classes="dialog-buttons"):
                yield Button("Close", id="close", compact=True)

    def on_button_pressed(self) -> None:
        self.dismiss()


class Help(ModalScreen[None]):
    """The keys that work on this screen in this state."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,question_mark,q", "dismiss", "Close", show=False)]

    def __init__(self, about: str, keys: list[tuple[str, str]]) -> None:
        super().__init__()
        self._about, self._keys = about, keys

    def compose(self) -> ComposeResult:
        table = Table.grid(padding=(0, 2))
        for _ in range(2):
            table.add_column(style="bold", justify="right", no_wrap=True)
            table.add_column()
        lines = (len(self._keys) + 1) // 2
        for left, right in zip_longest(self._keys[:lines], self._keys[lines:], fillvalue=("", "")):
            table.add_row(*map(Text, (*left, *right)))
        with VerticalScroll(classes="dialog -help"):
            yield Static(Text("Help"), classes="dialog-title")
            yield Static(Text(self._about + "\n"))
            yield Static(table)


class Confirm(ModalScreen[bool]):
    """Asks for a typed word before something harmful. Cancel has the focus; True only after the word and a press."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]

    def __init__(self, title: str, what: str, word: str, verb: str) -> None:
        super().__init__()
        self._title, self._what, self._word, self._verb = title, what, word, verb

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(f"{WARN} {plain(self._title)}"), classes="dialog-title -warn")
            with VerticalScroll(classes="dialog-text", can_focus=False):
                yield Static(Text(self._what))
            yield Static(Text.assemble("Type ", (plain(self._word), "bold"), " to continue:"))
            yield Input(id="word", compact=True, select_on_focus=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(self._verb, id="go", variant="error", disabled=True, compact=True)

    def on_mount(self) -> None:
        self.query_one("#cancel", Button).focus()

    def on_key(self, event: events.Key) -> None:
        type_into(self.query_one(Input), event)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#go", Button).disabled = event.value != self._word

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value == self._word:
            self.dismiss(True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "go")

    def action_cancel(self) -> None:
        self.dismiss(False)
