"""What a server says about the targets behind the components, beside the series that the queries read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from cluster.deployment import DeploymentError
from cluster.prometheus.client import Prometheus
from cluster.prometheus.nearest import nearest
from cluster.prometheus.promql import Query, quoted
from cluster.prometheus.rules import Spelling
from cluster.prometheus.samples import Targets
from cluster.prometheus.variants import known_names
from cluster.signals import SIGNALS, carried_by
from cluster.text.plain import plain
from cluster.topology import Kind

_MERGED = ("prometheus_replica", "replica", "__replica__", "thanos_replica", "receive_replica", "prometheus")
_JOBS = ("job", "endpoint", "service")
"""What the jobs of a Prometheus add to a target's series, each its own value."""
_OF_RUNTIMES = re.compile(
    "(?:go|process|python|promhttp|scrape|net_conntrack|prometheus|otelcol|rest_client|workqueue|controller_runtime"
    "|certwatcher|http_client|jvm|nodejs|dotnet)_.*|up|target_info|otel_scope_info|ALERTS.*"
)
"""Names that libraries and scrapers add to those of any program."""
_LONGEST = 200
"""Characters of a metric's name that is looked at; longer ones are hardly an engine's."""


def targets_of(
    server: Prometheus,
    spellings: tuple[Spelling, ...],
    queries: Sequence[Query],
    own: frozenset[str],
    label: str,
    components: Mapping[str, str],
    matchers: str,
    at: float,
) -> Targets:
    """What the targets export beside what the queries read, and whose scrape fails.

    A reading does not depend on it: where the server refuses, nothing is known.

    Args:
        own: the names of the deployment's series.
        label: the label that names a target, or its pod.
        components: value of that label -> id of the component.
        matchers: of the deployment's series; empty, or with a comma at the end.
        at: unix seconds.
    """
    near = near_names(spellings, own)
    several = {metric for query in queries for metric in query.metrics if len(query.metrics) > 1 or query.layer}
    unknown: dict[str, set[str]] = {}
    exported: dict[str, set[str]] = {}
    try:
        if wanted := sorted(near | several):
            pattern = quoted("|".join(map(re.escape, wanted)))
            for labels in server.instant(f'group by ({label}, __name__) ({{{matchers}__name__=~"{pattern}"}})', at):
                series = dict(labels)
                component, name = components.get(series.get(label, "")), series.get("__name__", "")
                if component:
                    (unknown if name in near else exported).setdefault(component, set()).add(name)
        failing = server.instant(f"max by ({label}) (up{{{matchers}}} == 0)", at)
    except DeploymentError:
        return Targets()
    return Targets(
        {component: frozenset(names) for component, names in unknown.items()},
        {component: frozenset(names) for component, names in exported.items()},
        frozenset(components[value] for row in failing for _, value in row if value in components),
        layers=_layers(queries),
    )


def _layers(queries: Sequence[Query]) -> dict[str, tuple[tuple[int, str], ...]]:
    found: dict[str, set[tuple[int, str]]] = {}
    for query in queries:
        if query.layer and not query.edge:
            found.setdefault(query.signal, set()).update((query.layer, metric) for metric in query.metrics)
    return {signal: tuple(sorted(metrics)) for signal, metrics in found.items()}


def near_names(spellings: tuple[Spelling, ...], names: frozenset[str]) -> frozenset[str]:
    """Those of the names that no table knows, and that may be another name of a signal."""
    return _near(SIGNALS, spellings, names)


def nearest_of(kind: Kind, spellings: tuple[Spelling, ...], names: frozenset[str]) -> frozenset[str]:
    """As `near_names`, for the signals that only such components carry."""
    return _near([one.name for one in carried_by(kind) if one.kinds == {kind}], spellings, names)


def _near(signals: Iterable[str], spellings: tuple[Spelling, ...], names: frozenset[str]) -> frozenset[str]:
    strange = unknown_names(spellings, names)
    return frozenset(name for signal in signals for name in nearest(signal, strange))


def unknown_names(spellings: tuple[Spelling, ...], names: frozenset[str]) -> frozenset[str]:
    """Those of the names that no table knows, without those of any program's runtime."""
    strange = names - known_names(spellings, names)
    return frozenset(name for name in strange if plain(name, _LONGEST) == name and not _OF_RUNTIMES.fullmatch(name))


def matchers_of(labels: Mapping[str, str]) -> str:
    """`name="value",` for each label, quoted for PromQL, which allows the comma at the end."""
    return "".join(f'{name}="{quoted(value)}",' for name, value in labels.items())


def duplicates_of(series: Sequence[Mapping[str, str]]) -> str:
    """The labels in which copies of the same target differ, `a` or `a, b`; "" without copies.

    A store that merges several Prometheus without deduplication has copies, as has one of which two jobs scrape the
    same target: a PodMonitor and a ServiceMonitor, say.
    """
    for label in _MERGED:
        if _repeat([one for one in series if label in one], (label,)):
            return label
    targets = [one for one in series if one.get("instance")]
    if not _repeat(targets, _JOBS):
        return ""
    groups: dict[tuple[tuple[str, str], ...], list[Mapping[str, str]]] = {}
    for one in targets:
        groups.setdefault(_without(one, _JOBS), []).append(one)
    return ", ".join(
        label for label in _JOBS if any(len({one.get(label) for one in same}) > 1 for same in groups.values())
    )


def counted_once(labels: str) -> tuple[str, ...]:
    """A note on copies that differ in these labels; none without."""
    return (f"series that differ in {labels} alone are copies of one target, and count once",) if labels else ()


def _repeat(series: Sequence[Mapping[str, str]], labels: Sequence[str]) -> bool:
    return len({_without(one, labels) for one in series}) < len(series)


def _without(series: Mapping[str, str], labels: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, value) for key, value in series.items() if key not in labels))
