"""The catalogue of methods: a row each, so that listing them imports none of them.

To add a method: write `methods/<name>.py` and add its row to `_ENTRIES`. Another package has the row in a module of its
own and announces it as an entry point of the group `rca_tui.methods`; see `cluster.plugins`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.errors import RcaError
from cluster.plugins import Plugins, collect, instance

if TYPE_CHECKING:
    from methods.answer.types import Method


class UnknownMethod(RcaError):
    """The catalogue has no method of that name; the message lists the names that it has."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the catalogue. The method is the class `class_name` in the module `<package>.<name>`.

    Attributes:
        name: catalogue name, also the module's.
        class_name: the class in that module.
        family: "metric", "trace" or "multi-source"; "serving" for the tool's own; "beyond" for published methods
            that the study does not have.
        cost: "instant", "seconds" or "minutes"; cheap methods run first.
        needs: what the method reads: metrics, logs, spans, calls, sli, onset. Without one of them it returns
            NoRanking; multi-source methods need at least one of metrics, logs and spans.
        summary: one sentence for lists.
        package: where the module is: ours, or another package's.
        requires: a package that is not installed with the tool. Without it the method is not listed, and returns
            NoRanking where it is named.

    Raises:
        ValueError: the family, the cost or something needed is not one of those.
    """

    name: str
    class_name: str
    family: str
    cost: str
    needs: tuple[str, ...]
    summary: str
    package: str = "methods"
    requires: str = ""

    def __post_init__(self) -> None:
        for value, allowed in ((self.family, _FAMILIES), (self.cost, _COSTS), *((need, _NEEDS) for need in self.needs)):
            if value not in allowed:
                raise ValueError(f"{self.name}: {value!r} is none of {', '.join(allowed)}")

    @property
    def module(self) -> str:
        return f"{self.package}.{self.name}"


def entries() -> tuple[Entry, ...]:
    """Methods that vote, cheapest first: the study's, and those of other packages; not `OWN`, `BEYOND`, `CONTRAST`."""
    return tuple(sorted((*_ENTRIES, *_others().rows), key=lambda row: (_COSTS.index(row.cost), row.name)))


def listed() -> tuple[Entry, ...]:
    """What lists show and what runs unless methods are named: the tool's own, `entries`, then those of `BEYOND` that
    have what they require; being last, they make nobody wait."""
    installed = (row for row in BEYOND if not row.requires or importlib.util.find_spec(row.requires))
    return (*OWN, *entries(), *installed)


def quick() -> tuple[Entry, ...]:
    """What runs on a live deployment without being asked for: the tool's own, and the voters that answer at once.

    Those of `BEYOND` have no part in the verdict: they would take CPU from the deployment in vain.
    """
    return tuple(row for row in (*OWN, *entries()) if row.cost == _COSTS[0])


def everything() -> tuple[Entry, ...]:
    """Every row that a user can name, in the order of `listed`; `CONTRAST` is the last."""
    return (*OWN, *entries(), *BEYOND, CONTRAST)


def problems() -> tuple[str, ...]:
    """A sentence for each method of another package that is left out."""
    return _others().problems


def entry(name: str) -> Entry:
    """The row of one method, `contrast` included. Raises UnknownMethod."""
    rows = {row.name: row for row in everything()}
    if name not in rows:
        raise UnknownMethod(f"there is no method {name!r}; there are: {', '.join(sorted(rows))}")
    return rows[name]


def load(name: str) -> Method:
    """Import one method and return an instance with the paper's defaults.

    Raises:
        UnknownMethod, PluginError for a method of another package that cannot be imported.
    """
    from methods.answer.types import Method

    row = entry(name)
    if row.package != __package__:
        return instance(row.module, row.class_name, Method)  # type: ignore[type-abstract]
    method: Method = getattr(importlib.import_module(row.module), row.class_name)()
    return method


