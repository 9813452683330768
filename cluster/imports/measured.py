"""The canonical signals that raw series measure, by the tables of metric names.

    measure(samples, counters) -> Measured

What no rule reads keeps its own name: levels as they are, counters as a rate, histograms as their p50 and p90.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from cluster.endpoints.reading import MERGEABLE, MERGED, PER_POD, telling
from cluster.imports.expressions import Floats, Labels, Samples, Unsupported, quantile, total
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.ranks import TOLD_BY, engine_id
from cluster.prometheus.rules import Rule, Spelling
from cluster.prometheus.variants import spelled
from cluster.signals import SERVING, SIGNALS, Quantity
from cluster.text.metric_names import family
from cluster.topology import Kind

OWNER = "__component__"
"""The label of a raw series that names its component."""
_COUNTERS = ("_total", "_count", "_sum")
_RECORDED = re.compile(":(sum|count|avg|min|max|rate|irate|increase|p[0-9]|quantile)[^:]*$")
"""What a recording rule did, at the end of its name: the result is a level, whatever its last letters say."""
_FALLS = 0.1
"""Share of steps that go down from which a series is no counter; one that starts anew falls once."""


@dataclass
class Measured:
    """Signals on a grid.

    Attributes:
        columns: (component, signal) -> values, shape (len(samples.grid),); NaN is a gap.
        kinds: what a component is, by the metrics that it exports; none for one that exports no known metric.
        engines: component -> ranks of its engines, where it has several.
        sources: (component, signal) -> names of the metrics that were read for it.
        kept: metrics of GPUs and of calls, which a live deployment has as signals, under their own names here.
        cut: (signal, kind) -> metrics that an answer in part would have had for it, and what the store said.
    """

    samples: Samples
    columns: dict[tuple[str, str], Floats] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    engines: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sources: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    cut: dict[tuple[str, Kind], tuple[tuple[str, ...], str]] = field(default_factory=dict)
    _read: set[tuple[str, str]] = field(default_factory=set)
    _layers: dict[tuple[str, str], str] = field(default_factory=dict)
    _serving: dict[str, list[Rule]] = field(default_factory=dict)
    _by_rule: set[tuple[str, str]] = field(default_factory=set)

    def rule(self, rule: Rule, spelling: Spelling) -> None:
        """Compute what a rule measures, where no rule before it does. Of a family of components, one layer is read."""
        by = rule.labels[0] if rule.labels == PER_POD else OWNER
        layer = spelling.layer or spelling.name
        exported = self._exported(rule) if by != OWNER else frozenset()
        for labels, values in self._evaluate(rule, by):
            component = labels.get(by, "")
            kind = self.kinds.get(component, Kind.SERVICE)
            if not (kind in rule.kinds or (kind is Kind.SERVICE and Kind.WORKER in rule.kinds)):
                continue
            if self._layers.setdefault((rule.signal, self._family(component, kind)), layer) != layer:
                continue
            first = self._add(component, rule.signal, values, self._there(component, rule.metrics))
            self._by_rule.add((component, rule.signal))
            self._read |= {(component, family(metric)) for metric in rule.metrics} | exported
            if first and kind in SERVING and rule not in self._serving.setdefault(rule.signal, []):
                self._serving[rule.signal].append(rule)
        if self.engines and spelling.rank and rule.kinds == SERVING:
            for labels, values in self._evaluate(rule, f"{OWNER}, {spelling.rank}"):
                component, rank = labels.get(OWNER, ""), labels.get(spelling.rank, "")
                if rank in self.engines.get(component, ()):
                    there = self._there(component, rule.metrics)
                    self._add(engine_id(component, rank), rule.signal, values, there)

    def own(self, counters: Collection[str]) -> None:
        """Add what no rule has read under its own name, of each component apart."""
        for name, series in self.samples.series.items():
            by_component: dict[str, list[Labels]] = {}
            for labels, samples in series.items():
                component = dict(labels)[OWNER]
                if samples and not name.endswith("_created") and (component, family(name)) not in self._read:
                    by_component.setdefault(component, []).append(labels)
            for component, mine in by_component.items():
                if name.endswith("_bucket"):
                    self._histogram(family(name), component, name, mine)
                    continue
                counter = name in counters or (name.endswith(_COUNTERS) and self._grows(name, mine))
                function, window = ("rate", self.samples.rate_window) if counter else ("level", self.samples.fresh)
                by_quantile: dict[str, list[Floats]] = {}
                for labels in mine:
                    percent = _percent(dict(labels).get("quantile", ""))
                    by_quantile.setdefault(percent, []).append(self.samples.over_time(name, labels, function, window))
                for percent, parts in by_quantile.items():
                    # Quantiles of a summary do not add up: the largest is the most that the quantile of all can be.
                    values = total(parts, np.nanmax) if percent else total(parts)
                    self._add(component, f"{name}{percent}", values, (name,))

    def _grows(self, name: str, series: Collection[Labels]) -> bool:
        """Whether a name that ends as a counter's does is one, by how it was recorded and by its values."""
        if _RECORDED.search(name):
            return False
        steps = np.concatenate([np.diff([v for _, v in sorted(self.samples.series[name][s].items())]) for s in series])
        return not len(steps) or float((steps < 0).mean()) < _FALLS

    def merged(self, members: Collection[str]) -> tuple[dict[str, Floats], frozenset[str]]:
        """What these serving components measure together, as their front door would, and which of it is the slowest's.

        Rates are added up, histograms by bucket; of several histograms that cannot be added, and of quantiles without
        a histogram, the largest is read, which is the most that the quantile of all requests can be. What an answer in
        part leaves out of some component is of none of them.
        """
        among = frozenset(members)
        theirs = {
            name: {labels: one for labels, one in series.items() if dict(labels)[OWNER] in among}
            for name, series in self.samples.series.items()
        }
        together = replace(self, samples=replace(self.samples, series=theirs))
        found: dict[str, Floats] = {}
        slowest = set()
        for signal in sorted(MERGEABLE):
            keys = [(one, signal) for one in members if (one, signal) in self.columns]
            if not keys or (len(keys) < len(members) and (signal, Kind.REPLICA) in self.cut):
                continue
            if SIGNALS[signal].quantity is Quantity.RATE:
                found[signal] = total([self.columns[key] for key in keys])
                continue
            parts = [values for rule in self._serving.get(signal, ()) for _, values in together._evaluate(rule, MERGED)]
            parts += [self.columns[key] for key in keys if key not in self._by_rule]
            found[signal] = total(parts, np.nanmax)
            slowest |= {signal} if len(parts) > 1 else set()
        if {"error_rate", "request_rate"} <= found.keys():
            requests = np.where(found["request_rate"] > 0, found["request_rate"], np.nan)
            found["error_ratio"] = found["error_rate"] / requests
        return found, frozenset(slowest)

    @cached_property
    def names_of(self) -> Mapping[str, frozenset[str]]:
        """Component -> the names of its series."""
        found: dict[str, set[str]] = {}
        for name, series in self.samples.series.items():
            for labels, samples in series.items():
                if samples:
                    found.setdefault(dict(labels)[OWNER], set()).add(name)
        return {component: frozenset(names) for component, names in found.items()}

    def _add(self, component: str, signal: str, values: Floats, metrics: tuple[str, ...]) -> bool:
        """What comes first counts: whether this was it."""
        if (component, signal) in self.columns:
            return False
        self.columns[component, signal], self.sources[component, signal] = values, metrics
        return True

    def _there(self, component: str, metrics: frozenset[str]) -> tuple[str, ...]:
        """Those of the metrics that the component has; of what others measure of it, those that there are."""
        own = self.names_of.get(component, frozenset())
        return tuple(sorted(metrics & own or metrics & self.samples.series.keys()))

    def _evaluate(self, rule: Rule, by: str) -> Iterable[tuple[dict[str, str], Floats]]:
        try:
            found = self.samples.evaluate(rule.expr, by)
        except Unsupported:
            return []
        return [(dict(labels), values * rule.scale) for labels, values in found.items()]

    def _exported(self, rule: Rule) -> frozenset[tuple[str, str]]:
        """Who exports what a rule reads of others, with its families: added up, these say nothing of the exporter."""
        series = self.samples.series
        return frozenset(
            (dict(labels)[OWNER], family(metric)) for metric in rule.metrics for labels in series.get(metric, {})
        )

    def _family(self, component: str, kind: Kind) -> str:
        """Components of one family are compared with each other; of gateways each is alone."""
        return component if kind is Kind.GATEWAY else kind.value

    def _histogram(self, stem: str, component: str, name: str, series: list[Labels]) -> None:
        by_bound: dict[float, list[Floats]] = {}
        for labels in series:
            if bound := dict(labels).get("le"):
                rate = self.samples.over_time(name, labels, "rate", self.samples.quantile_window)
                by_bound.setdefault(float(bound), []).append(rate)
        rates = {bound: total(parts) for bound, parts in by_bound.items()}
        for q in (0.5, 0.9):
            values = quantile(q, rates, len(self.samples.grid))
            self._add(component, f"{stem}_p{round(100 * q)}", values, (name,))


