"""Controls, and a result that follows them: computed in a thread, with progress and a stop button.

A changed control cancels the running computation, whose processes are killed, and starts a new one. `wait` returns the
result as a value, which is displayed also where widgets are not.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, TypeAlias

import ipywidgets as widgets

from cluster.display import Code, Document, Line, Tone, to_html, to_text
from rca_tui.errors import Problem, described
from rca_tui.notebook.picture import Picture

Choice: TypeAlias = Mapping[str, Any]
Report: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class View:
    """The result of a panel: a document, and a picture if there is one."""

    document: Document
    picture: Picture | None = None

    def _repr_html_(self) -> str:
        said = to_html(self.document)
        if self.picture is None:
            return said
        packed = base64.b64encode(self.picture.png).decode()
        return f'<img alt="{escape(self.picture.words)}" src="data:image/png;base64,{packed}">{said}'

    def __repr__(self) -> str:
        return "\n".join([*([repr(self.picture)] if self.picture else []), to_text(self.document)])


Work: TypeAlias = Callable[[Choice, threading.Event, Report], View | None]
"""From the choices, an event that cancels, and a function that reports progress, to a result; None when cancelled."""


class Panel:
    """Controls by name, and the computation that their values start. The first one starts at once."""

    def __init__(self, controls: Mapping[str, widgets.ValueWidget], work: Work) -> None:
        self.controls = dict(controls)
        self._work = work
        self._cancelled = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._thread = threading.Thread()
        self._view = View((Line("There is no result yet.", Tone.QUIET),))
        self._words, self._image = widgets.HTML(), widgets.Image(format="png")
        self._progress, self._stop = widgets.Label(), widgets.Button(description="Stop", disabled=True)
        self._stop.on_click(lambda _: self.stop())
        for control in self.controls.values():
            control.observe(lambda _: self.start(), "value")
        row = widgets.HBox([self._stop, self._progress])
        self.widget = widgets.VBox([*self.controls.values(), row, self._image, self._words])
        self.start()

    def start(self) -> None:
        """Compute the result for the current values of the controls; cancel what runs."""
        self._cancelled.set()
        cancelled = self._cancelled = threading.Event()
        choice = {name: control.value for name, control in self.controls.items()}
        self._thread = threading.Thread(target=self._run, args=(choice, cancelled), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._cancelled.set()
        self._progress.value = "stopped; change a control to run again"
        self._stop.disabled = True

    def wait(self) -> View:
        """Block until the result for the current values is there, and return it."""
        self._thread.join()
        return self._view

    def _run(self, choice: Choice, cancelled: threading.Event) -> None:
        def report(sentence: str) -> None:
            if not cancelled.is_set():
                self._progress.value = sentence

        with self._one_at_a_time:
            if cancelled.is_set():
                return
            self._stop.disabled = False
            try:
                view = self._work(choice, cancelled, report)
            except Exception as error:
                view = View(_document(described(error)))
            if view is not None and not cancelled.is_set():
                self._show(view)
                report("")
                self._stop.disabled = True

    def _show(self, view: View) -> None:
        self._view = view
        self._words.value = to_html(view.document)
        self._image.layout.display = "none" if view.picture is None else ""
        if view.picture is not None:
            self._image.value = view.picture.png

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle: dict[str, Any] = self.widget._repr_mimebundle_(**options)
        return {**bundle, "text/plain": "Controls are not shown here. panel.wait() returns the result."}


def _document(problem: Problem) -> Document:
    sentence = Line(problem.sentence, Tone.WARNING)
    return (sentence, Line("Run:"), Code(problem.command)) if problem.command else (sentence,)
