"""How well the onset is found: against the truths of the shipped drills, or of folders of incidents.

    python -m tests.bench onset                      the shipped drills
    python -m tests.bench onset --cases FOLDER...    incidents of others, such as ../shared/data/petshop

The time before the fault of each incident is searched, too: whatever is found there is wrong.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np

from cluster.incident.model import Incident
from cluster.window import Window
from methods.evaluation.cases import Case, load_cases
from methods.telemetry.onset import OnsetEstimate, estimate
from tests.bench.tables import show

COLUMNS = ("probability of the first candidate", "incidents", "told", "s off", "|s| off", "range", "near the truth")
_NEAR = 5.0
"""Seconds off that still count as near; one sample at least."""
_BANDS = ((0.0, 0.5), (0.5, 0.8), (0.8, 1.01))


def run(options: argparse.Namespace) -> None:
    for source in options.cases or [None]:
        cases = load_cases([] if source is None else [source])
        found = [(case, estimate(case.load().at(None))) for case in cases]
        quiet = [estimate(_before(case)).onset is not None for case in cases]
        rows = [_row("all", found)]
        for low, high in _BANDS:
            name = f"{low:g} to {min(high, 1.0):g}"
            rows.append(_row(name, [pair for pair in found if low <= _first(pair[1]) < high]))
        remarks = [
            "told: incidents with an onset; in the others the sentence is that nothing got worse, or that it cannot be "
            "told when. near: of the first candidates, told or not, within 5 s of the truth, or within one sample "
            "where samples are farther apart.",
            f"In the time before the fault an onset is told in {sum(quiet)} of {len(quiet)}.",
        ]
        show(f"{source or 'the shipped drills'}", COLUMNS, rows, remarks)


def _row(name: str, found: Sequence[tuple[Case, OnsetEstimate]]) -> tuple[str, ...]:
    errors = [result.onset.time - case.cause.injected_at for case, result in found if result.onset is not None]
    near = list(_near(found))
    told = (name, str(len(found)), str(len(errors)))
    if not errors:
        return (*told, "–", "–", "–", f"{sum(near)} of {len(near)}")
    spread = f"{min(errors):+.0f} to {max(errors):+.0f}"
    absolute = median(abs(error) for error in errors)
    return (*told, f"{median(errors):+.1f}", f"{absolute:.1f}", spread, f"{sum(near)} of {len(near)}")


def _near(found: Sequence[tuple[Case, OnsetEstimate]]) -> Iterator[bool]:
    for case, result in found:
        if result.candidates:
            step = float(np.median(np.diff(case.load().telemetry.metrics.index.to_numpy())))
            yield abs(result.candidates[0].time - case.cause.injected_at) <= max(_NEAR, step)


def _first(result: OnsetEstimate) -> float:
    return result.candidates[0].probability if result.candidates else 0.0


def _before(case: Case) -> Incident:
    incident = case.load()
    start = incident.window.start
    return incident.within(Window(start, max(case.cause.injected_at - 1.0, start + 1.0))).at(None)
