"""The time axis that all charts and lists share: one window, one cursor, from one place.

The window is the last `Session.span` seconds of a live deployment; of a recording, it lies around the cursor or the
onset.
"""

from __future__ import annotations

from dataclasses import dataclass

from rca_tui.session import Session, Snapshot

SPANS = (30.0, 60.0, 120.0, 240.0, 600.0, 1800.0, 7200.0)
"""Lengths of the window in seconds."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A window [start, end] in unix seconds, drawn over columns of cells."""

    start: float
    end: float

    def column(self, time: float | None, columns: int) -> int | None:
        """The column of a time, None outside the window."""
        if time is None or not self.start <= time <= self.end or self.end <= self.start:
            return None
        return min(columns - 1, int((time - self.start) / (self.end - self.start) * columns))

    def step(self, columns: int) -> float:
        """Seconds that one press of a key moves the cursor: one column, at least one second."""
        return max(1.0, float(round((self.end - self.start) / max(20, columns))))


def shown(session: Session, snapshot: Snapshot) -> Axis:
    """The window that charts and lists show."""
    length = session.span
    if length >= snapshot.end - snapshot.start:
        return Axis(snapshot.start, snapshot.end)
    if not session.replayed:
        return Axis(snapshot.end - length, snapshot.end)
    middle = session.moment or (session.mark.time if session.mark else snapshot.end)
    start = min(max(snapshot.start, middle - length / 2), snapshot.end - length)
    return Axis(start, start + length)


def cursor(session: Session, snapshot: Snapshot) -> float:
    """The time of the cursor; the newest sample where the operator has not moved it."""
    return snapshot.end if session.moment is None else session.moment


def move(session: Session, snapshot: Snapshot, by: int, columns: int) -> None:
    """Move the cursor by so many columns, within the telemetry."""
    step = shown(session, snapshot).step(columns)
    session.moment = min(max(cursor(session, snapshot) + by * step, snapshot.start), snapshot.end)


def zoom(session: Session, snapshot: Snapshot, by: int) -> None:
    """Show the next longer (1) or shorter (-1) window."""
    longest = snapshot.end - snapshot.start
    lengths = [length for length in SPANS if length < longest] + [longest]
    at = min(range(len(lengths)), key=lambda i: abs(lengths[i] - min(session.span, longest)))
    session.span = lengths[min(max(at + by, 0), len(lengths) - 1)]
