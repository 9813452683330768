"""What each check is worth: remove the telemetry that it asks for, rank again, compare case by case.

    plan(cases, checks) ──▶ Ablation ── run() ──▶ records ── table() ──▶ JSON of `rca-tui ablate`, markdown()

The checks and their removals are arguments: they belong to `guidelines`, which this package does not import, and which
reads the table as a file. Answers are kept, so that a run that was stopped continues where it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from cluster.incident.model import Incident
from methods import catalog
from methods.evaluation import evaluate
from methods.evaluation.cases import Case, CaseError
from methods.evaluation.evaluate import Record
from methods.evaluation.measures import difference, guessing, score
from methods.running import fingerprint
from methods.running.pool import Pool

METHODS = (
    "nsigma",
    "baro",
    "e_diagnosis",
    "microrca",
    "microscope",
    "monitorrank",
    "microrank",
    "tracerca",
    "mmbaro",
    "pdiagnose",
)
"""Methods of every family that answer in about a second: all removals on all drills stay affordable."""
SOURCES = ("metrics", "edge_metrics", "spans", "logs")
_READS = {
    "metrics": "metrics",
    "calls": "edge_metrics",
    "spans": "spans",
    "logs": "logs",
    # Both come from a metric.
    "onset": "metrics",
    "sli": "metrics",
}
"""What a method of the catalogue needs, and the frame that it is read from."""


class Removal(Protocol):
    """Telemetry to remove: `apply` returns the incident without it, `does` finishes "ranked again ..."."""

    @property
    def name(self) -> str: ...
    @property
    def does(self) -> str: ...
    @property
    def apply(self) -> Callable[[Incident], Incident]: ...


class Check(Protocol):
    """A guideline, as far as an ablation reads it."""

    @property
    def name(self) -> str: ...
    @property
    def removals(self) -> Sequence[Removal]: ...


@dataclass(frozen=True)
class Plan:
    """One removal, the cases without that telemetry, and the methods that read it."""

    check: Check
    removal: Removal
    cases: tuple[Case, ...]
    methods: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"{self.check.name}|{self.removal.name}"


@dataclass(frozen=True)
class Ablation:
    """All that is to be run. `records` are by the key of a plan; "" holds those with nothing removed."""

    cases: tuple[Case, ...]
    methods: tuple[str, ...]
    plans: tuple[Plan, ...]
    records: dict[str, list[Record]] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[tuple[str, tuple[Case, ...], tuple[str, ...]], ...]:
        """(key, cases, methods) of each part of the run."""
        return ("", self.cases, self.methods), *((p.key, p.cases, p.methods) for p in self.plans)

    @property
    def total(self) -> int:
        """How many records a whole run has."""
        return sum(evaluate.total(cases, methods, _MODES) for _, cases, methods in self.parts)


_MODES = (evaluate.ESTIMATED,)


def plan(cases: Sequence[Case], checks: Sequence[Check], names: Sequence[str] = METHODS) -> Ablation:
    """What to run, over the cases that have a faulty component. Reads one incident, to see what each removal touches.

    Raises UnknownMethod, and CaseError when no case has a faulty component.
    """
    cases = [case for case in cases if case.cause.components]
    if not cases:
        raise CaseError("in none of these incidents is a component at fault, so that no ranking can be right")
    entries = [catalog.entry(name) for name in names]
    sample = cases[0].load()
    plans = []
    for check in checks:
        for removal in check.removals:
            touched = _touched(removal, sample)
            affected = tuple(e.name for e in entries if touched & {_READS[need] for need in e.needs})
            plans.append(Plan(check, removal, tuple(_without(case, check, removal) for case in cases), affected))
    return Ablation(tuple(cases), tuple(names), tuple(plans))


def run(planned: Ablation, *, seed: int, deadline: float, cache_path: Path | None) -> Iterator[Record]:
    """Records as they come; `planned.records` fills up with them."""
    with Pool(background=True) as pool:
        for key, cases, names in planned.parts:
            records = planned.records.setdefault(key, [])
            for record in evaluate.run(
                cases, names, seed=seed, deadline=deadline, engine=pool, cache_path=cache_path, modes=_MODES
            ):
                records.append(replace(record, case=_original(record.case)))
                yield record


def table(done: Ablation) -> dict[str, Any]:
    """The shape of `rca-tui ablate --json`, and of the file that the pages of the checks show.

    AC@1 is the mean over methods and cases; "cost" is the AC@1 lost, "low" and "high" its 95 % interval. "claim" says
    in one sentence what was measured: at the top of all, in each removal of that.
    """
    true = {case.id: case.cause.components for case in done.cases}
    fault = {case.id: case.cause.fault for case in done.cases}
    guess = [guessing(len(case.topology.ids), len(case.cause.components)).ac[0] for case in done.cases]
    found: dict[str, Any] = {
        "incidents": len(done.cases),
        "faults": dict(sorted(Counter(fault.values()).items())),
        "candidates": round(fmean(len(case.topology.ids) for case in done.cases), 2),
        "guessing": round(fmean(guess), 4),
        "methods": list(done.methods),
        "whole": _compared(done.records[""], done.records[""], true)["before"],
    }
    removals = [_removal_row(done, each, true, fault) for each in done.plans]
    return with_claims({**found, "removals": removals})


def with_claims(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The table with its sentences written anew from its figures."""
    faults = ", ".join(f"{count} {fault}" for fault, count in figures["faults"].items())
    claim = (
        f"{figures['incidents']} drills ({faults}), {figures['candidates']:g} candidates each, onset estimated; AC@1 "
        f"{figures['whole']:.2f} in the mean of {len(figures['methods'])} methods, guessing {figures['guessing']:.2f}"
    )
    removals = [{**row, "claim": _claim(row, figures["guessing"])} for row in figures["removals"]]
    return {**figures, "claim": claim, "removals": removals}


