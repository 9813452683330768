"""What the verdict is worth: `python -m tests.bench verdict` writes docs/measured/verdict.md anew.

Every shipped drill is judged as it is, and, where a component is at fault in it, the time before the fault as well: a
healthy window, in which nobody is.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import pandas as pd

from cluster.incident import library
from cluster.incident.model import Incident
from cluster.incident.truth import NO_FAULT, Truth
from faults.recording.conditions import Shape
from methods.evaluation.measures import Calibration, calibration, interval, set_score
from methods.verdict.decision import decide
from methods.verdict.path import right
from methods.verdict.types import Answer, Trouble, Verdict
from tests.bench import dissent
from tests.bench.perturbed import POORER, renamed
from tests.bench.serving_cases import drawn_drills, until
from tests.bench.tables import REPOSITORY, markdown, tell

DOCUMENT = REPOSITORY / "docs" / "measured" / "verdict.md"
HEALTHY = "healthy window"
CHOSEN = "chosen"
STRONG = 0.9
ASKED = ("a sample every 15 s", "every other engine not measured", "without what callers measure")
"""Of `POORER`, those in which other methods are asked, too: the verdict is wrong in some."""
LEAST_HEALTHY = 60.0
"""Seconds before a fault that are worth being judged alone."""
KINDS: Mapping[str, frozenset[Trouble]] = {
    "bandwidth": frozenset({Trouble.LINK_SLOW}),
    "cpu-stress": frozenset({Trouble.CPU}),
    "cpu-throttle": frozenset({Trouble.CPU}),
    "crash": frozenset({Trouble.RESTARTED, Trouble.PROCESS_RESTARTED}),
    "freeze": frozenset({Trouble.STOPPED, Trouble.PROCESS_STOPPED}),
    "gateway-slow": frozenset({Trouble.CPU}),
    "gpu-contention": frozenset({Trouble.GPU}),
    "gpu-memory": frozenset({Trouble.MEMORY}),
    "gpu-power-cap": frozenset({Trouble.GPU}),
    "head-overload": frozenset({Trouble.CPU}),
    "hot-replica": frozenset({Trouble.ROUTING}),
    "kv-leak": frozenset({Trouble.QUEUE, Trouble.KV_CACHE}),
    "kv-pressure": frozenset({Trouble.QUEUE, Trouble.KV_CACHE}),
    "load-surge": frozenset({Trouble.OVERLOAD}),
    "long-prefill": frozenset({Trouble.PREFILL}),
    "memory-stress": frozenset({Trouble.MEMORY}),
    "network-delay": frozenset({Trouble.LINK_SLOW}),
    "network-loss": frozenset({Trouble.LINK_LOSSY}),
    "partition": frozenset({Trouble.CUT_OFF}),
    "retry-storm": frozenset({Trouble.OVERLOAD}),
    "slow-start": frozenset({Trouble.RESTARTED, Trouble.CPU}),
    "telemetry-loss": frozenset({Trouble.NONE}),
    HEALTHY: frozenset({Trouble.NONE}),
    NO_FAULT: frozenset({Trouble.NONE, Trouble.OVERLOAD}),
}
"""Fault -> the kinds of trouble that name it rightly. Of two faults at once, those of either."""
_PAGE = """# What the verdict is worth

Written by `python -m tests.bench verdict`, which judges {drills} shipped drills and, of those with one at fault,
the {healthy} healthy windows before the fault ({least:.0f} s at least). No onset is given, no other method asked:
they add evidence to the [verdict](../explanation/verdict.md) and change no probability.

!!! warning "In-sample figures"
    The structure of `serving` and the footprints of the kinds of trouble were chosen while looking at the drills that
    were chosen by hand, not at the others. The measures of [`serving`](serving.md) tell how much that is worth.
"""
_LEGEND = """
- **Chosen, developed, scored**: drills whose fault and intensity were chosen by hand, at one steady load; drills that a
  seed drew, under loads that change, to develop on; and those that nothing was tuned on.
