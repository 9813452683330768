"""Our component rankings beside those that the public code gave on the same recorded incidents.

    ../shared/data/<set>/<case>                        or $RCA_SHARED_DATA
    ../shared/reference-rankings/<set>/<method>.<tag>.json   or $RCA_REFERENCE_RANKINGS

The public code was given the injection time and four metrics a service at most (cpu, mem, latency, workload, out of the
13 that were recorded), so ours gets the same metrics here, and the onset both given and estimated. Only cases that the
public code answered count; ours has missed where it has no ranking. Ties share.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from scipy.stats import spearmanr

from cluster import paths
from cluster.incident import rcaeval
from cluster.incident.model import Incident
from methods import catalog
from methods.answer.ranking import Places
from methods.evaluation import evaluate
from methods.evaluation.cases import Case, Cause
from methods.evaluation.evaluate import ESTIMATED, GIVEN, Record
from methods.evaluation.measures import Score, guessing, interval, score
from methods.running.pool import Pool
from tests.bench.causes import CAUSES
from tests.bench.tables import REPOSITORY, show, tell

_ENOUGH = 5
"""Cases from which on an interval says something."""


@dataclass(frozen=True)
class Reference:
    """What one public method answered on one set: case -> components in order, None where it failed."""

    set_name: str
    method: str
    tag: str
    answers: dict[str, list[str] | None]
    columns: frozenset[str]


@dataclass(frozen=True)
class Comparison:
    """One set: a row for guessing, then one for each reference; and why methods differ, by method."""

    title: str
    rows: list[tuple[str, ...]]
    causes: dict[str, str]


COLUMNS = (
    "method",
    "cases",
    "AC@1 ours",
    "public",
    "AC@3 ours",
    "public",
    "Avg@5 ours",
    "public",
    "difference",
    "same first",
    "rank corr.",
)
REMARKS = (
    "guessing: over all cases of the set. difference: of Avg@5 with the onset given, case by case, with its 95 % "
    "bootstrap interval; ! marks one that is below 0 as a whole.",
    "same first: share of cases in which both blame the same component first. rank corr.: mean Spearman correlation "
    "over the components that both rank.",
)


def run(options: argparse.Namespace) -> None:
    for one in comparisons(options.methods, options.deadline):
        show(one.title, COLUMNS, one.rows, [*REMARKS, *(f"{method}: {why}" for method, why in one.causes.items())])


def comparisons(methods: Sequence[str], deadline: float) -> Iterator[Comparison]:
    """One for each set, of these methods or, with none, of all; nothing, with a word, where the data are not there."""
    data = Path(os.environ.get("RCA_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    recorded = Path(os.environ.get("RCA_REFERENCE_RANKINGS", REPOSITORY.parent / "shared" / "reference-rankings"))
    missing = [folder for folder in (data, recorded) if not folder.is_dir()]
    if missing:
        tell(f"agreement: skipped, {missing[0]} is not there")
        return
    known = {entry.name for entry in catalog.entries()}
    for set_name, group in itertools.groupby(_references(recorded), key=lambda r: r.set_name):
        references = [r for r in group if r.method in known]
        signals = {column.rpartition("_")[2] for r in references for column in r.columns}
        asked = [r for r in references if not methods or r.method in methods]
        if asked:
            yield _one_set(data / set_name, asked, signals, deadline)


def _one_set(folder: Path, references: Sequence[Reference], signals: Set[str], deadline: float) -> Comparison:
    records, truths, guesses = _ours(folder, references, signals, deadline)
    chance = [f"{_mean(guesses, 1):.2f}", f"{_mean(guesses, 3):.2f}", f"{fmean(s.avg for s in guesses):.2f}"]
    rows = [("guessing", str(len(guesses)), *(cell for value in chance for cell in (value, value)), "", "", "")]
    for reference in references:
        cases = [case for case, answer in reference.answers.items() if answer is not None and case in truths]
        if cases:
            rows.append(_row(reference, cases, records, truths))
    causes = {r.method: CAUSES[r.method] for r in references if r.method in CAUSES}
    title = f"{folder.name}: ours (onset given / estimated) beside the public code (onset given)"
    return Comparison(title, rows, causes)


def _row(
    reference: Reference, cases: Sequence[str], records: dict[tuple[str, str, str], Record], truths: dict[str, Cause]
) -> tuple[str, ...]:
    method = reference.method
    theirs = {case: _places(reference.answers[case] or []) for case in cases}
    given = {case: records[case, method, GIVEN].places for case in cases}
    public = [score(theirs[case], truths[case].components) for case in cases]
    ours = [score(given[case], truths[case].components) for case in cases]
    alone = [score(records[case, method, ESTIMATED].places, truths[case].components) for case in cases]
    differences = [mine.avg - other.avg for mine, other in zip(ours, public, strict=True)]
    low, high = interval(differences)
    spread = f" [{low:+.2f}, {high:+.2f}]{' !' if high < 0 else ''}" if len(cases) >= _ENOUGH else ""
    ranks = [r for case in cases if (r := _correlation(given[case], theirs[case])) is not None]
    return (
        method if reference.tag == "fork" else f"{method} ({reference.tag.removeprefix('fork-')})",
        str(len(cases)),
        f"{_mean(ours, 1):.2f} / {_mean(alone, 1):.2f}",
        f"{_mean(public, 1):.2f}",
        f"{_mean(ours, 3):.2f} / {_mean(alone, 3):.2f}",
        f"{_mean(public, 3):.2f}",
        f"{fmean(s.avg for s in ours):.2f} / {fmean(s.avg for s in alone):.2f}",
        f"{fmean(s.avg for s in public):.2f}",
        f"{fmean(differences):+.2f}{spread}",
        f"{fmean(_same_first(given[case], theirs[case]) for case in cases):.2f}",
        f"{fmean(ranks):+.2f}" if ranks else "–",
    )


def _ours(
    folder: Path, references: Sequence[Reference], signals: Set[str], deadline: float
) -> tuple[dict[tuple[str, str, str], Record], dict[str, Cause], list[Score]]:
    """Records by (folder, method, mode), the truth by folder and guesses, of every case that a reference has."""
    records: dict[tuple[str, str, str], Record] = {}
    truths: dict[str, Cause] = {}
    guesses: list[Score] = []
    cache = paths.cache_home() / "bench" / "agreement.jsonl"
    with Pool() as pool:
        for place in sorted(path for path in folder.iterdir() if rcaeval.is_case(path)):
            asked = {r.method for r in references if r.answers.get(place.name) is not None}
            incident, truth = rcaeval.read_case(place)
            if not asked or truth is None:
                continue
            truths[place.name] = Cause(truth.components, truth.fault, truth.injected_at)
            guesses.append(guessing(len(incident.candidates), len(truth.components)))
            case = Case.of(_restricted(incident, signals), truths[place.name])
            answers = evaluate.run([case], sorted(asked), deadline=deadline, engine=pool, cache_path=cache)
            for record in answers:
                records[place.name, record.method, record.mode] = record
            slow = max((r for (name, *_), r in records.items() if name == place.name), key=lambda r: r.seconds)
            tell(f"  {folder.name}/{place.name}: {len(asked)} methods, slowest {slow.method} {slow.seconds:.1f} s")
    return records, truths, guesses


def _restricted(incident: Incident, signals: Set[str]) -> Incident:
    """The incident with the metrics of these names only."""
    metrics = incident.telemetry.metrics
    kept = metrics.loc[:, metrics.columns.get_level_values("signal").isin(sorted(signals))]
    left = "-".join(sorted(set(kept.columns.get_level_values("signal"))))
    telemetry = dataclasses.replace(incident.telemetry, metrics=kept)
    return dataclasses.replace(incident, id=f"{incident.id}-{left}", telemetry=telemetry)


def _references(folder: Path) -> Iterator[Reference]:
    for path in sorted(folder.glob("*/*.json")):
        method, tag, _ = path.name.split(".")
        cases = json.loads(path.read_text())["cases"]
        answers = {name: case.get("service_ranks") for name, case in cases.items()}
        columns = {column for case in cases.values() for column in case.get("ranks") or ()}
        yield Reference(path.parent.name, method, tag, answers, frozenset(columns))


def _places(components: Sequence[str]) -> list[tuple[str, int]]:
    return [(component, rank) for rank, component in enumerate(components, 1)]


def _mean(scores: Sequence[Score], k: int) -> float:
    return fmean(s.ac[k - 1] for s in scores)


def _same_first(ours: Places | None, theirs: Places) -> float:
    """Probability that the first of ours, drawn from its ties, is the first of theirs."""
    top = [component for component, rank in ours or () if rank == 1]
    return float(theirs[0][0] in top) / len(top) if top and theirs else 0.0


def _correlation(ours: Places | None, theirs: Places) -> float | None:
    """Spearman's over the components that both rank; None for fewer than three, or where one side ties them all."""
    mine, other = dict(ours or ()), dict(theirs)
    both = sorted(mine.keys() & other.keys())
    first, second = [mine[c] for c in both], [other[c] for c in both]
    if len(both) < 3 or len(set(first)) == 1 or len(set(second)) == 1:
        return None
    return float(spearmanr(first, second).statistic)
