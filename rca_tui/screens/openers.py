"""Dialogs of the front page: a path to open, addresses or a Prometheus to watch, the start of the local deployment."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from cluster.deployment import DeploymentError
from cluster.endpoints.watched import watched
from cluster.errors import RcaError
from cluster.paths import expanded
from cluster.text.plain import plain
from cluster.text.times import span
from rca_tui.draw.text import COMMAND
from rca_tui.errors import Problem, described
from rca_tui.glyphs import BAD, GOOD
from rca_tui.screens.dialogs import type_into
from rca_tui.work import messages, opening
from rca_tui.work.starting import LocalStart
from rca_tui.work.threads import in_thread


@dataclass(frozen=True, slots=True)
class _Field:
    """One line to fill in. `label` is empty where it is the only one; `example` is shown while it is empty."""

    id: str
    label: str = ""
    example: str = ""


class _Ask(ModalScreen[opening.Source]):
    """Asks for some lines, reads them, and returns what they name. What is wrong with them is said below."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Cancel", show=False)]
    HEADING: ClassVar[str]
    ABOUT: ClassVar[str]
    FIELDS: ClassVar[tuple[_Field, ...]]

    def source(self, lines: Mapping[str, str]) -> opening.Source:
        """Of what each field has, stripped. Runs in a worker thread. Raises an RcaError or OSError."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(self.HEADING), classes="dialog-title")
            yield Static(Text(self.ABOUT))
            for one in self.FIELDS:
                with Horizontal(classes="field"):
                    if one.label:
                        yield Static(Text(one.label), classes="field-label")
                    yield Input(id=one.id, compact=True, select_on_focus=False, placeholder=one.example)
            yield Static(id="wrong")
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        self.query(Input).first().focus()

    def on_key(self, event: events.Key) -> None:
        if not isinstance(self.focused, Input):
            type_into(self.query(Input).first(), event)

    def on_input_submitted(self) -> None:
        lines = {field.id or "": field.value.strip() for field in self.query(Input)}
        if any(lines.values()):
            self.query_one("#wrong", Static).update(Text("Reading …", style="dim"))
            self.app.run_worker(lambda: self._read(lines), **in_thread("file"))

    def _read(self, lines: Mapping[str, str]) -> None:
        try:
            source = self.source(lines)
        except (RcaError, OSError) as error:
            self.post_message(messages.FileRead(None, described(error).sentence))
        else:
            self.post_message(messages.FileRead(source, ""))

    def on_file_read(self, message: messages.FileRead) -> None:
        if message.source is not None:
            self.dismiss(message.source)
            return
        text = Text(f"{BAD} {plain(message.problem, 1200)}", style=self.app.theme_variables["error"])
        self.query_one("#wrong", Static).update(text)

    def on_button_pressed(self) -> None:
        self.action_leave()

    def action_leave(self) -> None:
        self.dismiss(None)


class OpenFile(_Ask):
    """Asks for a path and reads the incident."""

    HEADING = "Open a file"
    ABOUT = "Path of an incident, .zip or folder, or of a case in the RCAEval layout:"
    FIELDS = (_Field("path"),)

    def source(self, lines: Mapping[str, str]) -> opening.Source:
        line = lines["path"]
        path = str(expanded(line))
        deployment = opening.incident(path).connect()
        return opening.Source(path, lambda: deployment, live=False)


class WatchUrls(_Ask):
    """Asks for the addresses of engines, or for a Prometheus that scrapes them, and starts to read."""

    HEADING = "Watch URLs"
    ABOUT = (
        "Targets, with spaces between, or a file of Prometheus's file_sd; or a Prometheus that scrapes them. "
        "tab: next field, enter: watch."
    )
    FIELDS = (
        _Field("targets", "Targets", "http://HOST:PORT/metrics …"),
        _Field("prometheus", "Prometheus", "http://HOST:9090"),
        _Field("match", "Match", 'of that Prometheus: job="vllm"'),
        _Field("gateway", "Gateway", "optional, its metrics: http://HOST:PORT/metrics"),
    )

    def source(self, lines: Mapping[str, str]) -> opening.Source:
        line = lines["targets"]
        targets = tuple(line.split()) if "://" in line else (line,) if line else ()
        named = watched(targets, lines["prometheus"], lines["match"], lines["gateway"])
        from cluster.endpoints.deployment import begin

        begin(named)
        return opening.endpoints(named)


class StartLocal(ModalScreen[bool]):
    """Starts the deployment on this machine and shows the stages. True once it serves; it can be cancelled."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel", show=False)]

    def __init__(self, start: LocalStart | None = None) -> None:
        super().__init__()
        self._start = start or LocalStart()
        self._stages: list[tuple[float, str]] = []
        self._problem: Problem | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text("Start the local deployment"), classes="dialog-title")
            yield Static(id="stages")
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        self._stages.append((time.monotonic(), "looking at this machine"))
        self.set_interval(1.0, self._show)
        self._show()
        self.app.run_worker(self._run, **in_thread("start"))

    def on_unmount(self) -> None:
        # Nothing half-started is left when the app ends.
        self._start.cancel()

    def _run(self) -> None:
        try:
            if opening.local_runs():
                self.post_message(messages.StartEnded(True))
                return
            if reason := opening.why_not_local():
                raise DeploymentError(reason)
            served = self._start.run(lambda line: self.post_message(messages.Stage(line)))
        except (RcaError, OSError) as error:
            self.post_message(messages.StartEnded(False, described(error)))
        else:
            self.post_message(messages.StartEnded(served))

    def on_stage(self, message: messages.Stage) -> None:
        self._stages.append((time.monotonic(), message.text))
        self._show()

    def on_start_ended(self, message: messages.StartEnded) -> None:
        if message.problem is None:
            self.dismiss(message.served)
            return
        self._problem = message.problem
        self.query_one(Button).label = "Close"
        self._show()

    def _show(self) -> None:
        colour, text = self.app.theme_variables, Text()
        ends = [began for began, _ in self._stages[1:]]
        for (began, stage), end in zip(self._stages, [*ends, None], strict=True):
            took = span((end or time.monotonic()) - began)
            done = end is not None
            text.append(f"{GOOD if done else '…'} ", style=colour["success" if done else "accent"])
            text.append(plain(stage, 300)).append(f"  {took}\n" if self._problem is None or done else "\n", style="dim")
        if self._problem is not None:
            text.append(f"{BAD} {plain(self._problem.sentence, 1200)}", style=colour["error"])
            if self._problem.command:
                text.append(f"\nRun: {plain(self._problem.command, COMMAND)}", style="bold")
        elif self._start.cancelled:
            text.append("Cancelled: removing what has been started …", style="bold")
        self.query_one("#stages", Static).update(text)

    def on_button_pressed(self) -> None:
        self.action_cancel()

    def action_cancel(self) -> None:
        """Close after a failure; else ask the start to end, and close once it has."""
        if self._problem is not None:
            self.dismiss(False)
            return
        self._start.cancel()
        self._show()
