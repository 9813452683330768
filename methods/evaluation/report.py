"""From records to tables: accuracy per method and per fault, with intervals, guessing, and the blame in error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, median
from typing import Any

from cluster.topology import Kind, Topology
from methods import catalog
from methods.answer.consensus import NO_VOTE, Tally
from methods.evaluation.cases import Case
from methods.evaluation.evaluate import ESTIMATED, GIVEN, Record
from methods.evaluation.measures import Score, guessing, interval, score

CONSENSUS = "consensus"
BLAMED = ("gateway", "head", "replica", "node", "other", "none")
_BY_KIND = {Kind.GATEWAY: "gateway", Kind.HEAD: "head", Kind.REPLICA: "replica", Kind.NODE: "node"}

_MEASURES: dict[str, Callable[[Score], float]] = {
    "ac@1": lambda s: s.ac[0],
    "ac@3": lambda s: s.ac[2],
    "ac@5": lambda s: s.ac[4],
    "avg@5": lambda s: s.avg,
    "mrr": lambda s: s.mrr,
}


def summary(cases: Sequence[Case], records: Iterable[Record]) -> dict[str, Any]:
    """The shape of `rca-tui evaluate --json`.

    Returns:
        "cases": incidents with a faulty component. The others, such as a load surge, count under "no_cause" alone.
        "candidates": components of an incident, the mean over incidents.
        "guessing": the measures of a random order.
        "onset": error of the estimate in seconds, positive when it is late, over all incidents.
        "methods": one row a method. Its measures with the estimated onset, and under "given" with the true one.
            "cases" counts the records; a method without a ranking has missed. "ci" are 95 % bootstrap intervals over
            cases. "blamed" counts the components that were named in error, or else ranked first, several in shares;
            "none" is no ranking, or nobody.
        "consensus": such a row for the Borda count of all methods that ranked a case; None where fewer than two
            methods that vote were run.
        "no_cause": for each method, how often it blamed a component, named nobody, and gave no ranking, where no
            component is faulty.
        "by_fault": "guessing", "consensus" and "methods" of each fault.
    """
    by_case = {case.id: case for case in cases}
    known = [record for record in records if record.case in by_case]
    quiet = {case.id: case for case in cases if not case.cause.components}
    cases = [case for case in cases if case.cause.components]
    caused = {case.id: case for case in cases}
    joint = _joint(caused, known)
    faults: dict[str, dict[str, Case]] = defaultdict(dict)
    for case in cases:
        faults[case.cause.fault][case.id] = case
    return {
        "cases": len(cases),
        "candidates": _candidates(cases),
        "guessing": _guessing(cases),
        "onset": _onset(by_case, known),
        "consensus": _consensus(caused, joint),
        "methods": _rows(caused, known),
        "no_cause": {"cases": len(quiet), "methods": _rows_without_cause(quiet, known)},
        "by_fault": [
            {
                "fault": fault,
                "cases": len(some),
                "guessing": _guessing(list(some.values())),
                "consensus": _consensus(some, joint),
                "methods": _rows(some, known),
            }
            for fault, some in sorted(faults.items())
        ],
    }


def _candidates(cases: Sequence[Case]) -> float:
    """Components of an incident: the mean, a whole number where all incidents have the same."""
    counts = [len(case.topology.ids) for case in cases]
    if len(set(counts)) == 1:
        return counts[0]
    return round(fmean(counts), 2) if counts else 0


def _grouped(cases: dict[str, Case], records: Sequence[Record]) -> dict[tuple[str, str], list[Record]]:
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        if record.case in cases:
            groups[record.method, record.mode].append(record)
    return groups


def _rows_without_cause(cases: dict[str, Case], records: Sequence[Record]) -> list[dict[str, Any]]:
    groups = _grouped(cases, records)
    rows = []
    for entry in catalog.everything():
        if estimated := groups[entry.name, ESTIMATED]:
            without = sum(record.places is None for record in estimated)
            blamed = sum(bool(record.blamed) for record in estimated)
            first = _all_blamed(cases, estimated)
            del first["none"]
            rows.append(
                {
                    "method": entry.name,
                    "family": entry.family,
                    "cases": len(estimated),
                    "blamed_somebody": blamed,
                    "named_nobody": len(estimated) - blamed - without,
                    "no_ranking": without,
                    "blamed": first,
                }
            )
    return rows


def _rows(cases: dict[str, Case], records: Sequence[Record]) -> list[dict[str, Any]]:
    groups = _grouped(cases, records)
    rows = []
    for entry in catalog.everything():
        estimated, given = groups[entry.name, ESTIMATED], groups[entry.name, GIVEN]
        if estimated or given:
            row = {"method": entry.name, "family": entry.family, **_row(cases, estimated)}
            rows.append({**row, "given": _row(cases, given)})
    return rows


def _joint(cases: dict[str, Case], records: Sequence[Record]) -> list[Record]:
    """The consensus on each case as a record; none where fewer than two methods that vote were run."""
    tallies: dict[tuple[str, str], Tally] = {}
    ran = {record.method for record in records}
    # `BEYOND` is scored only where it was named.
    asked = ran & {row.name for row in catalog.BEYOND}
    if len(ran - (NO_VOTE - asked)) < 2:
        return []
    for record in records:
        if record.case in cases:
            tally = tallies.setdefault((record.case, record.mode), Tally(cases[record.case].topology.ids, asked))
            if record.places is not None:
                tally.cast(record.method, record.places)
    joint = []
    for (case, mode), tally in tallies.items():
        places = tuple((c.component, c.rank) for c in tally.consensus.components) or None
        joint.append(Record(case, CONSENSUS, mode, None, places, "", 0.0))
    return joint


def _consensus(cases: dict[str, Case], joint: Sequence[Record]) -> dict[str, Any] | None:
    groups = _grouped(cases, joint)
    if not groups:
        return None
    estimated, given = groups[CONSENSUS, ESTIMATED], groups[CONSENSUS, GIVEN]
    return {"method": CONSENSUS, **_row(cases, estimated), "given": _row(cases, given)}


def _row(cases: dict[str, Case], records: Sequence[Record]) -> dict[str, Any]:
    scores = [score(r.places, cases[r.case].cause.components) for r in records]
    measures = {name: [value(s) for s in scores] for name, value in _MEASURES.items()}
    return {
        "cases": len(records),
        "no_ranking": round(sum(r.places is None for r in records) / len(records), 4) if records else 0.0,
        **{name: round(fmean(values), 4) if values else 0.0 for name, values in measures.items()},
        "ci": {name: [round(end, 4) for end in interval(values)] for name, values in measures.items()},
        "seconds": round(fmean(r.seconds for r in records), 4) if records else 0.0,
        "blamed": _all_blamed(cases, records),
    }


def _all_blamed(cases: dict[str, Case], records: Sequence[Record]) -> dict[str, float]:
    blamed = dict.fromkeys(BLAMED, 0.0)
    for record in records:
        for who, share in _blamed(record, cases[record.case]).items():
            blamed[who] += share
    return {who: round(share, 3) for who, share in blamed.items()}


def _guessing(cases: Sequence[Case]) -> dict[str, float]:
    scores: list[Score] = [guessing(len(c.topology.ids), len(c.cause.components)) for c in cases]
    return {name: round(fmean(map(value, scores)), 4) if scores else 0.0 for name, value in _MEASURES.items()}


def _blamed(record: Record, case: Case) -> dict[str, float]:
    """The kinds of the components that are blamed in error, several in shares."""
    if not record.blamed:
        return {"none": 1.0}
    shares: dict[str, float] = defaultdict(float)
    for component in record.blamed:
        if component not in case.cause.components:
            shares[_role(component, case.topology)] += 1 / len(record.blamed)
    return shares


def _role(component: str, topology: Topology) -> str:
    if component == topology.front_door:
        return "gateway"
    return _BY_KIND.get(topology.component(component).kind, "other")


def _onset(cases: dict[str, Case], records: Sequence[Record]) -> dict[str, Any]:
    estimates = {r.case: r.onset for r in records if r.mode == ESTIMATED}
    errors = [onset - cases[case].cause.injected_at for case, onset in estimates.items() if onset is not None]
    absolute = [abs(error) for error in errors]
    return {
        "estimated": len(errors),
        "not_found": len(estimates) - len(errors),
        "median_error_s": round(median(errors), 3) if errors else None,
        "median_absolute_error_s": round(median(absolute), 3) if errors else None,
        "largest_absolute_error_s": round(max(absolute), 3) if errors else None,
        "range_s": [round(min(errors), 3), round(max(errors), 3)] if errors else None,
    }
