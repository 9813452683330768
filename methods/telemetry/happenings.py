"""What happened to the deployment itself, out of its telemetry: restarts, and telemetry that ended or came back.

Nothing here knows an injected fault: it reads what is measured, and the events that the cluster recorded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd

from cluster.signals import SIGNALS, Quantity
from cluster.text.times import span
from methods.telemetry.matrix import Floats
from methods.telemetry.spans import Flags

SILENT, SAMPLES = 5.0, 5
"""Seconds, and usual distances of its samples, without any after which a signal is silent."""
MOST = 5000
"""Happenings that are told of one source at most: the earliest of them."""
_LONGEST = 300
_ID = r"Replica\(id='(?P<id>[^']{1,40})'"
_SERVE = tuple(
    (re.compile(pattern), text, bad, own)
    for pattern, text, bad, own in (
        (rf"^Actor for {_ID}.*crashed", "replica {} crashed", True, False),
        (rf"{_ID}.*failed health check", "replica {} failed its health check and is stopped", True, False),
        (rf"receive health check response for replica {_ID}", "replica {} gives no sign", True, False),
        (rf"^{_ID}.*passed the health check", "replica {} is healthy again", False, False),
        (rf"^{_ID}.*is stopped", "replica {} has stopped", True, False),
        (rf"^Starting {_ID}", "replica {} starts", False, False),
        (rf"^{_ID}.*started successfully", "replica {} serves", False, False),
        (r"^Finished initializing replica", "a new replica has been initialized here", True, True),
        (r"^Proxy '?(?P<id>[^' ]{1,40})'? failed the health check", "proxy {} is unhealthy", True, False),
        (r"^Starting proxy '(?P<id>[^']{1,40})'", "proxy {} starts", False, False),
    )
)
"""What a line begins with, the clause for it, whether it is trouble, and whether it concerns the component itself."""


class What(StrEnum):
    """The kind of a happening."""

    TELEMETRY = "telemetry"
    ONSET = "onset"
    SPREAD = "spread"
    RESTART = "restart"
    SILENCE = "silence"
    FAULT = "fault"
    ALERT = "alert"
    CLUSTER = "cluster"
    SERVE = "serve"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened at `time`, unix seconds.

    `component` is empty where it concerns the whole deployment, `text` a clause for people: hostile where it comes from
    the cluster. `bad`: it may be part of the trouble, or show it.
    """

    time: float
    what: What
    component: str
    text: str
    bad: bool = False


def of_metrics(metrics: pd.DataFrame) -> Iterator[Happening]:
    """Restarts, and stretches without telemetry, of each component.

    A signal that a request has to come for, such as a quantile, is no telemetry that ends: a silence is one of gauges
    and rates, while other components have some.

    Args:
        metrics: as `cluster.incident.model.Telemetry.metrics`.
    """
    if metrics.empty:
        return
    times = metrics.index.to_numpy(dtype=np.float64)
    values = metrics.to_numpy(dtype=np.float64)
    measured = np.isfinite(values)
    somebody = np.asarray(measured.any(axis=1), dtype=bool)
    silences: dict[str, list[_Silence]] = {}
    for i, column in enumerate(metrics.columns):
        component, signal = str(column[0]), str(column[1])
        if signal == "restarts":
            yield from _restarts(component, times, values[:, i])
        elif signal not in SIGNALS or SIGNALS[signal].quantity in (Quantity.GAUGE, Quantity.RATE):
            silences.setdefault(component, []).extend(_silences(signal, times[somebody], measured[somebody, i]))
    for component, found in silences.items():
        yield from _told(component, found)


def of_logs(logs: pd.DataFrame) -> Iterator[Happening]:
    """What Ray Serve says of its replicas and proxies: crashes, failed health checks, replacements.

    Args:
        logs: as `cluster.incident.model.Telemetry.logs`.
    """
    short = logs["message"].fillna("").astype(str).str.slice(0, _LONGEST)
    said = short.str.contains(r"(?:[Rr]eplica|[Pp]roxy)\b", regex=True).to_numpy(dtype=bool)
    told = 0
    names = logs["component"].fillna("").to_numpy(dtype=object)[said]
    for time, component, message in zip(logs["time"].to_numpy(dtype=np.float64)[said], names, short[said], strict=True):
        for pattern, text, bad, own in _SERVE:
            if told < MOST and math.isfinite(time) and (match := pattern.search(message)):
                told += 1
                name = match.groupdict().get("id") or ""
                yield Happening(float(time), What.SERVE, str(component) if own else "", text.format(name), bad)
                break


def of_events(events: pd.DataFrame) -> Iterator[Happening]:
    """The events that the cluster, or an alerting rule, recorded.

    Args:
        events: as `cluster.incident.model.Telemetry.events`.
    """
    events = events.head(MOST)
    times, counts = (events[name].to_numpy(dtype=np.float64) for name in ("time", "occurrences"))
    names = ("component", "source", "severity", "object", "reason", "message")
    words = events[list(names)].fillna("").to_numpy(dtype=object)
    for time, count, row in zip(times, counts, words, strict=True):
        component, source, severity, subject, reason, message = (str(word) for word in row)
        often = f" (×{count:.0f})" if math.isfinite(count) and count > 1 else ""
        what = What.ALERT if source == "alert" else What.CLUSTER
        text = ": ".join(part for part in (f"{subject} {reason}".strip(), message) if part) + often
        yield Happening(float(time), what, component, text, bad=severity.lower() not in ("normal", ""))


def _restarts(component: str, times: Floats, values: Floats) -> Iterator[Happening]:
    known = np.isfinite(values)
    times, values = times[known], values[known]
    for i in np.flatnonzero(np.diff(values) > 0):
        more = values[i + 1] - values[i]
        often = "restarted" if more == 1 else f"restarted {more:.0f} times"
        yield Happening(float(times[i + 1]), What.RESTART, component, often, bad=True)


@dataclass(frozen=True, slots=True)
class _Silence:
    """A signal without samples between two times; `end` is None where none came back."""

    signal: str
    start: float
    end: float | None


def _silences(signal: str, times: Floats, measured: Flags) -> Iterator[_Silence]:
    seen = times[measured]
    if not len(seen):
        return
    gaps = np.diff(seen)
    limit = max(SILENT, SAMPLES * float(np.median(gaps))) if len(gaps) else SILENT
    for i in np.flatnonzero(gaps > limit):
        if np.count_nonzero((times > seen[i]) & (times < seen[i + 1])) > 1:
            yield _Silence(signal, float(seen[i]), float(seen[i + 1]))
    if times[-1] - seen[-1] > limit:
        yield _Silence(signal, float(seen[-1]), None)


def _told(component: str, found: list[_Silence]) -> Iterator[Happening]:
    """One happening for all signals of a component that fall silent together, and one for their return."""
    found = sorted(found, key=lambda each: (each.start, each.signal))
    while found:
        first = found[0].start
        together = [each for each in found if each.start - first <= SILENT]
        found = found[len(together) :]
        names = ", ".join(each.signal for each in together[:2]) + (", …" if len(together) > 2 else "")
        count = f"{len(together)} signals" if len(together) > 1 else "1 signal"
        ends = [each.end for each in together if each.end is not None]
        back = span(max(ends) - first) if len(ends) == len(together) else ""
        length = f"for {back}" if back else "until the end"
        yield Happening(first, What.SILENCE, component, f"{count} not measured {length}: {names}", bad=True)
        if back:
            yield Happening(max(ends), What.SILENCE, component, f"measured again: {names}")
