"""Series out of files, raw as they were scraped, and the canonical signals that they measure.

The tables of metric names hold queries for a server; those of plain form (the sum of a level, the rate of a counter, a
quantile of a histogram) are computed here. What no such rule reads keeps its own name: levels as they are, counters
as a rate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster import otlp
from cluster.incident.frames import LARGEST
from cluster.incident.model import empty_metrics
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.rules import Rule
from cluster.prometheus.variants import spelled
from cluster.signals import SERVING

_LEVEL = re.compile(r"(sum|max|min|avg) by \(\$by\) \(last_over_time\(([\w:]+)\{\$m\}\[\$fresh\]\)\)")
_RATE = re.compile(r"sum by \(\$by\) \(rate\(([\w:]+)\{\$m\}\[\$rate\]\)\)")
_QUANTILE = re.compile(
    r"histogram_quantile\(([\d.]+), sum by \(\$by, le\) \(rate\(([\w:]+_bucket)\{\$m\}\[\$quantile\]\)\)\)"
)
_COUNTERS = ("_total", "_count", "_sum", "_bucket")
_COPIES = ("prometheus_replica", "thanos_replica", "receive_replica", "__replica__")
_UNITS = {"s": ("_seconds", 1.0), "ms": ("_seconds", 1e-3), "us": ("_seconds", 1e-6), "By": ("_bytes", 1.0)}
_STEPS = 20_000

Floats = NDArray[np.float64]
Labels = tuple[tuple[str, str], ...]


class Collected:
    """Samples by metric name, component and labels. `step`: seconds between two rows of `frame`."""

    def __init__(self) -> None:
        self.points = 0
        self.step = 1.0
        self._raw: dict[str, dict[tuple[str, Labels], dict[float, float]]] = {}
        self._counters: set[str] = set()

    def add(self, name: str, component: str, labels: Mapping[str, str], values: Iterable[Any]) -> None:
        """Samples (unix seconds, value) of one series; one that is infinite or too large to be measured is left out."""
        kept = {key: value for key, value in labels.items() if key not in _COPIES}
        if not name.startswith("ray_serve"):
            kept.pop("replica", None)  # of copies in a store that does not merge them
        series = self._raw.setdefault(name, {}).setdefault((component, tuple(sorted(kept.items()))), {})
        for at, value in values:
            time, number = float(at), float(value)
            self.points += 1
            if not np.isfinite(time):
                raise ValueError("a sample has no time")
            if abs(number) < LARGEST:
                series[time] = number

    def add_otlp(self, resource: Any, component: str) -> None:
        """All metrics of one entry of `resourceMetrics`."""
        for scope in resource.get("scopeMetrics") or []:
            for metric in scope.get("metrics") or []:
                suffix, scale = _UNITS.get(str(metric.get("unit") or ""), ("", 1.0))
                name = re.sub(r"[^\w:]", "_", str(metric["name"]))
                name = name if name.endswith(suffix) else name + suffix
                if gauge := metric.get("gauge"):
                    for point in gauge.get("dataPoints") or []:
                        self._number(name, component, point, scale)
                if total := metric.get("sum"):
                    delta = total.get("aggregationTemporality") in (1, "AGGREGATION_TEMPORALITY_DELTA")
                    if total.get("isMonotonic"):
                        self._counters.add(name)
                    for point in total.get("dataPoints") or []:
                        self._number(name, component, point, scale, delta)
                if histogram := metric.get("histogram"):
                    delta = histogram.get("aggregationTemporality") in (1, "AGGREGATION_TEMPORALITY_DELTA")
                    for point in histogram.get("dataPoints") or []:
                        self._histogram(name, component, point, scale, delta)

    def _number(self, name: str, component: str, point: Any, scale: float, delta: bool = False) -> None:
        value = float(point["asDouble"]) if "asDouble" in point else float(point["asInt"])
        self._point(name, component, otlp.attributes(point.get("attributes")), point, value * scale, delta)

    def _histogram(self, name: str, component: str, point: Any, scale: float, delta: bool) -> None:
        labels = otlp.attributes(point.get("attributes"))
        counts = [int(one) for one in point.get("bucketCounts") or []]
        bounds = [float(one) * scale for one in point.get("explicitBounds") or []] + [np.inf]
        for bound, below in zip(bounds, np.cumsum(counts), strict=True) if counts else ():
            self._point(f"{name}_bucket", component, {**labels, "le": repr(bound)}, point, float(below), delta)

    def _point(
        self, name: str, component: str, labels: Mapping[str, str], point: Any, value: float, delta: bool
    ) -> None:
        time = int(point["timeUnixNano"]) / 1e9
        if delta:  # a delta is added up: the rest knows counters only
            self._counters.add(name)
            before = self._raw.get(name, {}).get((component, tuple(sorted(labels.items()))), {})
            value += next(reversed(before.values()), 0.0)
        self.add(name, component, labels, [(time, value)])

    def times(self) -> Floats:
        """The times of all samples, unix seconds."""
        return np.fromiter((t for one in self._raw.values() for s in one.values() for t in s), np.float64)

    def frame(self) -> tuple[pd.DataFrame, frozenset[str]]:
        """Metrics in the shape of `Telemetry.metrics`, and the components that serve requests by what they export."""
        times = self.times()
        if not len(times):
            return empty_metrics(), frozenset()
        gaps = [
            float(np.median(np.diff(np.sort(list(series)))))
            for one in self._raw.values()
            for series in one.values()
            if len(series) > 1
        ]
        self.step = max(1.0, round(float(np.median(gaps)))) if gaps else 1.0
        first, last = np.ceil(times.min()), times.max()
        if (last - first) / self.step > _STEPS:
            raise ValueError("its samples are too far apart for how often they are taken; cut it to a shorter window")
        grid = np.arange(first, last + self.step / 2, self.step)
        columns: dict[tuple[str, str], Floats] = {}
        serving: set[str] = set()
        read: set[str] = set()
        for spelling in spelled(spellings(Environment.KUBERNETES), frozenset(self._raw)):
            for rule in spelling.rules:
                if rule.edge or not rule.kinds & SERVING:
                    continue
                for component, values in self._measured(rule, grid, read):
                    columns.setdefault((component, rule.signal), values * rule.scale)
                    if spelling.layer == "engine":
                        serving.add(component)
        for name, series in self._raw.items():
            if name not in read and not name.endswith(("_bucket", "_created")):
                for component, values in self._own(name, series, grid):
                    columns.setdefault((component, name), values)
        names = pd.MultiIndex.from_tuples(list(columns), names=["component", "signal"])
        values = np.column_stack(list(columns.values()))
        return pd.DataFrame(values, index=pd.Index(grid, name="time"), columns=names), frozenset(serving)

    def _own(self, name: str, series: Mapping[tuple[str, Labels], Any], grid: Floats) -> Iterable[tuple[str, Floats]]:
        counter = name in self._counters or name.endswith(_COUNTERS)
        for component in dict.fromkeys(one for one, _ in series):
            mine = [samples for (owner, _), samples in series.items() if owner == component and samples]
            if mine:
                parts = [self._rate(one, grid, 5.0) if counter else self._level(one, grid) for one in mine]
                yield component, _total(parts, np.nansum)

    def _measured(self, rule: Rule, grid: Floats, read: set[str]) -> Iterable[tuple[str, Floats]]:
        """(component, values) by the first part of the rule that has any; parts are joined by `or`."""
        done: set[str] = set()
        forms = [*_LEVEL.finditer(rule.expr), *_RATE.finditer(rule.expr), *_QUANTILE.finditer(rule.expr)]
        plain = rule.expr
        for form in forms:
            plain = plain.replace(form[0], "")
        if re.sub(r"\(\)|\bor\b|\s", "", plain):
            return  # a rule with more to it
        for form in sorted(forms, key=lambda one: one.start()):
            name = form[form.re.groups]
            read.add(name)
            by_component: dict[str, list[tuple[Labels, dict[float, float]]]] = {}
            for (component, labels), samples in self._raw.get(name, {}).items():
                if samples:
                    by_component.setdefault(component, []).append((labels, samples))
            for component, series in by_component.items():
                if component in done:
                    continue
                done.add(component)
                if form.re is _QUANTILE:
                    yield component, self._quantile(float(form[1]), series, grid)
                elif form.re is _RATE:
                    yield component, _total([self._rate(one, grid, 5.0) for _, one in series], np.nansum)
                else:
                    how = {"sum": np.nansum, "max": np.nanmax, "min": np.nanmin, "avg": np.nanmean}[form[1]]
                    yield component, _total([self._level(one, grid) for _, one in series], how)

    def _level(self, samples: Mapping[float, float], grid: Floats) -> Floats:
        times, values = _sorted(samples)
        place = np.searchsorted(times, grid + 1e-6, side="right") - 1
        found = values[np.maximum(place, 0)]
        fresh = (place >= 0) & (grid - times[np.maximum(place, 0)] <= 2.5 * self.step)
        return np.where(fresh, found, np.nan)

    def _rate(self, samples: Mapping[float, float], grid: Floats, window: float) -> Floats:
        """Increase per second over the window, in which at least two samples lie; a reset counts from zero."""
        times, values = _sorted(samples)
        window = max(window, 2.5 * self.step)
        steps = np.diff(values)
        grown = np.concatenate([[0.0], np.cumsum(np.where(steps < 0, values[1:], steps))])
        last = np.searchsorted(times, grid + 1e-6, side="right") - 1
        first = np.searchsorted(times, grid - window, side="left")
        there = (last > first) & (last >= 0)
        a, b = np.minimum(first, len(times) - 1), np.maximum(last, 0)
        spread = np.where(there, times[b] - times[a], 1.0)
        return np.where(there, (grown[b] - grown[a]) / spread, np.nan)

    def _quantile(self, q: float, series: Iterable[tuple[Labels, dict[float, float]]], grid: Floats) -> Floats:
        by_bound: dict[float, list[Floats]] = {}
        for labels, samples in series:
            bound = float(dict(labels).get("le", "nan"))
            if not np.isnan(bound):
                by_bound.setdefault(bound, []).append(self._rate(samples, grid, 10.0))
        bounds = sorted(by_bound)
        if len(bounds) < 2 or bounds[-1] != np.inf:
            return np.full(len(grid), np.nan)
        counts = np.vstack([_total(by_bound[bound], np.nansum) for bound in bounds])
        counts = np.maximum.accumulate(np.nan_to_num(counts), axis=0)
        rank = q * counts[-1]
        place = np.minimum((counts < rank).sum(axis=0), len(bounds) - 1)
        edges = np.array([0.0, *bounds[:-1], bounds[-2]])
        column = np.arange(len(grid))
        below = np.where(place > 0, counts[place - 1, column], 0.0)
        width = counts[place, column] - below
        share = np.divide(rank - below, width, out=np.zeros(len(grid)), where=width > 0)
        values = edges[place] + (edges[place + 1] - edges[place]) * share
        return np.where(counts[-1] > 0, values, np.nan)


def _sorted(samples: Mapping[float, float]) -> tuple[Floats, Floats]:
    times = np.fromiter(samples, np.float64, len(samples))
    order = np.argsort(times)
    return times[order], np.fromiter(samples.values(), np.float64, len(samples))[order]


def _total(parts: list[Floats], how: Any) -> Floats:
    stacked = np.vstack(parts)
    values = np.full(stacked.shape[1], np.nan)
    there = np.isfinite(stacked).any(axis=0)
    values[there] = how(stacked[:, there], axis=0)
    return values
