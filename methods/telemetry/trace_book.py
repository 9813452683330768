"""Traces for people: where the time of each went, and one trace as a tree of spans.

    read(incident) ──▶ TraceBook ──▶ order(...), rows of traces ──▶ tree(book, trace), spans of one with their depth

The spans are those of `methods.telemetry.spans`. Own time is a span's duration less what the spans below it cover: a
child that goes on after its parent has ended, as what Ray Serve's router hands over does, is charged to the nearest
ancestor that it ends within. What a span usually takes is the median of its operation before the onset, or of all where
there is no onset.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from cluster.incident.model import Incident
from cluster.window import LATEST, Onset, OnsetSource
from methods.answer.types import NoRanking
from methods.telemetry.matrix import Floats
from methods.telemetry.spans import NO_PARENT, Codes, Flags, SpanTable, encode, uncovered

LEAST = 5
"""Spans of an operation from which their median counts as usual."""
LATE = 1e-3
"""Seconds after its parent's end at which a child may end: clocks of two machines differ."""
LEVELS = 16
"""Ancestors that are looked at for one that a span ends within."""


class Order(StrEnum):
    """How traces are listed."""

    SLOWEST = "slowest first"
    FAILED = "failed first"
    NEWEST = "newest first"


@dataclass(frozen=True, eq=False)
class TraceBook:
    """R traces of S spans.

    Attributes:
        spans: the spans as arrays.
        ids: (R,) trace ids: hostile text.
        first: (R + 1,) where each trace begins in `by_trace`.
        by_trace: (S,) rows of spans, grouped by trace.
        start, duration: (R,) unix seconds; seconds of the longest root, else of the longest span.
        failed: (R,) a span of it ended in an error.
        own: (S,) own time in seconds.
        longest: (R,) row of the span with the most own time.
        usual, usual_own: (O,) seconds, and own time, that an operation usually takes; NaN where too few are known.
    """

    spans: SpanTable
    ids: tuple[str, ...]
    first: Codes
    by_trace: Codes
    start: Floats
    duration: Floats
    failed: Flags
    own: Floats
    longest: Codes
    usual: Floats
    usual_own: Floats

    def rows(self, trace: int) -> Codes:
        """Rows of a trace's spans."""
        return self.by_trace[self.first[trace] : self.first[trace + 1]]

    def operation(self, row: int) -> tuple[str, str]:
        """Component and operation of a span."""
        return self.spans.operations[int(self.spans.operation[row])]

    def times_usual(self, row: int) -> float | None:
        """A span's duration over what its operation usually takes; None where that is not known."""
        usual = float(self.usual[int(self.spans.operation[row])])
        return float(self.spans.duration[row]) / usual if usual > 0 else None

    def select(self, order: Order, component: str = "", words: str = "") -> Codes:
        """Traces that enter a component and contain the words in an operation, component or id, in that order."""
        wanted = np.ones(len(self.ids), dtype=bool)
        if component:
            codes = [code for code, (name, _) in enumerate(self.spans.operations) if name == component]
            wanted &= self._having(np.isin(self.spans.operation, codes))
        if words:
            lower = words.lower()
            codes = [code for code, names in enumerate(self.spans.operations) if lower in " ".join(names).lower()]
            named = np.fromiter((lower in each.lower() for each in self.ids), dtype=bool, count=len(self.ids))
            wanted &= self._having(np.isin(self.spans.operation, codes)) | named
        rows = np.flatnonzero(wanted)
        keys = {
            Order.SLOWEST: (-self.duration[rows],),
            Order.FAILED: (-self.duration[rows], ~self.failed[rows]),
            Order.NEWEST: (-self.start[rows],),
        }[order]
        return rows[np.lexsort((self.start[rows], *keys))].astype(np.int64)

    def _having(self, spans: Flags) -> Flags:
        return np.bincount(self.spans.trace[spans], minlength=len(self.ids)) > 0


@dataclass(frozen=True, slots=True)
class Phase:
    """Own time [s] that a trace spent in one operation, and what traces before the onset usually spent there."""

    component: str
    operation: str
    seconds: float
    usual: float | None