def markdown(table: Mapping[str, Any], command: str) -> str:
    """The table as a page; `command` is what wrote it."""
    lines = [
        f"Generated by `{command}`. {table['claim']}.",
        "",
        "Cost: AC@1 lost when the telemetry is removed, with its 95 % bootstrap interval over drills; each row is the",
        "mean over the methods that read this telemetry.",
        "",
        "| check | ranked again | AC@1 whole | AC@1 without | cost (95 %) | methods | no onset |",
        "|---|---|---|---|---|---|---|",
        f"| | *guessing* | {table['guessing']:.2f} | {table['guessing']:.2f} | | | |",
    ]
    for row in table["removals"]:
        cost = f"{row['cost']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
        chance = "" if _is_certain(row) else ", not distinguishable from chance"
        lines.append(
            f"| {row['check']} | {row['does']} | {row['before']:.2f} | {row['after']:.2f} | {cost}{chance} | "
            f"{len(row['methods'])} | {row['no_onset'] or ''} |"
        )
    return "\n".join(lines) + "\n"


def _is_certain(row: Mapping[str, Any]) -> bool:
    """Whether the interval of the cost excludes 0."""
    return bool(row["low"] > 0 or row["high"] < 0)


def _claim(row: Mapping[str, Any], guess: float) -> str:
    count = len(row["methods"])
    readers = "1 method that reads" if count == 1 else f"{count} methods that read"
    figures = (
        f"AC@1 {row['before']:.2f} → {row['after']:.2f} over {row['cases']} drills and {readers} it, "
        f"cost {row['cost']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f}); guessing {guess:.2f}"
    )
    lost = f"; no onset in {row['no_onset']}" if row["no_onset"] else ""
    if not _is_certain(row):
        conclusion = " No cost distinguishable from chance on these drills."
    else:
        conclusion = "" if row["cost"] > 0 else " The methods rank better without it on these drills."
    return f"Ranked again {row['does']}: {figures}{lost}.{conclusion}"


def _removal_row(done: Ablation, each: Plan, true: dict[str, tuple[str, ...]], fault: dict[str, str]) -> dict[str, Any]:
    before = [record for record in done.records[""] if record.method in each.methods]
    after = done.records[each.key]
    rows = []
    for name in each.methods:
        own = [record for record in after if record.method == name]
        compared = _compared([record for record in before if record.method == name], own, true)
        rows.append({"method": name, **compared, "no_ranking": sum(record.places is None for record in own)})
    return {
        "check": each.check.name,
        "removal": each.removal.name,
        "does": each.removal.does,
        **_compared(before, after, true),
        "no_onset": len({record.case for record in after if record.onset is None}),
        "methods": rows,
        "faults": [
            {"fault": kind, **_compared(_of(kind, before, fault), _of(kind, after, fault), true)}
            for kind in sorted(set(fault.values()))
        ],
    }


def _of(kind: str, records: Sequence[Record], fault: dict[str, str]) -> list[Record]:
    return [record for record in records if fault[record.case] == kind]


def _compared(before: Sequence[Record], after: Sequence[Record], true: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    found = difference(_accuracy(before, true), _accuracy(after, true))
    values = {"before": found.before, "after": found.after, "cost": found.loss, "low": found.low, "high": found.high}
    return {"cases": found.cases, **{name: round(value, 4) for name, value in values.items()}}


def _accuracy(records: Sequence[Record], true: dict[str, tuple[str, ...]]) -> dict[str, float]:
    """AC@1 of each case, the mean over the methods that were run on it."""
    scores: dict[str, list[float]] = {}
    for record in records:
        scores.setdefault(record.case, []).append(score(record.places, true[record.case]).ac[0])
    return {case: fmean(values) for case, values in scores.items()}


def _touched(removal: Removal, sample: Incident) -> frozenset[str]:
    after = removal.apply(sample).telemetry
    return frozenset(name for name in SOURCES if getattr(after, name) is not getattr(sample.telemetry, name))


def _without(case: Case, check: Check, removal: Removal) -> Case:
    """The case with the telemetry removed, under an id of its own."""
    content = fingerprint.content_after(case.content, removal.apply)
    load = partial(_removed, case.load, removal)
    return Case(f"{case.id}|{check.name}|{removal.name}", case.topology, case.cause, load, content)


def _removed(load: Callable[[], Incident], removal: Removal) -> Incident:
    return removal.apply(load())


def _original(case: str) -> str:
    return case.split("|", 1)[0]
