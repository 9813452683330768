"""Rule and Spelling: the shapes of a table of metric names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cluster.topology import Kind

METRIC = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{")
"""The metric's name of a selector, where it needs no quotes."""
_QUOTED = re.compile(r"\{\"((?:[^\"\\]|\\.)*)\"[,}]")
_PLAIN = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def selector(name: str, matchers: str = "") -> str:
    """The series of a metric. A name that only Prometheus 3 allows stands in quotes, among the matchers."""
    return f"{opened(name)}{matchers}}}"


def opened(name: str) -> str:
    """A selector up to where its matchers begin."""
    if _PLAIN.fullmatch(name):
        return f"{name}{{"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{{"{escaped}",'


@dataclass(frozen=True, slots=True)
class Rule:
    """How one exporter measures one signal.

    Attributes:
        signal: the canonical name.
        expr: PromQL in the exporter's unit. Placeholders: `$by` the labels to group by; `$m` the source's matchers;
            `$rate`, `$quantile`, `$fresh` the windows; `$component` and `$front_door` for series without a component.
            For series that lie outside the deployment's namespace: `$everywhere` their matchers, `$namespace` the
            deployment's namespace, `$workload` its gateway's workload.
        kinds: the components that it measures.
        scale: factor from the exporter's unit to the canonical unit.
        edge: measured by a caller, of its calls to a callee.
        labels: labels that identify the owner in place of the source's, in this order: of a node its instance and its
            name; of a GPU its pod and its number; of an edge the caller's address and its workload or pod, then the
            callee's. Ignored where series carry component ids.
        native: it reads native histograms, which PromQL can add up and average, and not compare.
    """

    signal: str
    expr: str
    kinds: frozenset[Kind]
    scale: float = 1.0
    edge: bool = False
    labels: tuple[str, ...] = ()
    native: bool = False

    @property
    def metrics(self) -> frozenset[str]:
        """Names of the metrics that it reads."""
        quoted = (re.sub(r"\\(.)", r"\1", name).replace("$$", "$") for name in _QUOTED.findall(self.expr))
        return frozenset([*METRIC.findall(self.expr), *quoted])


@dataclass(frozen=True, slots=True)
class Spelling:
    """The metric names of one exporter; at most one rule per signal, kind and edge.

    Attributes:
        name: of the exporter; of a table with `prefixed` names, what all of them begin with.
        layer: exporters of one layer measure the same quantity, so a fleet may use several; "" for a layer of its own.
        prefixed: others may export the names with something before them, as Ray and KServe do.
        rank: label that tells the engines of one pod apart, as with data parallelism; "" without one.
        unread: names that the exporter has and no rule reads; `*` stands for any text.
        tells: whoever has these metrics is what they measure; False where others have the same names.
    """

    name: str
    rules: tuple[Rule, ...]
    layer: str = ""
    prefixed: bool = False
    rank: str = ""
    unread: tuple[str, ...] = ()
    tells: bool = True

    @property
    def metrics(self) -> frozenset[str]:
        """Names of all metrics that its rules read."""
        return frozenset[str]().union(*(rule.metrics for rule in self.rules))
