"""What the app told the operator: several notices at once are one dialog, and all can be read again."""

from __future__ import annotations

from collections import deque
from typing import Any

from textual.app import App

from rca_tui.errors import Problem
from rca_tui.screens.dialogs import Notice, Told

KEPT = 20
_OUTAGE = "The deployment does not answer"
_ELSE = "It is asked again every few seconds. 0 opens something else: a drill, a cluster, a file."


class Notices:
    """The notices of one app, newest last."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._kept: deque[Told] = deque(maxlen=KEPT)

    def __bool__(self) -> bool:
        """Whether there is any to read again."""
        return bool(self._kept)

    def tell(self, title: str, problem: Problem, hint: str = "") -> None:
        """Show it, below those that are open; one that is open already is not repeated."""
        told = Told(title, problem, hint)
        self._kept.append(told)
        dialog = self._dialog
        if dialog is None:
            self._app.push_screen(Notice(told))
        elif told not in dialog.told:
            dialog.say(*dialog.told, told)

    def outage(self, problem: Problem) -> None:
        self.tell(_OUTAGE, problem, _ELSE)

    def answers_again(self) -> None:
        """The notice of the outage goes away by itself; others that are open stay."""
        dialog = self._dialog
        if dialog is not None and not dialog.past and any(told.title == _OUTAGE for told in dialog.told):
            dialog.say(*(told for told in dialog.told if told.title != _OUTAGE))

    def again(self) -> None:
        """Show all that are kept, the newest first."""
        if self._dialog is None:
            self._app.push_screen(Notice(*reversed(self._kept), past=True))

    @property
    def _dialog(self) -> Notice | None:
        return next((screen for screen in self._app.screen_stack if isinstance(screen, Notice)), None)