def read(incident: Incident) -> TraceBook | None:
    """The incident's traces; None when there are none. Its onset, where it has one, bounds what counts as usual."""
    frame = incident.telemetry.spans
    usable = (
        frame["component"].isin(list(incident.topology.ids))
        & np.isfinite(frame["start"])
        & np.isfinite(frame["duration"])
        & frame["trace_id"].notna()
    )
    frame = frame[usable.to_numpy(dtype=bool)]
    onset = incident.onset.time if incident.onset else LATEST
    telemetry = dataclasses.replace(incident.telemetry, spans=frame)
    table = encode(
        dataclasses.replace(incident, telemetry=telemetry, onset=Onset(onset, OnsetSource.ESTIMATED)), least=0
    )
    if isinstance(table, NoRanking):
        return None
    count = table.traces
    by_trace = np.argsort(table.trace, kind="stable")
    first = np.searchsorted(table.trace[by_trace], np.arange(count + 1))
    start = np.full(count, np.inf)
    np.minimum.at(start, table.trace, table.start)
    longest_root, longest = np.full(count, -np.inf), np.zeros(count)
    root = table.parent == NO_PARENT
    np.maximum.at(longest_root, table.trace[root], table.duration[root])
    np.maximum.at(longest, table.trace, table.duration)
    # The last of the rows by own time within each trace is the one with the most.
    own = uncovered(table.start, table.duration, _within(table))
    by_own = np.lexsort((own, table.trace))
    return TraceBook(
        spans=table,
        ids=tuple(str(name) for name in pd.unique(frame["trace_id"])),
        first=first.astype(np.int64),
        by_trace=by_trace.astype(np.int64),
        start=start,
        duration=np.where(np.isfinite(longest_root), longest_root, longest),
        failed=np.bincount(table.trace[table.failed], minlength=count) > 0,
        own=own,
        longest=by_own[first[1:] - 1].astype(np.int64),
        usual=_usual(table, table.duration),
        usual_own=_usual(table, own),
    )


def tree(book: TraceBook, trace: int) -> Iterator[tuple[int, int]]:
    """(row, depth) of a trace's spans: parents before children, in order of their start. Each span comes once.

    Spans that are their own ancestors, which only a broken tracer writes, come last, each as a root.
    """
    rows = book.rows(trace)
    table = book.spans
    rows = rows[np.lexsort((-table.duration[rows], table.start[rows]))]
    children: dict[int, list[int]] = {}
    for row in rows.tolist():
        children.setdefault(int(table.parent[row]), []).append(row)
    told: set[int] = set()
    for root in [*children.get(NO_PARENT, []), *rows.tolist()]:
        stack = [(root, 0)]
        while stack:
            row, depth = stack.pop()
            if row in told:
                continue
            told.add(row)
            yield row, depth
            stack += [(child, depth + 1) for child in reversed(children.get(row, []))]


def phases(book: TraceBook, trace: int) -> tuple[Phase, ...]:
    """Where a trace's time went: own time by operation, the most first."""
    rows, table = book.rows(trace), book.spans
    found = []
    for code in np.unique(table.operation[rows]).tolist():
        seconds = float(book.own[rows][table.operation[rows] == code].sum())
        usual = float(book.usual_own[code])
        component, operation = table.operations[code]
        found.append(Phase(component, operation, seconds, usual if math.isfinite(usual) else None))
    return tuple(sorted(found, key=lambda phase: -phase.seconds))


def _within(table: SpanTable) -> Codes:
    """(S,) row of the nearest ancestor that a span ends within, else of the last that was looked at."""
    end, parent = table.start + table.duration, table.parent
    for _ in range(LEVELS):
        above = np.where(parent == NO_PARENT, NO_PARENT, table.parent[parent])
        outlives = (parent != NO_PARENT) & (above != NO_PARENT) & (end > end[parent] + LATE)
        if not outlives.any():
            break
        parent = np.where(outlives, above, parent)
    return np.asarray(parent, dtype=np.int64)


def _usual(table: SpanTable, seconds: Floats) -> Floats:
    """(O,) median of these seconds of each operation in traces before the onset."""
    early = ~table.late[table.trace]
    grouped = pd.Series(seconds[early]).groupby(table.operation[early])
    middle = grouped.median()[grouped.count() >= LEAST]
    usual = np.full(len(table.operations), np.nan)
    usual[middle.index.to_numpy(dtype=np.int64)] = middle.to_numpy(dtype=np.float64)
    return usual
