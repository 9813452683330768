"""The verdict's card: the answer, how sure, why and why not, what to look at next and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import Click
from textual.widgets import Static

from cluster.text.plain import plain
from rca_tui.glyphs import WARN
from rca_tui.session import Diagnosis
from rca_tui.theme import tint_under_cursor
from rca_tui.widgets.fitted import Fitted

if TYPE_CHECKING:
    from methods.verdict.types import Action, Verdict

TRAIL, TRAIL_FROM = 18, 64
"""Cells of a signal beside a sentence, and the width from which there is room for it."""


class Command(Static, can_focus=True):
    """One thing to do, with the command for it. Enter or a click copies the command; nothing is ever run."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "app.copy", "Copy command", id="card.copy")]

    def __init__(self, action: Action, tint: str) -> None:
        from cluster.display import Code, code_lines

        self.command = "\n".join(code_lines(Code(action.command)))
        text = Text.assemble((plain(action.title), "bold"))
        for line in self.command.split("\n"):
            text.append("\n$ ", style=tint).append(line)
        super().__init__(text)

    async def on_click(self, event: Click) -> None:
        event.stop()
        self.focus()
        await self.app.run_action("app.copy")


class Card(VerticalScroll, can_focus=True):
    """Shows a verdict, or a sentence in its place. It scrolls; tab goes through its commands."""

    def compose(self) -> ComposeResult:
        yield Fitted(id="answer-head")
        with Horizontal(id="answer-body"):
            with Vertical(id="answer-why"):
                yield Fitted(id="answer-chances")
                yield Fitted(id="answer-evidence")
            with Vertical(id="answer-then"):
                yield Static(id="answer-next")
                yield Vertical(id="answer-do")
                yield Static(id="answer-doubts")

    def on_mount(self) -> None:
        self._actions: tuple[object, ...] = ()

    def on_descendant_blur(self) -> None:
        self.call_after_refresh(self._show_head)

    def on_blur(self) -> None:
        self.call_after_refresh(self._show_head)

    def _show_head(self) -> None:
        """The card becomes small when the focus leaves it: what is left of it is the answer."""
        if not self.has_pseudo_class("focus-within"):
            self.scroll_home(animate=False)

    def show_text(self, *sentences: str) -> None:
        """Sentences in place of a verdict."""
        text = Text("\n".join(plain(s, 1000) for s in sentences), style="dim")
        self.query_one("#answer-head", Fitted).show(lambda *_: text)
        self.query_one("#answer-body").display = False

    def show(self, diagnosis: Diagnosis, verdict: Verdict, note: str = "") -> None:
        """Show the verdict of a diagnosis, and a note of what has changed since."""
        from rca_tui.draw.verdict import chances, doubts, evidence, following, head

        colour = dict(self.app.theme_variables)
        self.query_one("#answer-body").display = True

        def top(width: int, _: int) -> Text:
            text = head(diagnosis, verdict, colour, width)
            return text.append(f"\n{WARN} {note}", style=colour["warning"]) if note else text

        self.query_one("#answer-head", Fitted).show(top)
        self.query_one("#answer-chances", Fitted).show(lambda width, _: chances(verdict, colour, width))
        self.query_one("#answer-evidence", Fitted).show(
            lambda width, _: evidence(diagnosis, verdict, colour, TRAIL if width >= TRAIL_FROM else 0)
        )
        self.query_one("#answer-next", Static).update(following(verdict, colour))
        self.query_one("#answer-doubts", Static).update(doubts(verdict, colour))
        tint = tint_under_cursor(self.app)
        actions = (*verdict.actions, tint)
        if actions != self._actions:  # a command that has the focus keeps it while the verdict is refined
            self._actions = actions
            box = self.query_one("#answer-do", Vertical)
            box.remove_children()
            if verdict.actions:
                title = Text.assemble(("  What to do", f"bold {colour['secondary']}"), ("  enter copies", "dim"))
                box.mount(Static(title))
                box.mount(*(Command(action, tint) for action in verdict.actions))

    def copied(self, verdict: Verdict | None) -> str:
        """The command that has the focus, else the whole verdict."""
        focused = self.screen.focused
        if isinstance(focused, Command):
            return focused.command
        from cluster.display import document, to_text

        return to_text(document(verdict)) if verdict is not None else ""
