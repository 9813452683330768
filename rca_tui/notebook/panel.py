"""Controls, and a result that follows them: worked out off the main thread, with progress and a stop button.

A change starts the work anew and stops the work before it, whose processes are killed. `wait` gives the result as a
value, which shows itself where widgets do not.
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
Tell: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class View:
    """What a panel shows: words, and a picture if there is one."""

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


Work: TypeAlias = Callable[[Choice, threading.Event, Tell], View | None]
"""Given the choices, an event that says to stop, and a way to tell of progress; None when it was stopped."""


class Panel:
    """Controls by name, and the work that is done with their values. It begins at once."""

    def __init__(self, controls: Mapping[str, widgets.ValueWidget], work: Work) -> None:
        self.controls = dict(controls)
        self._work = work
        self._cancelled = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._thread = threading.Thread()
        self._view = View((Line("Nothing has been worked out yet.", Tone.QUIET),))
        self._words, self._image = widgets.HTML(), widgets.Image(format="png")
        self._progress, self._stop = widgets.Label(), widgets.Button(description="Stop", disabled=True)
        self._stop.on_click(lambda _: self.stop())
        for control in self.controls.values():
            control.observe(lambda _: self.start(), "value")
        row = widgets.HBox([self._stop, self._progress])
        self.widget = widgets.VBox([*self.controls.values(), row, self._image, self._words])
        self.start()

    def start(self) -> None:
        """Work with the values that the controls have now; what runs is stopped."""
        self._cancelled.set()
        cancelled = self._cancelled = threading.Event()
        choice = {name: control.value for name, control in self.controls.items()}
        self._thread = threading.Thread(target=self._run, args=(choice, cancelled), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._cancelled.set()
        self._progress.value = "stopped; change a control to go on"
        self._stop.disabled = True

    def wait(self) -> View:
        """The result for the values that the controls have now, once it is there."""
        self._thread.join()
        return self._view

    def _run(self, choice: Choice, cancelled: threading.Event) -> None:
        def tell(sentence: str) -> None:
            if not cancelled.is_set():
                self._progress.value = sentence

        with self._one_at_a_time:
            if cancelled.is_set():
                return
            self._stop.disabled = False
            try:
                view = self._work(choice, cancelled, tell)
            except Exception as error:
                view = View(_document(described(error)))
            if view is not None and not cancelled.is_set():
                self._show(view)
                tell("")
                self._stop.disabled = True

    def _show(self, view: View) -> None:
        self._view = view
        self._words.value = to_html(view.document)
        self._image.layout.display = "none" if view.picture is None else ""
        if view.picture is not None:
            self._image.value = view.picture.png

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle: dict[str, Any] = self.widget._repr_mimebundle_(**options)
        return {**bundle, "text/plain": "Controls are not shown here. panel.wait() gives the result as it stands."}


def _document(problem: Problem) -> Document:
    sentence = Line(problem.sentence, Tone.WARNING)
    return (sentence, Line("Run:"), Code(problem.command)) if problem.command else (sentence,)
