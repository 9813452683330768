"""Log lines, traces and platform events of what the session shows, read and arranged in worker threads.

Reading posts what it has as it goes on, and stops soon after its worker was cancelled. Of a live deployment only what
is new is read, with an overlap: lines of several files, and spans of requests that are still running, come late.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.worker import NoActiveWorker, get_current_worker

from cluster.deployment import DeploymentError, HasEvents
from cluster.incident.model import Incident, Telemetry
from cluster.window import Onset, OnsetSource, Window
from methods.telemetry import happenings, log_book, trace_book
from methods.telemetry.log_book import LogBook
from methods.telemetry.trace_book import TraceBook
from rca_tui.work import messages
from rca_tui.work.views import LogQuery, LogView, TraceQuery, TraceView

if TYPE_CHECKING:
    import pandas as pd
    from textual.message import Message

    from cluster.deployment import Deployment
    from rca_tui.session import Snapshot

OVERLAP = 20.0
"""Seconds of log lines that are read again."""

Post = Callable[["Message"], object]


def read_logs(deployment: Deployment | None, snapshot: Snapshot, book: LogBook | None, post: Post) -> None:
    """Read the lines of a recording, or those of a live deployment since the book's last, and post the book."""
    if snapshot.incident is not None:
        for each in log_book.mine(snapshot.incident, cancelled=_cancelled):
            post(messages.LogsRead(each))
        return
    known = (book or LogBook()).since(snapshot.start)
    start = max(snapshot.start, float(known.time[-1]) - OVERLAP) if known.lines else snapshot.start
    window = Window(start, snapshot.end + snapshot.step)
    try:
        frame = deployment.logs(window) if deployment else None
    except DeploymentError as error:
        post(messages.LogsRead(known, str(error)))
        return
    if frame is None:
        return
    newest = known.until(start)
    for each in log_book.mine(_incident(snapshot, window, Telemetry(logs=frame)), newest, _cancelled):
        newest = each
    if not _cancelled():
        post(messages.LogsRead(newest, _note(frame)))


def arrange_logs(book: LogBook, query: LogQuery, window: Window, post: Post) -> None:
    """Select lines and order their templates."""
    rows = book.select(query.component, query.least, query.words)
    if not _cancelled():
        changes = log_book.changes(book, rows, query.onset, window)
        post(messages.LogsArranged(LogView(book, query, rows, changes)))


def read_traces(deployment: Deployment | None, snapshot: Snapshot, onset: float | None, post: Post) -> None:
    """Read the traces of what is shown, and post them."""
    note = ""
    if snapshot.incident is not None:
        incident = snapshot.incident
    else:
        window = Window(snapshot.start, snapshot.end + snapshot.step)
        try:
            frame = deployment.spans(window) if deployment else None
        except DeploymentError as error:
            post(messages.TracesRead(None, str(error)))
            return
        if frame is None or _cancelled():
            return
        note = _note(frame)
        incident = _incident(snapshot, window, Telemetry(spans=frame))
    at = None if onset is None else Onset(onset, OnsetSource.ESTIMATED)
    book = trace_book.read(replace(incident, onset=at))
    if not _cancelled():
        post(messages.TracesRead(book, note))


def arrange_traces(book: TraceBook, query: TraceQuery, post: Post) -> None:
    """Select and order traces."""
    traces = book.select(query.order, query.component, query.words)
    if not _cancelled():
        post(messages.TracesArranged(TraceView(book, query, traces)))


def read_platform(deployment: Deployment, snapshot: Snapshot, post: Post) -> None:
    """Read what a live deployment's platform records, and what its logs say of it, and post that."""
    window = Window(snapshot.start, snapshot.end + snapshot.step)
    told: list[happenings.Happening] = []
    notes: list[str] = []
    try:
        told += happenings.of_logs(deployment.logs(window))
    except DeploymentError as error:
        notes.append(str(error))
    if isinstance(deployment, HasEvents) and not _cancelled():
        try:
            frame = deployment.events(window)
            told += happenings.of_events(frame)
            notes.append(_note(frame))
        except DeploymentError as error:
            notes.append(str(error))
    if not _cancelled():
        post(messages.PlatformRead(tuple(told), "; ".join(note for note in notes if note)))


def _incident(snapshot: Snapshot, window: Window, telemetry: Telemetry) -> Incident:
    return Incident("", snapshot.kind, window, snapshot.topology, telemetry)


def _note(frame: pd.DataFrame) -> str:
    return "; ".join(str(note) for note in frame.attrs.get("notes", ()))


def _cancelled() -> bool:
    try:
        return get_current_worker().is_cancelled
    except NoActiveWorker:
        return False
