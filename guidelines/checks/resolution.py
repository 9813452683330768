"""15. Samples are frequent enough for the shortest fault worth finding."""

from __future__ import annotations

import numpy as np

from guidelines import blind_spots
from guidelines.removals import every
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, Removal, fails, passes, unknown
from guidelines.wording import listed

SHORTEST = 60.0
"""Seconds of the shortest fault worth finding; the study's faults last as long."""
SAMPLES = 12
"""Samples that a fault must leave at least; the study's 5 s give as many."""
_ALWAYS_MOVING = ("cpu_usage", "network_receive")
"""Rates that change with every scrape of a running pod."""


def _look(survey: Survey) -> Finding:
    metrics = survey.telemetry.metrics
    if len(metrics.index) < 2:
        return unknown("there are fewer than two samples")
    limit = SHORTEST / SAMPLES
    step = float(np.median(np.diff(metrics.index)))
    apart = max(step, step * _repeats(survey))
    if apart > limit + 1e-6:
        return fails(
            f"a new value every {apart:.3g} s: a fault of {SHORTEST:.0f} s leaves {SHORTEST / apart:.0f}, not {SAMPLES}"
        )
    exposition = survey.exposition
    if exposition is None:
        return passes(f"a new value every {apart:.3g} s; the window of its rates was not recorded")
    slow = [f"{job} {seconds:g} s" for job, seconds in exposition.intervals.items() if seconds > limit]
    if slow:
        return fails(f"scraped too rarely: {listed(slow)}; at most {limit:g} s are allowed")
    window = exposition.looks_back
    if window > SHORTEST / 2:
        return fails(f"rates look back {window:g} s, which is more than half of the shortest fault")
    slowest = max(exposition.intervals.values(), default=apart)
    return passes(
        f"scraped every {slowest:g} s or more often, rates over {window:g} s, a new value every {apart:.3g} s"
    )


def _repeats(survey: Survey) -> float:
    """Median number of equal samples in a row of a moving rate: above 1 where one scrape is read twice."""
    runs = []
    for column in survey.telemetry.metrics.columns:
        if column[1] in _ALWAYS_MOVING:
            values = survey.telemetry.metrics[column].dropna().to_numpy()
            changes = int(np.count_nonzero(np.diff(values)))
            if changes:
                runs.append(len(values) / (changes + 1))
    return float(np.median(runs)) if runs else 1.0


GUIDELINE = Guideline(
    number=15,
    name="resolution",
    title="Resolution fits the fault",
    origin=Origin.CODE,
    what=f"A fault of {SHORTEST:.0f} s leaves at least {SAMPLES} samples, and rates look back less than half of it.",
    why=(
        "At the usual 30 s or 60 s a fault of a minute is one or two points: no method can distinguish a change from "
        "noise, and the onset cannot be estimated. A rate over five minutes turns a step into a ramp that starts late "
        "and ends later."
    ),
    evidence=(
        "The study samples at 5 s; the Prometheus Operator's default is 30 s, Prometheus' own one minute.",
        "In the study, gaps in the rates of rarely scraped metrics were filled forward.",
    ),
    change=(
        Change("Prometheus", "global: {scrape_interval: 5s, scrape_timeout: 4s}"),
        Change("ServiceMonitor and PodMonitor, each endpoint", "interval: 5s"),
        Change("Queries: four scrapes, not five minutes", "rate(x_total[20s])"),
    ),
    faults=("crash", "freeze", "two-at-once"),
    methods=blind_spots.CHANGE + blind_spots.GRAPHS + blind_spots.CALLS,
    modes=(8, 10),
    look=_look,
    removals=tuple(
        Removal(f"{seconds} s", f"with a sample every {seconds} s instead of every second", every(seconds))
        for seconds in (5, 15, 60)
    ),
)