def blocked_without(missing: Set[str]) -> dict[str, list[str]]:
    """Which methods return NoRanking when telemetry is missing.

    Args:
        missing: some of "metrics", "logs" and "spans".

    Returns:
        Each missing source -> the names of the methods that it blocks, cheapest first.
    """
    blocked: dict[str, list[str]] = {}
    for row in entries():
        sources = _TELEMETRY & set(row.needs)
        if sources and (sources <= missing if row.family == "multi-source" else sources & missing):
            for source in sources & missing:
                blocked.setdefault(source, []).append(row.name)
    return dict(sorted(blocked.items()))


def _others() -> Plugins[Entry]:
    return collect("rca_tui.methods", Entry, frozenset(row.name for row in (*OWN, *_ENTRIES, *BEYOND, CONTRAST)))


_FAMILIES = ("metric", "trace", "multi-source", "serving", "beyond")
_NEEDS = ("metrics", "logs", "spans", "calls", "sli", "onset")
_COSTS = ("instant", "seconds", "minutes")
_TELEMETRY = frozenset({"metrics", "logs", "spans"})
_METRICS = ("metrics",)
_METRICS_ONSET = ("metrics", "onset")
_METRICS_SLI = ("metrics", "sli")
_CALLS = ("metrics", "calls", "sli")
_CALLS_ONSET = (*_CALLS, "onset")
_SPANS = ("spans", "onset")

_ENTRIES = (
    Entry(
        "dummy",
        "Dummy",
        "metric",
        "instant",
        _METRICS,
        "Random order of the signals: the baseline that every other method must beat.",
    ),
    Entry(
        "nsigma",
        "NSigma",
        "metric",
        "instant",
        _METRICS_ONSET,
        "Largest deviation after the onset, in standard deviations of the baseline.",
    ),
    Entry(
        "baro",
        "Baro",
        "metric",
        "instant",
        _METRICS_ONSET,
        "Largest deviation after the onset from the baseline's median, in interquartile ranges.",
    ),
    Entry(
        "e_diagnosis",
        "EDiagnosis",
        "metric",
        "seconds",
        _METRICS_ONSET,
        "Signals whose distribution changes at the onset, by a two-sample test (energy statistics).",
    ),
    Entry(
        "pc_pagerank",
        "PcPageRank",
        "metric",
        "seconds",
        _METRICS,
        "PC causal graph over the signals, then PageRank from effects to causes.",
    ),
    Entry(
        "pc_randomwalk",
        "PcRandomWalk",
        "metric",
        "seconds",
        _METRICS_SLI,
        "PC causal graph over the signals, then a random walk from the SLI to causes.",
    ),
    Entry(
        "fci_pagerank",
        "FciPageRank",
        "metric",
        "seconds",
        _METRICS,
        "FCI causal graph, which allows hidden causes, then PageRank from effects to causes.",
    ),
    Entry(
        "fci_randomwalk",
        "FciRandomWalk",
        "metric",
        "seconds",
        _METRICS_SLI,
        "FCI causal graph, which allows hidden causes, then a random walk from the SLI to causes.",
    ),
    Entry(
        "granger_pagerank",
        "GrangerPageRank",
        "metric",
        "seconds",
        _METRICS,
        "Granger causality between signals, then PageRank from effects to causes.",
    ),
    Entry(
        "granger_randomwalk",
        "GrangerRandomWalk",
        "metric",
        "seconds",
        _METRICS_SLI,
        "Granger causality between signals, then a random walk from the SLI to causes.",
    ),
    Entry(
        "lingam_pagerank",
        "LingamPageRank",
        "metric",
        "seconds",
        _METRICS,
        "Linear non-Gaussian causal model (LiNGAM), then PageRank from effects to causes.",
    ),
    Entry(
        "lingam_randomwalk",
        "LingamRandomWalk",
        "metric",
        "seconds",
        _METRICS_SLI,
        "Linear non-Gaussian causal model (LiNGAM), then a random walk from the SLI to causes.",
    ),
    Entry(
        "causalrca",
        "CausalRca",
        "metric",
        "minutes",
        _METRICS,
        "Causal graph learnt by a neural network (DAG-GNN), then PageRank from effects to causes.",
    ),
    Entry(
        "causalai",
        "CausalAi",
        "metric",
        "seconds",
        _METRICS_ONSET,
        "Signals that depend on the onset given any other signals (PC around a fault indicator).",
    ),
    Entry(
        "microcause",
        "MicroCause",
        "metric",
        "seconds",
        _METRICS_SLI,
        "Lagged causal graph (PCMCI), then a walk from the SLI weighted by partial correlation.",
    ),
    Entry(
        "rcd",
        "Rcd",
        "metric",
        "seconds",
        _METRICS_ONSET,
        "Signals that the fault acts on directly: hierarchical search around a fault indicator.",
    ),
    Entry(
        "circa",
        "Circa",
        "metric",
        "seconds",
        _METRICS_ONSET,
        "Largest residuals after the onset when each signal is regressed on its causal parents.",
    ),
    Entry(
        "microrca",
        "MicroRca",
        "metric",
        "seconds",
        _CALLS,
        "Personalised PageRank on the graph of anomalous calls, weighted by resource correlation.",
    ),
    Entry(
        "microscope",
        "Microscope",
        "metric",
        "seconds",
        _CALLS_ONSET,
        "Follows abnormal callees from the front door to the last one, ranks by correlation.",
    ),
    Entry(
        "monitorrank",
        "MonitorRank",
        "metric",
        "seconds",
        _CALLS,
        "Random walk on the call graph, weighted by correlation with the front door's latency.",
    ),
    Entry(
        "microrank",
        "MicroRank",
        "trace",
        "seconds",
        _SPANS,
        "Spectrum-based localisation over normal and abnormal traces, weighted by PageRank.",
    ),
    Entry(
        "tracerca",
        "TraceRca",
        "trace",
        "seconds",
        _SPANS,
        "Sets of components that abnormal traces share, mined by support and confidence.",
    ),
    Entry(
        "mmbaro",
        "MmBaro",
        "multi-source",
        "instant",
        ("metrics", "logs", "spans", "onset"),
        "BARO's robust score over metrics, log counts, span latencies and span failures.",
    ),
    Entry(
        "pdiagnose",
        "PDiagnose",
        "multi-source",
        "instant",
        ("metrics", "logs", "spans", "onset"),
        "A vote for each component by anomalous metrics, log lines and spans.",
    ),
)

