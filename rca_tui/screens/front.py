"""The front page: what the app can open. It is what `rca-tui` shows where no deployment runs; 0 returns to it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from cluster.text.plain import plain
from rca_tui.glyphs import UNKNOWN, WARN
from rca_tui.screens.openers import OpenFile, StartLocal, WatchUrls
from rca_tui.screens.page import FRONT
from rca_tui.screens.picker import ContextPicker, ScenarioPicker
from rca_tui.session import Session
from rca_tui.theme import tint_under_cursor
from rca_tui.widgets.keys import Keys
from rca_tui.work import messages, opening
from rca_tui.work.threads import in_thread

CHOICES = (
    ("pick", "r", "Replay", "Replay a drill", "A recorded incident, shipped with the package or saved here."),
    ("drill", "d", "Drill", "Play a drill", "The page comes: find the cause, then see how you did."),
    (
        "start",
        "s",
        "Start",
        "Start the local deployment",
        "NGINX, Ray Serve with four LLM replicas, Prometheus, a load.",
    ),
    ("connect", "c", "Connect", "Connect to a cluster", "A deployment on Kubernetes, by a context of your kubeconfig."),
    ("watch", "u", "URLs", "Watch URLs", "Engines that export metrics, or a Prometheus that has them."),
    ("file", "f", "File", "Open a file", "A saved incident, .zip or folder, or a case in the RCAEval layout."),
)
"""Action, key, label in the footer, title and description of each choice."""

DRILL_SPEED = 2.0
"""Seconds of the recording in one second of a drill that is begun here."""
ROOMY = 28
"""Height of a terminal in lines from which there is a blank line between the choices."""
LOW = 22
"""Height in lines below which the choices have no descriptions: all are in view. A line that wraps needs one more."""
MARGINS = 12
"""Cells beside a description: its indent, the list's and the scrollbar."""


class FrontPage(Screen[None]):
    """The choices, one key each.

    Args:
        session: of what is open, to return to.
        idle: whether nothing is open.
        armed: whether faults may be injected into a live deployment that is opened here.
    """

    MODE = FRONT
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.back", "Back", id="front.back"),  # first: the page itself shows the keys of the others
        *(
            Binding(key, f"choose('{action}')", label, id=f"front.{action}", tooltip=title)
            for action, key, label, title, _ in CHOICES
        ),
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
    ]
    help_text = (
        "What the app can open. r lists recorded incidents, with a search; d plays a drill; s starts the "
        "deployment on this machine; c lists the contexts of your kubeconfig; u takes the URLs of engines' metrics, "
        "or of a Prometheus; f takes a path. What is open stays open until another is."
    )

    def __init__(self, session: Callable[[], Session], idle: Callable[[], bool], armed: bool) -> None:
        super().__init__()
        self._armed = armed
        self._session, self._idle = session, idle
        self._facts: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        yield Static(id="front-head")
        yield OptionList(id="choices", markup=False)
        yield Static(id="front-foot")
        yield Keys()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda _: self._show())
        self._show()
        self.query_one(OptionList).focus()

    def on_unmount(self) -> None:
        self.app.theme_changed_signal.unsubscribe(self)  # which would keep it

    def on_screen_resume(self) -> None:
        self._show()
        self.app.run_worker(lambda: self.post_message(messages.Facts(_facts())), **in_thread("facts"))

    def on_facts(self, message: messages.Facts) -> None:
        self._facts = message.facts
        self._show()

    def on_resize(self) -> None:
        self._show()

    def _show(self) -> None:
        colour = self.app.theme_variables
        armed = (f"{WARN} ARMED", "warning") if self._armed else (f"{UNKNOWN} READ-ONLY", "secondary")
        head = Text.assemble(("rca_tui", f"bold {colour['primary']}"), "  ", (armed[0], f"bold {colour[armed[1]]}"))
        head.append("\nFind the faulty part of a live LLM deployment, and see why.")
        self.query_one("#front-head", Static).update(head)
        listed = self.query_one(OptionList)
        at = listed.highlighted or 0
        texts = {action: self._wrapped(about) for action, *_, about in CHOICES}
        beyond = sum(max(0, len(lines) - 1) for lines in (*texts.values(), *map(self._wrapped, self._facts.values())))
        described = self.size.height >= LOW + beyond
        listed.set_options(
            [
                Option(self._prompt(action, key, title, texts[action], described), id=action)
                for action, key, _, title, _ in CHOICES
            ]
        )
        listed.highlighted = at
        foot = "" if self._idle() else f"{plain(self._session().name)} stays open: escape returns to it."
        self.query_one("#front-foot", Static).update(Text(foot, style="dim"))

    def _wrapped(self, sentence: str) -> list[str]:
        return textwrap.wrap(plain(sentence, 1000), max(20, self.size.width - MARGINS))

    def _prompt(self, action: str, key: str, title: str, about: list[str], described: bool) -> Text:
        text = Text.assemble((f" {key} ", f"bold {tint_under_cursor(self.app)}"), " ", (title, "bold"))
        for line in [*(about if described else ()), *self._wrapped(self._facts.get(action, ""))]:
            text.append(f"\n    {line}", style="dim")
        return text.append("\n") if self.size.height >= ROOMY else text

    # -- keys ---------------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        listed = self.query_one(OptionList)
        (listed.action_cursor_down if step > 0 else listed.action_cursor_up)()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_id is not None:
            self.call_later(self.action_choose, event.option_id)

    async def action_choose(self, action: str) -> None:
        match action:
            case "pick":
                await self.app.run_action("app.pick")
            case "drill":
                self.app.push_screen(ScenarioPicker(), self._play)
            case "start":
                self.app.push_screen(StartLocal(), lambda done: self._open(opening.local()) if done else None)
            case "connect":
                self.app.push_screen(ContextPicker(), lambda name: self._open(opening.cluster(name)) if name else None)
            case "watch":
                self.app.push_screen(WatchUrls(), lambda source: self._open(source) if source else None)
            case "file":
                self.app.push_screen(OpenFile(), lambda source: self._open(source) if source else None)

    def _play(self, scenario: str | None) -> None:
        """Play a scenario on the deployment that runs here, where faults may be injected, else on a recording."""
        if scenario is None:
            return

        def choose() -> None:
            post = self.app.post_message
            post(messages.OpenAsked(opening.drill(scenario, self._armed and opening.local_runs(), DRILL_SPEED)))

        self.app.run_worker(choose, **in_thread("drill"))

    def _open(self, source: opening.Source) -> None:
        self.app.post_message(messages.OpenAsked(source))


def _facts() -> dict[str, str]:
    """Action -> what is known of it on this machine now."""
    from cluster.incident import library

    listed = library.listings()
    saved = sum(not listing.shipped for listing in listed)
    facts = {"pick": f"{len(listed) - saved} shipped, {saved} saved here; ctrl+o lists them from every screen."}
    if opening.local_runs():
        facts["start"] = "It runs already: s opens it."
    elif reason := opening.why_not_local():
        facts["start"] = f"{UNKNOWN} not on this machine: {reason}"
    return facts
