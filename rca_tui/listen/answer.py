"""From one payload to a saved incident and its report."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.alerts import AlertGroup, parse
from rca_tui import triage
from rca_tui.listen.inbox import Inbox, Waiting
from rca_tui.listen.keeping import Keeping
from rca_tui.triage import Triage

if TYPE_CHECKING:
    from cluster.deployment import Deployment


@dataclass(frozen=True, slots=True)
class Answered:
    """One alert's incident, the last verdict on it, and the path of its report."""

    incident: str
    triage: Triage
    report: Path

    @property
    def alert(self) -> str:
        return self.triage.alerts.title if self.triage.alerts is not None else ""

    def as_json(self) -> dict[str, Any]:
        """{"alert", "report"} and what `rca-tui triage --json` prints."""
        return {"alert": self.alert, "report": str(self.report), **triage.as_json(self.incident, self.triage)}


@dataclass
class Answerer:
    """Answers what waits in the inbox.

    Attributes:
        connect: opens the live deployment.
        rehearsal: the name of a saved incident that stands in for the deployment; None for the deployment.
        cancelled: set when the listener ends.
    """

    inbox: Inbox
    keeping: Keeping
    connect: Callable[[], AbstractContextManager[Deployment]]
    rehearsal: str | None
    cancelled: threading.Event

    def answer(self, waiting: Waiting) -> Answered | None:
        """Save the incident, ask all methods and write the report; None where the listener ended before.

        Raises RcaError, OSError.
        """
        alerts = parse(waiting.payload)
        name, first = self._first(waiting, alerts)
        with closing(triage.refine(first, cancelled=self.cancelled, background=True)) as answers:
            last = list(answers)[-1]
        if self.cancelled.is_set():
            return None
        report = self._report(name, last, alerts)
        self.inbox.done(waiting.key)
        return Answered(name, last, report)

    def _first(self, waiting: Waiting, alerts: AlertGroup) -> tuple[str, Triage]:
        from cluster.incident import library

        if self.rehearsal is not None:
            return self.rehearsal, triage.answer_saved(library.load(self.rehearsal), alerts)
        if waiting.incident is not None:
            # Saved by a listener that ended before its report was written: the onset is in it.
            return waiting.incident, triage.first_answer(library.load(waiting.incident), alerts=alerts)
        stem = time.strftime("alert-%Y%m%d-%H%M", time.gmtime())
        with self.connect() as deployment:
            path, first = triage.capture(deployment, alerts, stem=stem)
        name = path.name.removesuffix(".zip")
        self.keeping.add(name, path)
        self.inbox.saved(waiting.key, name)
        return name, first

    def _report(self, name: str, last: Triage, alerts: AlertGroup) -> Path:
        from rca_tui.report import build, files
        from rca_tui.report.timeline import alert_events
        from rca_tui.report.types import Context

        context = Context(sealed=build.context_of(name, reveal=False).sealed, events=alert_events(alerts))
        report = build.build(last.incident, name, last.verdict, last.results, context)
        path = files.new_path(name, files.Format.HTML)
        files.write(files.render(report, files.Format.HTML), path)
        self.keeping.add(name, path)
        return path
