"""The state of one component, from what changed about it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from methods.telemetry.baseline import Readings
from methods.telemetry.health_idle import STEADY, always_measured
from methods.telemetry.health_types import NOTICED, Change, Event, Health, Sort, State

TROUBLE = 3.2
"""Severity of a component in trouble."""
ALIKE = 0.25
"""Difference of severities that does not count."""


def judged(
    own: Readings,
    component: str,
    places: Sequence[tuple[str, int]],
    changes: Sequence[Change],
    replaced: float | None = None,
) -> Health:
    """The health of one component.

    Args:
        places: the component's signals with their places in the arrays of `own`.
        changes: the signals that left their normal, with what explains them.
        replaced: unix seconds at which what runs behind it was replaced.
    """
    events = tuple(_events(own, component, replaced))
    best: dict[Sort, Change] = {}
    for change in changes:
        held = best.get(change.sort)
        # Of signals that changed about as much, the first of the table is told: the one that people know.
        if held is None or change.severity > held.severity + ALIKE:
            best[change.sort] = change
    order = list(Sort)
    # Uneven routing is the cause of the rest, and stands first.
    told = tuple(
        sorted(best.values(), key=lambda c: (c.sort is not Sort.ROUTING, -round(c.severity, 1), order.index(c.sort)))
    )
    severity = sum(c.severity for c in told)
    began = min((c.since for c in told if c.severity > 0), default=None)
    noticed = any(c.sort in NOTICED and c.severity > 0 for c in told)
    if noticed and severity >= TROUBLE:
        return Health(component, State.TROUBLE, severity, began, told, events)
    gone = _silent(own, places)
    if gone is not None:
        return Health(component, State.SILENT, max(severity, TROUBLE), gone, told, events)
    if told:
        return Health(component, State.CHANGED, severity, began, told, events)
    known = any(math.isfinite(own.usual[p]) and math.isfinite(own.now[p]) for _, p in places)
    return Health(component, State.NORMAL if known else State.UNKNOWN, 0.0, None, told, events)


def places_of(own: Readings) -> dict[str, list[tuple[str, int]]]:
    """Component -> its signals with their places in the arrays."""
    places: dict[str, list[tuple[str, int]]] = {}
    for key, place in own.column.items():
        places.setdefault(key[0], []).append((key[1], place))
    return places


def last_heard(own: Readings, places: Sequence[tuple[str, int]], moment: float) -> float:
    """Unix seconds of the last sample of a component of which nothing is measured now; else the moment."""
    columns = [place for _, place in places]
    measured = np.flatnonzero(np.isfinite(own.values[:, columns]).any(axis=1))
    if not len(measured) or np.isfinite(own.now[columns]).any():
        return moment
    return float(own.times[measured[-1]])


def _silent(own: Readings, places: Sequence[tuple[str, int]]) -> float | None:
    """Unix seconds of the last sample of a component most of whose telemetry was there all the time and is gone."""
    steady = [place for name, place in places if own.seen[place] >= STEADY and always_measured(name)]
    gone = [p for p in steady if not math.isfinite(own.now[p])]
    if not gone or 2 * len(gone) < len(steady):
        return None
    measured = np.isfinite(own.values[:, gone]).any(axis=1)
    return float(own.times[np.flatnonzero(measured)[-1]])


def _events(own: Readings, component: str, replaced: float | None) -> Iterator[Event]:
    """Restarts that a counter tells, and the replacement that the deployment tells."""
    counter = own.series((component, "restarts"))
    known = np.flatnonzero(np.isfinite(counter))
    rises = known[1:][np.diff(counter[known]) > 0]
    yield from (Event("restarted", float(own.times[at])) for at in rises)
    if replaced is not None:
        yield Event("replaced", replaced)