def measure(samples: Samples, counters: Collection[str], partial: Mapping[str, str] = MappingProxyType({})) -> Measured:
    """All signals of all components.

    Args:
        counters: names that are known to be counters, whatever they end with.
        partial: name of a metric -> what the store said of an answer in part, which is not among the samples.
    """
    names = frozenset(samples.series)
    found = Measured(samples, kinds=_kinds(samples, names))
    found.engines = _engines(samples, names, found.kinds)
    left: set[str] = set()
    for spelling in spelled(spellings(Environment.KUBERNETES), names):
        for rule in spelling.rules:
            if not rule.edge and rule.kinds != {Kind.GPU}:  # a caller and a GPU have no series of their own here
                found.rule(rule, spelling)
            else:
                left |= rule.metrics & names
    found.own(counters)
    own = {metric for (_, signal), metrics in found.sources.items() if signal not in SIGNALS for metric in metrics}
    found.kept = tuple(sorted(left & own))
    found.cut = _cut(partial)
    for component, signal in found.columns:
        if signal in SIGNALS and serves(signal):
            found.kinds.setdefault(component, Kind.REPLICA)
    return found


def _cut(partial: Mapping[str, str]) -> dict[tuple[str, Kind], tuple[tuple[str, ...], str]]:
    names = frozenset(partial)
    found: dict[tuple[str, Kind], tuple[tuple[str, ...], str]] = {
        (name, kind): ((name,), partial[name]) for name in names & SIGNALS.keys() for kind in SIGNALS[name].kinds
    }
    for rule in (rule for one in spelled(spellings(Environment.KUBERNETES), names) for rule in one.rules):
        if those := tuple(sorted(rule.metrics & names)):
            found |= {(rule.signal, kind): (those, partial[those[0]]) for kind in rule.kinds}
    return found


