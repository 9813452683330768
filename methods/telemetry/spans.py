"""Spans as arrays: codes in place of strings, parents in place of ids, time spent in the span itself.

    encode(incident) ──▶ SpanTable (S spans, R traces, O operations) ──▶ the input of the trace methods

An operation is a pair (component, operation): the same path served by two replicas is two operations, so that one
replica can be blamed and not its siblings. Traces are put before or after the onset by their first span.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster.incident.model import Incident
from methods.answer.refusals import NO_ONSET
from methods.answer.types import NoRanking, Reason, SpansPointer
from methods.telemetry.matrix import Floats

Codes: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Operation: TypeAlias = tuple[str, str]

NO_PARENT = -1


@dataclass(frozen=True, eq=False)
class SpanTable:
    """S spans of R traces over O operations of C components.

    Attributes:
        trace: (S,) trace code, 0..R-1.
        operation: (S,) operation code, 0..O-1.
        parent: (S,) row of the parent span, `NO_PARENT` at a root or where the parent was not recorded.
        start: (S,) unix seconds.
        duration: (S,) seconds.
        own_time: (S,) seconds of `duration` that no child covers.
        failed: (S,) the span ended in an error; unknown status counts as no error.
        operations: O pairs (component, operation).
        components: C component ids.
        component_of: (O,) component code of each operation.
        late: (R,) the trace begins at or after the onset.
    """

    trace: Codes
    operation: Codes
    parent: Codes
    start: Floats
    duration: Floats
    own_time: Floats
    failed: Flags
    operations: tuple[Operation, ...]
    components: tuple[str, ...]
    component_of: Codes
    late: Flags

    @property
    def spans(self) -> int:
        return len(self.trace)

    @property
    def traces(self) -> int:
        return len(self.late)

    @property
    def component(self) -> Codes:
        """(S,) component code of each span."""
        return np.asarray(self.component_of[self.operation], dtype=np.int64)

    @property
    def is_entry(self) -> Flags:
        """(S,) the span where a trace enters a component: its parent is in another component, or there is none."""
        own = self.component
        return np.asarray((self.parent == NO_PARENT) | (own != own[self.parent]), dtype=bool)


def encode(incident: Incident, *, least: int = 1) -> SpanTable | NoRanking:
    """The incident's spans as arrays.

    Args:
        incident: spans, onset and topology are read. Spans of components outside the topology, and spans without a
            finite start and duration, are left out.
        least: traces needed on each side of the onset.

    Returns:
        NoRanking(NOT_APPLICABLE) without an onset, without spans, or with too few traces on one side.
    """
    if incident.onset is None:
        return NO_ONSET
    frame = incident.telemetry.spans
    usable = (
        frame["component"].isin(list(incident.topology.ids))
        & np.isfinite(frame["start"])
        & np.isfinite(frame["duration"])
        & frame["trace_id"].notna()
    )
    frame = frame[usable.to_numpy(dtype=bool)]
    if frame.empty:
        return NoRanking(Reason.NOT_APPLICABLE, "the incident has no spans")
    trace = _codes(frame["trace_id"])
    start = frame["start"].to_numpy(dtype=np.float64)
    duration = np.maximum(frame["duration"].to_numpy(dtype=np.float64), 0.0)
    begin = np.full(int(trace.max()) + 1, np.inf)
    np.minimum.at(begin, trace, start)
    late = begin >= incident.onset.time
    for count, side in ((int((~late).sum()), "before"), (int(late.sum()), "after")):
        if count < least:
            detail = f"{count} traces begin {side} the onset, at least {least} are needed"
            return NoRanking(Reason.NOT_APPLICABLE, detail)
    component, components = pd.factorize(frame["component"])
    name, names = pd.factorize(frame["operation"].fillna(""))
    operation, kinds = pd.factorize(component * len(names) + name)
    component_of, name_of = np.divmod(kinds, len(names))
    parent = _parents(frame, trace)
    return SpanTable(
        trace=trace,
        operation=operation.astype(np.int64),
        parent=parent,
        start=start,
        duration=duration,
        own_time=uncovered(start, duration, parent),
        failed=frame["error"].fillna(False).to_numpy(dtype=bool),
        operations=tuple((str(components[c]), str(names[o])) for c, o in zip(component_of, name_of, strict=True)),
        components=tuple(str(c) for c in components),
        component_of=component_of.astype(np.int64),
        late=late,
    )


def after_onset(incident: Incident, component: str, operation: str = "") -> SpansPointer:
    """Pointer to the spans of a component (and operation) from the onset to the end of the window."""
    if incident.onset is None:
        raise ValueError("the incident has no onset")
    start = incident.onset.time
    return SpansPointer(component, operation, start, max(incident.window.end, np.nextafter(start, np.inf)))


def _codes(column: pd.Series) -> Codes:
    return np.asarray(pd.factorize(column)[0], dtype=np.int64)


def _parents(frame: pd.DataFrame, trace: Codes) -> Codes:
    """(S,) row of each span's parent within its own trace; the first of spans that share an id."""
    rows = len(frame)
    ids = _codes(pd.concat([frame["span_id"], frame["parent_id"]], ignore_index=True))
    names = int(ids.max(initial=0)) + 1
    own, wanted = trace * names + ids[:rows], trace * names + ids[rows:]
    order = np.argsort(own, kind="stable")
    place = np.minimum(np.searchsorted(own[order], wanted), rows - 1)
    parent = order[place]
    known = (ids[rows:] >= 0) & (own[parent] == wanted) & (parent != np.arange(rows))
    return np.where(known, parent, NO_PARENT).astype(np.int64)


def uncovered(start: Floats, duration: Floats, parent: Codes) -> Floats:
    """(S,) duration less the union of the children's intervals within it."""
    child = np.flatnonzero(parent != NO_PARENT)
    child = child[np.lexsort((start[child], parent[child]))]
    of = parent[child]
    # Relative to the parent: unix seconds have too few digits left for microseconds.
    begin = np.clip(start[child] - start[of], 0.0, duration[of])
    end = np.clip(start[child] - start[of] + duration[child], 0.0, duration[of])
    reached = pd.Series(end).groupby(of).cummax().to_numpy()
    previous = np.concatenate([[0.0], reached[:-1]])
    first = np.concatenate([[True], of[1:] != of[:-1]]) if len(of) else np.zeros(0, dtype=bool)
    covered = np.maximum(end - np.maximum(begin, np.where(first, 0.0, previous[: len(of)])), 0.0)
    taken = np.bincount(of, weights=covered, minlength=len(start)) if len(of) else np.zeros(len(start))
    return np.maximum(duration - taken, 0.0)
