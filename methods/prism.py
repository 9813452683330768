"""PRISM: a cause is anomalous inside, in its own resources, and outside, in what its callers notice."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.signals import SIGNALS
from cluster.text.quantities import number
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_components
from methods.answer.refusals import NO_CHANGE
from methods.answer.ties import steady
from methods.answer.types import Cell, Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted
from methods.telemetry.deviation import SIGMA, Deviations, deviations
from methods.telemetry.matrix import Key, halves, prepare

INSIDE = "inside"
OUTSIDE = "outside"
_RESOURCES = frozenset(
    (
        *("cpu_usage", "cpu_throttled", "memory_working_set", "memory_limit_ratio", "memory_used", "gcs_memory"),
        *("gpu_utilization", "gpu_tensor_active", "gpu_dram_active", "gpu_sm_clock", "gpu_power", "gpu_power_limit"),
        *("gpu_temperature", "gpu_throttle_power", "gpu_throttle_thermal", "gpu_memory_used", "gpu_memory_free"),
        *("gpu_xid_errors", "queue_length", "running_requests", "slots_busy", "kv_usage", "preemption_rate"),
        *("batch_tokens_p90", "restarts"),
    )
)
_INSIDE_WORDS = frozenset(("cpu", "mem", "memory", "disk", "diskio", "socket", "sockets", "gpu", "fs", "heap"))
_OUTSIDE_WORDS = frozenset(
    (
        *("latency", "lat", "latavg", "duration", "rt", "ttft", "tpot", "error", "errors", "err", "rate", "ratio"),
        *("workload", "requests", "request", "req", "count", "qps", "throughput", "availability", "avail", "success"),
        *("network", "net"),
    )
)
_SHOWN = 8


def side(signal: str) -> str | None:
    """`INSIDE` for a resource or its saturation, `OUTSIDE` for rate, errors and duration of requests, None if unknown.

    Signals of our vocabulary by the table above; those of other systems by the words of their names.
    """
    if signal in SIGNALS:
        return INSIDE if signal in _RESOURCES else OUTSIDE
    words = set(re.split(r"[^a-z]+", signal.lower()))
    if words & _INSIDE_WORDS:
        return INSIDE
    return OUTSIDE if words & _OUTSIDE_WORDS else None


class Prism(Method):
    """PRISM: components by the sum of their largest anomaly inside and their largest anomaly outside.

    Idea:
        A component has internal properties (its resources) and external ones (what others notice of it). A fault starts
        inside and spreads only through what is outside. So a cause is anomalous inside and outside, and what it affects
        is anomalous outside only, even if that anomaly is larger.

    Formula:
        z(i) = max over t >= onset of |x_i(t) - mean_i| / sd_i, with mean_i and sd_i over t < onset. I(c), E(c): the
        largest z of the internal and of the external signals of c, 0 where it has none.
        score(c) = I + E - log(1 + I + E), or min(I, E) if `conjunctive`.

    Inputs:
        Metrics (T × N), each signal in any unit. The onset, with at least 2 samples before it. Gaps are left out.

    Parameters:
        conjunctive: score with min(I, E), which a component without either cannot get; False as in the paper's main
            results.

    Fails when:
        A resource follows load: then affected components are anomalous inside, too. An effect outside is many times
        larger than the cause's anomaly, and `conjunctive` is off. A fault has no resource signal, such as a slow link.
        The machine's CPU is the sum of what runs on it.

        NoRanking without an onset, without metrics, with fewer than 2 samples before the onset or none after it, when
        no signal changes, and when no signal's side is known.

    Cost:
        O(N T).

    Reference:
        Pham, Graph-Free Root Cause Analysis, arXiv 2601.21359, 2026.

    Deviations:
        The paper lists CPU, memory, disk I/O and sockets as internal, response time and errors as external. Of LLM
        serving, GPU, cache, queue and batch are internal here (utilisation and saturation of a resource); rates,
        errors, durations, tokens and network bytes are external. The paper leaves signals that were constant before
        the onset undefined; they are scored as in `nsigma`. Over time the maximum counts,
        as in `nsigma`.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.prism import Prism
        >>> ranking = Prism().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway', 'node', 'replica-0']
        >>> print(ranking.explanation.steps[1].claim)
        replica-1 leads with 32.4: cpu_usage 18.1 sd inside and latency_p90 17.9 sd outside; gateway follows with 12.
    """

    name: ClassVar[str] = "prism"
    family: ClassVar[Family] = Family.BEYOND

    def __init__(self, conjunctive: bool = False) -> None:
        self.conjunctive = conjunctive

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        parts = halves(prepare(incident), incident.onset)
        if isinstance(parts, NoRanking):
            return parts
        found = deviations(*parts, SIGMA)
        scores = steady(found.by_signal())
        if not any(scores.values()):
            return NO_CHANGE
        known = {key: score for key, score in scores.items() if side(key[1]) is not None}
        if not known:
            return NoRanking(Reason.NOT_APPLICABLE, "no signal is known as a resource or as what callers notice")
        worst: dict[str, dict[str, Key]] = {}
        for key in sorted(known, key=lambda key: (-known[key], key)):
            worst.setdefault(key[0], {}).setdefault(str(side(key[1])), key)
        joint = steady({component: self._score(sides, known) for component, sides in worst.items()})
        explanation = Explanation(self._steps(found, known, len(scores) - len(known), worst, joint))
        return caveats_for(by_components(joint, explanation, known), incident)

    def _score(self, sides: dict[str, Key], scores: dict[Key, float]) -> float:
        inside, outside = (scores[sides[which]] if which in sides else 0.0 for which in (INSIDE, OUTSIDE))
        if self.conjunctive:
            return min(inside, outside)
        return inside + outside - float(np.log1p(inside + outside))

    def _steps(
        self,
        found: Deviations,
        scores: dict[Key, float],
        unknown: int,
        worst: dict[str, dict[str, Key]],
        joint: dict[str, float],
    ) -> tuple[Step, ...]:
        order = sorted(worst, key=lambda component: (-joint[component], component))
        after = found.after
        start, end = float(after.times[0]), float(after.times[-1]) + after.step
        inner = sum(side(key[1]) == INSIDE for key in scores)
        claim = (
            f"{counted(inner, 'signal')} of resources (inside) and {len(scores) - inner} of what callers notice "
            f"(outside), in standard deviations of {counted(found.before.samples, 'sample')} before the onset."
        )
        if unknown:
            claim += f" {counted(unknown, 'signal')} of unknown side left out."
        rows: list[tuple[Cell, ...]] = []
        for component in order[:_SHOWN]:
            cells: list[Cell] = [component]
            for which in (INSIDE, OUTSIDE):
                key = worst[component].get(which)
                cells += [key[1], scores[key]] if key else [None, None]
            rows.append((*cells, joint[component]))
        first = order[0]
        parts = [
            f"{key[1]} {number(scores[key])} sd {which}"
            for which in (INSIDE, OUTSIDE)
            if (key := worst[first].get(which))
        ]
        told = f"{first} leads with {number(joint[first])}: {' and '.join(parts)}"
        if len(order) > 1:
            told += f"; {order[1]} follows with {number(joint[order[1]])}"
        return (
            Step("Inside and outside", claim, {"inside": inner, "outside": len(scores) - inner, "unknown": unknown}),
            Step(
                "Anomalous in both",
                f"{told}.",
                {component: joint[component] for component in order[:_SHOWN]},
                table=Table(("component", "inside", "z inside", "outside", "z outside", "score"), tuple(rows)),
                pointers=tuple(
                    after.pointer(key, start, end) for component in order[:3] for key in worst[component].values()
                ),
            ),
        )
