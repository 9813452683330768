"""All methods by name, without importing any of them: a class is loaded when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.errors import RcaError

if TYPE_CHECKING:
    from methods.answer.types import Method


class UnknownMethod(RcaError):
    """No method of that name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One method: the module is `methods.<name>`, the class is `class_name` in it.

    `cost` orders the runs ("instant", "seconds", "minutes"). `needs` is what it reads: without one of them it
    has no answer, but that the multi-source methods get by with any of metrics, logs and spans.
    """

    name: str
    class_name: str
    family: str
    cost: str
    needs: tuple[str, ...]
    summary: str


def entries() -> tuple[Entry, ...]:
    """Every method of the study, cheap ones first. `CONTRAST` is not one of them and has to be asked for by name."""
    order = {"instant": 0, "seconds": 1, "minutes": 2}
    return tuple(sorted(_ENTRIES, key=lambda entry: (order[entry.cost], entry.name)))


def entry(name: str) -> Entry:
    """The method of that name. Raises UnknownMethod with a sentence that lists those there are."""
    for candidate in (*_ENTRIES, CONTRAST):
        if candidate.name == name:
            return candidate
    known = ", ".join(sorted(e.name for e in (*_ENTRIES, CONTRAST)))
    raise UnknownMethod(f"there is no method {name!r}; there are: {known}")


def unanswered(missing: Set[str]) -> dict[str, list[str]]:
    """Each of `missing` (`metrics`, `logs`, `spans`) to the methods that have no answer for want of it."""
    silent: dict[str, list[str]] = {}
    for found in entries():
        sources = _TELEMETRY & set(found.needs)
        if sources and (sources <= missing if found.family == "multi-source" else sources & missing):
            for source in sources & missing:
                silent.setdefault(source, []).append(found.name)
    return dict(sorted(silent.items()))


def load(name: str) -> Method:
    """An instance with the paper's defaults. Raises UnknownMethod."""
    found = entry(name)
    method: Method = getattr(importlib.import_module(f"methods.{found.name}"), found.class_name)()
    return method


_TELEMETRY = frozenset({"metrics", "logs", "spans"})
_METRICS = ("metrics",)
_METRICS_ONSET = ("metrics", "onset")
_METRICS_SLI = ("metrics", "sli")
_CALLS = ("metrics", "calls", "sli")
_SPANS = ("spans", "onset")

_ENTRIES = (
    Entry(
        "dummy",
        "Dummy",
        "metric",
        "instant",
        _METRICS,
        "Guesses: a random order of the signals, the baseline that every other method must beat.",
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
        "Largest deviation after the onset, in interquartile ranges around the baseline's median.",
    ),
    Entry(
        "e_diagnosis",
        "EDiagnosis",
        "metric",
        "seconds",
        _METRICS_ONSET,
        "Signals whose distribution after the onset differs from before (energy statistics).",
    ),
    Entry(
        "pc_pagerank",
        "PcPageRank",
        "metric",
        "seconds",
        _METRICS,
        "PC causal graph over the signals, PageRank from effects to causes.",
    ),
    Entry(
        "pc_randomwalk",
        "PcRandomWalk",
        "metric",
        "seconds",
        _METRICS_SLI,
        "PC causal graph over the signals, a random walk from the SLI towards causes.",
    ),
    Entry(
        "fci_pagerank",
        "FciPageRank",
        "metric",
        "seconds",
        _METRICS,
        "FCI causal graph, which allows hidden causes, PageRank from effects to causes.",
    ),
    Entry(
        "fci_randomwalk",
        "FciRandomWalk",
        "metric",
        "seconds",
        _METRICS_SLI,
        "FCI causal graph, which allows hidden causes, a random walk from the SLI.",
    ),
    Entry(
        "granger_pagerank",
        "GrangerPageRank",
        "metric",
        "seconds",
        _METRICS,
        "Granger-causality graph (who predicts whom), PageRank from effects to causes.",
    ),
    Entry(
        "granger_randomwalk",
        "GrangerRandomWalk",
        "metric",
        "seconds",
        _METRICS_SLI,
        "Granger-causality graph (who predicts whom), a random walk from the SLI.",
    ),
    Entry(
        "lingam_pagerank",
        "LingamPageRank",
        "metric",
        "seconds",
        _METRICS,
        "Linear non-Gaussian causal model, PageRank from effects to causes.",
    ),
    Entry(
        "lingam_randomwalk",
        "LingamRandomWalk",
        "metric",
        "seconds",
        _METRICS_SLI,
        "Linear non-Gaussian causal model, a random walk from the SLI.",
    ),
    Entry(
        "causalrca",
        "CausalRca",
        "metric",
        "minutes",
        _METRICS,
        "Causal graph learnt by a structured variational autoencoder, PageRank.",
    ),
    Entry(
        "causalai",
        "CausalAi",
        "metric",
        "seconds",
        _METRICS_ONSET,
        "Signals that the fault indicator points to in a PC graph.",
    ),
    Entry(
        "microcause",
        "MicroCause",
        "metric",
        "seconds",
        _METRICS_SLI,
        "Lagged causal graph (PCMCI), a partial-correlation walk from the SLI.",
    ),
    Entry(
        "rcd",
        "Rcd",
        "metric",
        "seconds",
        _METRICS_ONSET,
        "Which signals' mechanisms changed: localised, hierarchical search around a fault indicator.",
    ),
    Entry(
        "circa",
        "Circa",
        "metric",
        "seconds",
        _METRICS_ONSET,
        "Regresses each signal on its causal parents: the largest residuals after the onset.",
    ),
    Entry(
        "microrca",
        "MicroRca",
        "metric",
        "seconds",
        _CALLS,
        "Anomalous calls on the service graph, weighted by resource correlation, personalised PageRank.",
    ),
    Entry(
        "microscope",
        "Microscope",
        "metric",
        "seconds",
        (*_CALLS, "onset"),
        "Walks anomalous calls from the front door to where they end, ranks by correlation with it.",
    ),
    Entry(
        "monitorrank",
        "MonitorRank",
        "metric",
        "seconds",
        _CALLS,
        "Random walk on the call graph, drawn to what resembles the front door's trouble.",
    ),
    Entry(
        "microrank",
        "MicroRank",
        "trace",
        "seconds",
        _SPANS,
        "PageRank over normal and abnormal traces, then spectrum-based fault localisation.",
    ),
    Entry(
        "tracerca",
        "TraceRca",
        "trace",
        "seconds",
        _SPANS,
        "Sets of components that abnormal traces share: mined by support and confidence.",
    ),
    Entry(
        "mmbaro",
        "MmBaro",
        "multi-source",
        "instant",
        ("metrics", "logs", "spans", "onset"),
        "BARO's robust score over metrics, log counts and span latencies together.",
    ),
    Entry(
        "pdiagnose",
        "PDiagnose",
        "multi-source",
        "instant",
        ("metrics", "logs", "spans", "onset"),
        "A vote of anomalous metrics, error logs and abnormal spans for each component.",
    ),
)

CONTRAST = Entry(
    "contrast",
    "Contrast",
    "metric",
    "seconds",
    _METRICS_ONSET,
    "What tells the fault window from the baseline: SHAP values of a model that learnt to recognise it.",
)
"""Runs like a method, and is shown beside them: it belongs to none, votes for nobody, and is not listed."""