OWN = (
    Entry(
        "serving",
        "Serving",
        "serving",
        "instant",
        _METRICS,
        "Probability of each component, or of nobody, to be at fault, by contrast with its peers.",
    ),
)
"""The tool's own methods: listed and run beside the study's, with no vote in the consensus."""


def _beyond(
    name: str, class_name: str, needs: tuple[str, ...], summary: str, cost: str = "instant", requires: str = ""
) -> Entry:
    return Entry(name, class_name, "beyond", cost, needs, summary, requires=requires)


BEYOND = (
    _beyond("prism", "Prism", _METRICS_ONSET, "Anomalous inside (resources) and outside (what callers notice)."),
    _beyond(
        "score_ordering", "ScoreOrdering", _METRICS_ONSET, "Most improbable signal after the onset, by rank statistics."
    ),
    _beyond(
        "smooth_traversal", "SmoothTraversal", _CALLS_ONSET, "Largest jump of improbability from callees to caller."
    ),
    _beyond("idi", "Idi", _CALLS_ONSET, "Anomalous without an anomalous callee; by how much a repair would help."),
    _beyond(
        "cholesky", "Cholesky", _METRICS_ONSET, "Signal that stands alone once the others' noise is explained away."
    ),
    _beyond(
        "anomaly_attribution",
        "AnomalyAttribution",
        _CALLS_ONSET,
        "Shapley values of each component's own noise in the front door's anomaly (dowhy.gcm).",
        "seconds",
        "dowhy",
    ),
)
"""Published methods that people expect and the study does not have: no vote in the consensus unless asked for."""

CONTRAST = Entry(
    "contrast",
    "Contrast",
    "metric",
    "seconds",
    _METRICS_ONSET,
    "What distinguishes the fault window from the baseline: SHAP values of a classifier.",
)
"""Runs like a method and is shown beside them, but it is not one of the study's: not in `entries`, no vote."""
