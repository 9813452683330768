"""What each check is worth: take away what it asks for, rank again, compare case by case.

The checks and their removals are passed in: they are `guidelines`', which this package does not import. Answers are
kept, so that a run that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from cluster.incident.model import Incident
from methods import catalog as methods
from methods.evaluation import evaluate, paired
from methods.evaluation.measures import guessing
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
"""The methods that answer in a second or so, of every family: all removals on all drills stay affordable."""
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
    """Telemetry taken away: `apply` gives the incident without it, `does` says in words what is missing."""

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
    """One removal, the cases without what it takes, and the methods that can notice."""

    guideline: Check
    removal: Removal
    cases: tuple[evaluate.Case, ...]
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """The whole of it. `records` are by removal name; the key "" holds those with nothing taken away."""

    cases: tuple[evaluate.Case, ...]
    names: tuple[str, ...]
    plans: tuple[Plan, ...]
    records: dict[str, list[evaluate.Record]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return len(self.cases) * (len(self.names) + sum(len(plan.methods) for plan in self.plans))


def plan(cases: Sequence[evaluate.Case], checks: Sequence[Check], names: Sequence[str] = METHODS) -> Run:
    """What to run, over the cases that have a culprit. Reads one incident, to see what each removal touches.

    Raises UnknownMethod, and ValueError when no case has a culprit.
    """
    cases = [case for case in cases if case.answer.components]
    if not cases:
        raise ValueError("in none of these incidents is a component at fault, so that no ranking can be right")
    entries = [methods.entry(name) for name in names]
    sample = cases[0].load()
    plans = []
    for guideline in checks:
        for removal in guideline.removals:
            touched = _touched(removal, sample)
            affected = tuple(e.name for e in entries if touched & {_READS[need] for need in e.needs})
            without = tuple(_without(case, guideline, removal) for case in cases)
            plans.append(Plan(guideline, removal, without, affected))
    return Run(tuple(cases), tuple(names), tuple(plans))


def run(todo: Run, *, seed: int, deadline: float, cache: Path | None) -> Iterator[evaluate.Record]:
    """Records as they come; `todo.records` fills up with them."""
    with Pool() as pool:
        for key, cases, names in [("", todo.cases, todo.names), *((_key(p), p.cases, p.methods) for p in todo.plans)]:
            kept = todo.records.setdefault(key, [])
            for record in evaluate.run(
                cases,
                names,
                seed=seed,
                deadline=deadline,
                engine=pool,
                cache_path=cache,
                modes=[evaluate.ESTIMATED],
            ):
                kept.append(replace(record, case=_original(record.case)))
                yield record


def table(done: Run) -> dict[str, Any]:
    """The shape of `rca-tui ablate --json`, which `guidelines.prices` reads."""
    true = {case.id: case.answer.components for case in done.cases}
    fault = {case.id: case.answer.fault for case in done.cases}
    guess = [guessing(len(case.topology.ids), len(case.answer.components)).ac[0] for case in done.cases]
    return {
        "incidents": len(done.cases),
        "faults": dict(sorted(Counter(fault.values()).items())),
        "candidates": round(fmean(len(case.topology.ids) for case in done.cases), 2),
        "guessing": round(fmean(guess), 4),
        "methods": list(done.names),
        "whole": _compared(done.records[""], done.records[""], true)["before"],
        "removals": [_priced(done, each, true, fault) for each in done.plans],
    }


def _priced(done: Run, each: Plan, true: dict[str, tuple[str, ...]], fault: dict[str, str]) -> dict[str, Any]:
    before = [record for record in done.records[""] if record.method in each.methods]
    after = done.records[_key(each)]
    rows = []
    for name in each.methods:
        own = [record for record in after if record.method == name]
        compared = _compared([record for record in before if record.method == name], own, true)
        rows.append({"method": name, **compared, "no_ranking": sum(record.places is None for record in own)})
    return {
        "check": each.guideline.name,
        "removal": each.removal.name,
        "does": each.removal.does,
        **_compared(before, after, true),
        "no_onset": len({record.case for record in after if record.onset is None}),
        "methods": rows,
        "faults": [
            {
                "fault": kind,
                **_compared(_of(kind, before, fault), _of(kind, after, fault), true),
            }
            for kind in sorted(set(fault.values()))
        ],
    }


def _of(kind: str, records: Sequence[evaluate.Record], fault: dict[str, str]) -> list[evaluate.Record]:
    return [record for record in records if fault[record.case] == kind]


def _compared(
    before: Sequence[evaluate.Record], after: Sequence[evaluate.Record], true: dict[str, tuple[str, ...]]
) -> dict[str, Any]:
    found = paired.difference(paired.hits(before, true), paired.hits(after, true))
    figures = {name: round(getattr(found, name), 4) for name in ("before", "after", "cost", "low", "high")}
    return {"cases": found.cases, **figures}


def _touched(removal: Removal, sample: Incident) -> frozenset[str]:
    after = removal.apply(sample).telemetry
    return frozenset(name for name in SOURCES if getattr(after, name) is not getattr(sample.telemetry, name))


def _without(case: evaluate.Case, guideline: Check, removal: Removal) -> evaluate.Case:
    """The case under an id of its own, which changes with the code of the removal: kept answers are of this one."""
    applied = removal.apply.func if isinstance(removal.apply, partial) else removal.apply
    source = inspect.getsource(inspect.getmodule(applied) or applied) + repr(removal)
    digest = hashlib.blake2b(source.encode(), digest_size=6).hexdigest()
    load = partial(_removed, case.load, removal)
    return evaluate.Case(f"{case.id}|{guideline.name}|{removal.name}|{digest}", case.topology, case.answer, load)


def _removed(load: Callable[[], Incident], removal: Removal) -> Incident:
    return removal.apply(load())


def _original(case: str) -> str:
    return case.split("|", 1)[0]


def _key(each: Plan) -> str:
    return f"{each.guideline.name}|{each.removal.name}"