- **AC@1**: the likeliest component is at fault; where none is, nobody is named.
- **Set score**: F1 of the named components, 0 where one that is at fault is not named; 1 for nobody where nobody is.
- **Kind**: the kind of trouble is the one that was injected; of two faults at once, that of either.
- **Path**: exactly the hops of the shortest chain of callers from each cause to the front door, none arriving before
  the one that leads to it. For a fault of the front door none, but to the callee at which it shows, where one gets more
  than its share. All components are called by the gateway here, so a path is seldom wrong but with its cause.
- **Simple rule**: the callee whose calls are slowest beside those of the others (90th percentile, mean of the window).
- **Guessing**: one component at random, always somebody.
"""


@dataclass(frozen=True)
class Trial:
    """One stretch of telemetry with a known answer.

    Attributes:
        fault: the row of the table.
        kinds: those that are right.
        part: CHOSEN, or the part of the drawn drills that it is of.
    """

    incident: Incident
    truth: Truth
    fault: str
    kinds: frozenset[Trouble]
    part: str

    @property
    def causes(self) -> tuple[str, ...]:
        return () if self.fault == HEALTHY else self.truth.components


@dataclass(frozen=True)
class Judged:
    """What was answered on one trial, and in how many seconds."""

    trial: Trial
    verdict: Verdict
    seconds: float

    @property
    def first(self) -> float:
        causes, named = self.trial.causes, self.verdict.named
        return float(named[0] in causes if causes and named else not causes and self.nobody)

    @property
    def nobody(self) -> bool:
        return self.verdict.answer is Answer.NOBODY

    @property
    def set(self) -> float:
        return set_score(self.verdict.named, self.trial.causes)

    @property
    def kind(self) -> float:
        return float(self.verdict.kind in self.trial.kinds)

    @property
    def path(self) -> float:
        truth, topology = self.trial.truth, self.trial.incident.topology
        target = truth.target if self.trial.causes else ""
        return float(right(self.verdict.path, topology, self.trial.causes, target))


def run(options: argparse.Namespace) -> None:
    judged: list[Judged] = []
    poorer: dict[str, list[Judged]] = {name: [] for name in POORER}
    other_names = 0
    for trial in trials():
        judged.append(_judge(trial))
        if trial.fault != HEALTHY:
            other_names += _depends_on_names(judged[-1])
            for name, change in POORER.items():
                poorer[name].append(_judge(dataclasses.replace(trial, incident=change(trial.incident))))
    drills = [one for one in judged if one.trial.fault != HEALTHY]
    tell("other methods")
    heard = [_heard(one) for one in (*drills, *(one for name in ASKED for one in poorer[name]))]
    lines = [*page(judged, poorer, other_names), *dissent.section([one for one in heard if one is not None])]
    DOCUMENT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    tell(f"{DOCUMENT.relative_to(REPOSITORY)} is written")


def trials() -> Iterator[Trial]:
    drawn = drawn_drills()
    for listing in library.listings():
        if not listing.shipped:
            continue
        incident, truth = library.load_with_truth(listing.name)
        if truth is None:
            continue
        part = next((part for part, names in drawn.items() if listing.name in names), CHOSEN)
        yield Trial(incident, truth, truth.fault, _kinds(truth), part)
        if truth.components and truth.injected_at - incident.window.start >= LEAST_HEALTHY:
            yield Trial(until(incident, truth.injected_at), truth, HEALTHY, KINDS[HEALTHY], part)


def _judge(trial: Trial) -> Judged:
    began = time.perf_counter()
    verdict = decide(trial.incident)
    return Judged(trial, verdict, time.perf_counter() - began)


def _heard(one: Judged) -> dissent.Answer | None:
    return dissent.answer(one.trial.fault, one.trial.incident, one.verdict, one.set == 1.0)


def _depends_on_names(one: Judged) -> bool:
    """Whether the verdict says anything else of the same telemetry with other ids in another order."""
    incident, old = renamed(one.trial.incident)
    verdict, other = one.verdict, decide(incident)
    said = [
        (v.answer, [of.get(c, c) for c in v.named], v.kind, v.onset, round(v.nobody, 9), round(v.probability, 9))
        for v, of in ((verdict, {}), (other, old))
    ]
    return said[0] != said[1]


def page(judged: Sequence[Judged], poorer: Mapping[str, Sequence[Judged]], other_names: int) -> Iterator[str]:
    drills = [one for one in judged if one.trial.fault != HEALTHY]
    healthy = [one for one in judged if one.trial.fault == HEALTHY]
    caused, quiet = _split(drills)
    yield _PAGE.format(drills=len(drills), healthy=len(healthy), least=LEAST_HEALTHY)
    yield from _table(drills, caused)
    yield _LEGEND
    yield "## Nobody\n"
    wrongly = sum(one.nobody for one in caused)
    unknown = sum(one.verdict.answer is Answer.UNKNOWN for one in judged)
    yield from markdown(
        ("where", "stretches", "nobody named"),
        (
            *(
                (name, str(len(some)), _share(sum(o.nobody for o in some), len(some)))
                for name, some in (*_by_reason(quiet).items(), ("healthy windows before a fault", healthy))
            ),
            ("a component is at fault (wrong)", str(len(caused)), _share(wrongly, len(caused))),
        ),
    )
    yield f"\n*Cannot tell* was answered {unknown} times.\n"
    yield "## By fault\n"
    yield from _by_fault(drills)
    yield "\n## Poorer telemetry\n"
    yield (
        "The same drills with less of it. Of the causes that are missed, *cannot tell* is the "
        "honest answer. *Wrong, strong*: with a probability of 0.9 and more.\n"
    )
    yield from _poorer({"as recorded": drills, **poorer})
    yield (
        f"\nOther ids in another order change what is said in {other_names} of {len(drills)} drills: who, the kind, "
        "the onset, or a probability."
    )
    yield "\n## When\n"
    yield from _times(caused)
    yield "\n## Calibration\n"
    yield from _calibration(calibration([(o.verdict.probability, o.set == 1.0) for o in judged]))


def _by_reason(quiet: Iterable[Judged]) -> dict[str, list[Judged]]:
    """Those in which nobody is at fault, by what happened instead."""
    found: dict[str, list[Judged]] = defaultdict(list)
    for one in quiet:
        truth = one.trial.truth
        shape = truth.conditions.get("shape", Shape.STEADY)
        steady = "nothing happens" if shape == Shape.STEADY else "only the load changes"
        found[steady if truth.fault == NO_FAULT else truth.fault].append(one)
    return dict(sorted(found.items()))


def _kinds(truth: Truth) -> frozenset[Trouble]:
    if truth.fault in KINDS:
        return KINDS[truth.fault]
    # two-at-once: the kinds of its parts; without their names, of all that act on one component.
    parts = [KINDS[str(value)] for value in truth.parameters.values() if str(value) in KINDS]
    return frozenset().union(*parts) if parts else frozenset({Trouble.CPU, Trouble.QUEUE, Trouble.KV_CACHE})


def _split(drills: Iterable[Judged]) -> tuple[list[Judged], list[Judged]]:
    drills = list(drills)
    return [one for one in drills if one.trial.causes], [one for one in drills if not one.trial.causes]


def _table(drills: Sequence[Judged], caused: Sequence[Judged]) -> Iterator[str]:
    rows = []
    parts = dict.fromkeys(one.trial.part for one in drills)
    groups = [("all drills", drills), ("a component is at fault", caused)]
    if len(parts) > 1:
        groups += [(f"of these, {part}", [one for one in caused if one.trial.part == part]) for part in parts]
    for name, some in groups:
        low, high = interval([one.first for one in some])
        rows.append(
            (
                f"verdict, {name}",
                str(len(some)),
                f"{fmean(o.first for o in some):.2f} ({low:.2f}–{high:.2f})",
                *(f"{fmean(getattr(o, what) for o in some):.2f}" for what in ("set", "kind", "path")),
                f"{median(o.seconds for o in some):.2f}",
            )
        )
    simple = [_simple_rule(one.trial) for one in caused]
    hits = [float(answer in one.trial.causes) for answer, one in zip(simple, caused, strict=True)]
    sets = [set_score([answer], one.trial.causes) for answer, one in zip(simple, caused, strict=True)]
    count = str(len(caused))
    rows.append(("simple rule", count, f"{fmean(hits):.2f}", f"{fmean(sets):.2f}", "", "", ""))
    chance = [len(o.trial.causes) / len(o.trial.incident.topology.ids) for o in caused]
    alone = [c if len(o.trial.causes) == 1 else 0.0 for c, o in zip(chance, caused, strict=True)]
    rows.append(("guessing", count, f"{fmean(chance):.2f}", f"{fmean(alone):.2f}", "", "", ""))
    yield from markdown(("", "drills", "AC@1 (95 %)", "set score", "kind", "path", "seconds"), rows)


def _by_fault(drills: Sequence[Judged]) -> Iterator[str]:
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in drills:
        groups[one.trial.fault].append(one)
    rows = (
        (
            fault,
            str(len(some)),
            *(f"{fmean(getattr(o, what) for o in some):.2f}" for what in ("first", "set", "kind", "path")),
            ", ".join(sorted({str(o.verdict.kind) for o in some})),
        )
        for fault, some in sorted(groups.items())
    )
    yield from markdown(("fault", "drills", "AC@1", "set score", "kind", "path", "kinds that were said"), rows)


def _poorer(variants: Mapping[str, Sequence[Judged]]) -> Iterator[str]:
    rows = []
    for name, some in variants.items():
        unknown = sum(one.verdict.answer is Answer.UNKNOWN for one in some)
        right_ones = sum(one.first == 1.0 for one in some)
        strong = sum(one.first < 1.0 and one.verdict.probability >= STRONG for one in some)
        told = f"{fmean(o.kind for o in some):.2f}", f"{fmean(o.path for o in some):.2f}"
        counts = (len(some), right_ones, unknown, len(some) - right_ones - unknown, strong)
        rows.append((name, *map(str, counts), *told))
    yield from markdown(("telemetry", "drills", "right", "cannot tell", "wrong", "wrong, strong", "kind", "path"), rows)


def _times(caused: Sequence[Judged]) -> Iterator[str]:
    found = [one for one in caused if one.first]
    onset = [o.verdict.onset - o.trial.truth.injected_at for o in found if o.verdict.onset is not None]
    hops = [hop for o in found for hop in o.verdict.path]
    seen = sum(hop.at is not None for hop in hops)
    within = sum(abs(error) <= 10 for error in onset)
    yield (
        f"The onset is {median(map(abs, onset)):.1f} s from the injection in the median, within 10 s in {within} of "
        f"{len(onset)}, and {min(onset):+.0f} to {max(onset):+.0f} s at worst. {seen} of {len(hops)} hops have a time: "
        "in the others no signal of the target left its normal."
    )


def _calibration(found: Calibration) -> Iterator[str]:
    yield (
        "Probability of the answer as it is given, against how often exactly the faulty components, or nobody, were "
        f"named; healthy windows included. Expected calibration error: {found.error:.3f}.\n"
    )
    rows = ((str(b.count), f"{b.probability:.2f}", f"{b.right:.2f}") for b in found.bins)
    yield from markdown(("answers", "mean probability", "share that was right"), rows)


def _simple_rule(trial: Trial) -> str:
    door = trial.incident.topology.front_door or ""
    calls = trial.incident.telemetry.edge_metrics
    keys = {c: (door, c, "latency_p90") for c in trial.incident.topology.callees(door)}
    frame = pd.DataFrame({c: calls[key] for c, key in keys.items() if key in calls.columns})
    ratios = {c: float((frame[c] / frame.drop(columns=c).median(axis=1)).mean()) for c in frame}
    known = {c: ratio for c, ratio in ratios.items() if math.isfinite(ratio)}
    return max(known, key=lambda c: (known[c], c), default="")


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})" if whole else "none"
