"""Answers what waits in the inbox, one incident after the other, and goes on whatever happens."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from rca_tui.errors import described
from rca_tui.listen.answer import Answered, Answerer
from rca_tui.listen.inbox import MOST_TRIES, Inbox, Waiting
from rca_tui.listen.keeping import Keeping
from rca_tui.listen.notify import Notice, Notifier

AGAIN = 30.0
"""Seconds before another try at what has failed."""


@dataclass
class Worker:
    """The loop of the listener's worker thread.

    Attributes:
        notifier: tells of reports; None for nobody.
        told: is given each answer.
        trouble: is given a sentence for each thing that failed.
        stop: set to end; `wake` must be set then, too.
        wake: set when something new waits.
    """

    inbox: Inbox
    keeping: Keeping
    answerer: Answerer
    notifier: Notifier | None
    told: Callable[[Answered], None]
    trouble: Callable[[str], None]
    stop: threading.Event
    wake: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `stop` is set."""
        while not self.stop.is_set():
            self.wake.clear()
            if not self._next():
                self.wake.wait()

    def _next(self) -> bool:
        """Answer what has waited longest; whether there may be more."""
        waiting: Waiting | None = None
        try:
            waiting = self.inbox.begin()
            if waiting is None:
                return False
            if waiting.tries > MOST_TRIES:
                self.inbox.done(waiting.key)
                self.trouble(f"an alert was given up: the listener ended {MOST_TRIES} times while it was answered")
                return True
            answered = None
            if waiting.tries == 1 or not self.stop.wait(AGAIN):
                answered = self.answerer.answer(waiting)
            if answered is None:
                self.inbox.stopped(waiting)
                return False
        except Exception as error:  # one alert must not end the listener
            self._failed(waiting, error)
            return True
        self._finish(answered)
        return True

    def _failed(self, waiting: Waiting | None, error: Exception) -> None:
        last = waiting is not None and waiting.tries >= MOST_TRIES
        what = "given up" if last else "it is tried again"
        self.trouble(f"an alert was not answered, {what}: {described(error).sentence}")
        if last and waiting is not None:
            with contextlib.suppress(OSError):
                self.inbox.done(waiting.key)
        elif waiting is None:
            self.stop.wait(AGAIN)

    def _finish(self, answered: Answered) -> None:
        """Tell of it and make room; what fails here is said, and the answer stands."""
        with contextlib.suppress(OSError):  # nobody reads it any more
            self.told(answered)
        try:
            removed = self.keeping.make_room()
            if removed:
                self.trouble(f"removed to make room: {', '.join(removed)}")
        except OSError as error:
            self.trouble(f"no room was made: {described(error).sentence}")
        if self.notifier is not None:
            headline = answered.triage.verdict.headline
            try:
                self.notifier.tell(Notice(answered.alert, headline, answered.incident, answered.report))
            except Exception as error:
                self.trouble(described(error).sentence)
