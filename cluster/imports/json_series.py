"""Series out of files, raw as they were scraped: answers of `query_range`, and metrics of OTLP."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster import otlp
from cluster.http import printable
from cluster.imports.expressions import Labels, Samples
from cluster.imports.measured import OWNER
from cluster.imports.owner import Owners
from cluster.incident.frames import LARGEST

_COPIES = ("prometheus_replica", "thanos_replica", "receive_replica", "__replica__")
_UNITS = {"s": ("_seconds", 1.0), "ms": ("_seconds", 1e-3), "us": ("_seconds", 1e-6), "By": ("_bytes", 1.0)}
_UNREAD = {"exponentialHistogram": "exponential histograms", "summary": "summaries"}
_STEPS = 20_000


def _number(value: Any, what: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"the {what} of a sample is no number: {printable(value)}") from None


class Collected:
    """Samples by metric name and labels, the component among them.

    Attributes:
        points: how many were added.
        counters: names that are known to be counters, whatever they end with.
        unread: names whose samples have a form that is not read -> that form, in the plural.
    """

    def __init__(self) -> None:
        self.points = 0
        self.unread: dict[str, str] = {}
        self.counters: set[str] = set()
        self._raw: dict[str, dict[Labels, dict[float, float]]] = {}

    def add(self, name: str, component: str, labels: Mapping[str, str], values: Iterable[Any]) -> None:
        """Samples (unix seconds, value) of one series; one that is infinite, null or too large is left out.

        Raises ValueError for what is no number.
        """
        kept = {key: value for key, value in labels.items() if key not in _COPIES}
        if not name.startswith("ray_serve"):
            kept.pop("replica", None)  # of copies in a store that does not merge them
        series = self._raw.setdefault(name, {}).setdefault(_key(component, kept), {})
        for at, value in values:
            time, number = _number(at, "time"), np.nan if value is None else _number(value, "value")
            self.points += 1
            if not np.isfinite(time):
                raise ValueError("a sample has no time")
            if abs(number) < LARGEST:
                series[time] = number

    def add_otlp(self, resource: Any, owners: Owners) -> None:
        """All metrics of one entry of `resourceMetrics`; its points may say what an exporter measures of others."""
        own = otlp.attributes((resource.get("resource") or {}).get("attributes"))
        for scope in resource.get("scopeMetrics") or []:
            for metric in scope.get("metrics") or []:
                suffix, scale = _UNITS.get(str(metric.get("unit") or ""), ("", 1.0))
                name = re.sub(r"[^\w:]", "_", str(metric["name"]))
                name = name if name.endswith(suffix) else name + suffix
                for form in (form for kind, form in _UNREAD.items() if metric.get(kind)):
                    self.unread[name] = form
                if gauge := metric.get("gauge"):
                    for point in gauge.get("dataPoints") or []:
                        self._number(name, own, owners, point, scale)
                if total := metric.get("sum"):
                    delta = total.get("aggregationTemporality") in (1, "AGGREGATION_TEMPORALITY_DELTA")
                    if total.get("isMonotonic"):
                        self.counters.add(name)
                    for point in total.get("dataPoints") or []:
                        self._number(name, own, owners, point, scale, delta)
                if histogram := metric.get("histogram"):
                    delta = histogram.get("aggregationTemporality") in (1, "AGGREGATION_TEMPORALITY_DELTA")
                    for point in histogram.get("dataPoints") or []:
                        self._histogram(name, own, owners, point, scale, delta)

    def _number(
        self, name: str, own: Mapping[str, str], owners: Owners, point: Any, scale: float, delta: bool = False
    ) -> None:
        value = float(point["asDouble"]) if "asDouble" in point else float(point["asInt"])
        labels = otlp.attributes(point.get("attributes"))
        if component := owners.of(own, "series", name, labels):
            self._point(name, component, labels, point, value * scale, delta)

    def _histogram(
        self, name: str, own: Mapping[str, str], owners: Owners, point: Any, scale: float, delta: bool
    ) -> None:
        labels = otlp.attributes(point.get("attributes"))
        component = owners.of(own, "series", name, labels)
        if component is None:
            return
        counts = [int(one) for one in point.get("bucketCounts") or []]
        bounds = [float(one) * scale for one in point.get("explicitBounds") or []] + [np.inf]
        for bound, below in zip(bounds, np.cumsum(counts), strict=True) if counts else ():
            self._point(f"{name}_bucket", component, {**labels, "le": repr(bound)}, point, float(below), delta)

    def _point(
        self, name: str, component: str, labels: Mapping[str, str], point: Any, value: float, delta: bool
    ) -> None:
        time = int(point["timeUnixNano"]) / 1e9
        if delta:  # a delta is added up: the rest knows counters only
            self.counters.add(name)
            before = self._raw.get(name, {}).get(_key(component, labels), {})
            value += next(reversed(before.values()), 0.0)
        self.add(name, component, labels, [(time, value)])

    def rename(self, names: Mapping[str, str]) -> None:
        """Give components other names; those that get the same one become one."""
        for name, series in self._raw.items() if names else ():
            renamed: dict[Labels, dict[float, float]] = {}
            for labels, values in series.items():
                key = tuple((label, names.get(value, value) if label == OWNER else value) for label, value in labels)
                renamed.setdefault(key, {}).update(values)
            self._raw[name] = renamed

    def leave_out_copies(self) -> dict[str, set[str]]:
        """Of the jobs that scrape one address for the same series keep one; the others, by address.

        Copies go through the same values, in each series that they share. What several programs send to one collector,
        or one prober asks in several ways, has one address as well, and other values.
        """
        shared: dict[tuple[str, str], list[tuple[str, list[Labels], list[Labels]]]] = {}
        for name, series in self._raw.items():
            same: dict[Labels, dict[str, list[Labels]]] = {}
            for labels in series:
                named = dict(labels)
                if named.get("instance") and named.get("job"):
                    rest = tuple(pair for pair in labels if pair[0] not in ("job", "endpoint", "service"))
                    same.setdefault(rest, {}).setdefault(named["job"], []).append(labels)
            for rest, jobs in same.items():
                first, *others = sorted(jobs)
                for job in others:
                    shared.setdefault((dict(rest)["instance"], job), []).append((name, jobs[first], jobs[job]))
        left: dict[str, set[str]] = {}
        for (instance, job), pairs in shared.items():
            if all(name.startswith("scrape_") or self._overlap(name, *both) for name, *both in pairs):
                left.setdefault(instance, set()).add(job)
                for name, _, copies in pairs:
                    for labels in copies:
                        del self._raw[name][labels]
        return left

    def _overlap(self, name: str, ours: Sequence[Labels], theirs: Sequence[Labels]) -> bool:
        """Whether the ranges of the values of some series of a metric and of others have a value in common."""
        a, b = ([v for labels in series for v in self._raw[name][labels].values()] for series in (ours, theirs))
        return not a or not b or (min(a) <= max(b) and min(b) <= max(a))

    def times(self) -> NDArray[np.float64]:
        """The times of all samples, unix seconds."""
        return np.fromiter((t for one in self._raw.values() for s in one.values() for t in s), np.float64)

    def samples(self) -> Samples:
        """All of it, on its way to a grid as fine as the series are. Raises ValueError for one of too many steps."""
        times = self.times()
        gaps = [
            float(np.median(np.diff(np.sort(list(series)))))
            for one in self._raw.values()
            for series in one.values()
            if len(series) > 1
        ]
        step = max(1.0, round(float(np.median(gaps)))) if gaps else 1.0
        first, last = (np.ceil(times.min()), times.max()) if len(times) else (0.0, -1.0)
        if (last - first) / step > _STEPS:
            raise ValueError("its samples are too far apart for how often they are taken; cut it to a shorter window")
        return Samples(self._raw, np.arange(first, last + step / 2, step), step)


def _key(component: str, labels: Mapping[str, str]) -> Labels:
    return tuple(sorted({**labels, OWNER: component}.items()))
