"""What a server says about the targets behind the components, beside the series that the queries read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cluster.deployment import DeploymentError
from cluster.prometheus.client import Prometheus
from cluster.prometheus.nearest import nearest
from cluster.prometheus.promql import Query, quoted
from cluster.prometheus.rules import Spelling
from cluster.prometheus.samples import Targets
from cluster.prometheus.variants import known_names
from cluster.signals import SIGNALS
from cluster.text.plain import plain

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
    several = {metric for query in queries for metric in query.metrics if len(query.metrics) > 1}
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
    )


def near_names(spellings: tuple[Spelling, ...], names: frozenset[str]) -> frozenset[str]:
    """Those of the names that no table knows, and that may be another name of a signal."""
    strange = names - known_names(spellings, names)
    printable = frozenset(name for name in strange if plain(name, _LONGEST) == name)
    return frozenset(name for signal in SIGNALS for name in nearest(signal, printable))


def matchers_of(labels: Mapping[str, str]) -> str:
    """`name="value",` for each label, quoted for PromQL, which allows the comma at the end."""
    return "".join(f'{name}="{quoted(value)}",' for name, value in labels.items())


def duplicates_of(series: Sequence[Mapping[str, str]]) -> str:
    """The label in which copies of the same target differ, as in Thanos without deduplication; "" without copies."""
    for label in ("prometheus_replica", "replica", "__replica__", "thanos_replica", "receive_replica", "prometheus"):
        marked = [one for one in series if label in one]
        targets = {tuple(sorted((k, v) for k, v in one.items() if k != label)) for one in marked}
        if len(targets) < len(marked):
            return label
    return ""