def _kinds(samples: Samples, names: frozenset[str]) -> dict[str, Kind]:
    tables = spelled(spellings(Environment.ENDPOINTS), names)
    # A picker knows its engines, in these files or not.
    per_pod = [rule for one in tables for rule in one.rules if rule.labels == PER_POD]
    told = (dict(labels).get(PER_POD[0]) for rule in per_pod for labels in samples.evaluate(rule.expr, PER_POD[0]))
    kinds = {pod: Kind.REPLICA for pod in told if pod}
    for kind, metrics in telling(tables):
        for metric in metrics & names:
            kinds |= {dict(labels)[OWNER]: kind for labels, one in samples.series[metric].items() if one}
    return kinds


def _engines(samples: Samples, names: frozenset[str], kinds: Mapping[str, Kind]) -> dict[str, tuple[str, ...]]:
    ranks: dict[str, set[str]] = {}
    for spelling in spelled(spellings(Environment.ENDPOINTS), names):
        told = {m for rule in spelling.rules if rule.signal in TOLD_BY for m in rule.metrics & names}
        for labels in (dict(labels) for metric in told if spelling.rank for labels in samples.series[metric]):
            if labels.get(spelling.rank) and kinds.get(labels[OWNER]) in SERVING:
                ranks.setdefault(labels[OWNER], set()).add(labels[spelling.rank])
    return {one: tuple(sorted(some, key=lambda r: (len(r), r))) for one, some in ranks.items() if len(some) > 1}


def _percent(quantile: str) -> str:
    """`_p90` for the label `quantile="0.9"` of a summary; "" without it, or where it is no quantile."""
    try:
        share = float(quantile)
    except ValueError:
        return ""
    return f"_p{100 * share:g}" if 0 <= share <= 1 else ""


def serves(signal: str) -> bool:
    """Whether only an engine has the signal, so that whoever has it is one."""
    kinds = SIGNALS[signal].kinds
    return kinds >= SERVING and not kinds & {Kind.GATEWAY, Kind.WORKER}
