"""Expected numbers worked out by hand from the formula in the docstring."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from cluster.incident.model import Incident, Telemetry
from cluster.topology import Component, Kind, Topology
from cluster.window import Onset, OnsetSource, Window
from methods.answer.types import NoRanking, Ranking
from methods.baro import Baro
from methods.nsigma import NSigma


def incident(columns: dict[tuple[str, str], list[float]], onset: float = 4.0) -> Incident:
    frame = pd.DataFrame(columns, dtype="float64")
    frame.index = pd.Index(np.arange(len(frame), dtype=float), name="time")
    frame.columns = pd.MultiIndex.from_tuples(list(columns), names=["component", "signal"])
    parts = tuple(Component(c, Kind.SERVICE) for c in sorted({c for c, _ in columns}))
    return Incident(
        "t",
        "local",
        Window(0.0, float(len(frame))),
        Topology(parts),
        Telemetry(metrics=frame),
        Onset(onset, OnsetSource.OPERATOR),
    )


def scores(method, case: Incident) -> dict[str, float]:
    outcome = method.rank(case, np.random.default_rng(0))
    assert isinstance(outcome, Ranking), outcome
    return {c.component: c.score for c in outcome.components}


def test_nsigma_by_hand() -> None:
    # Before: mean 2, population sd 1. After: the furthest value is 7, five sd away.
    assert scores(NSigma(), incident({("a", "x"): [1, 3, 1, 3, 4, 7, 2]})) == {"a": pytest.approx(5.0)}


def test_baro_by_hand() -> None:
    # Before: 0, 1, 2, 3: median 1.5, quartiles 0.75 and 2.25, IQR 1.5. After: 9 is 7.5 away, five IQR.
    assert scores(Baro(), incident({("a", "x"): [0, 1, 2, 3, 9, 1]})) == {"a": pytest.approx(5.0)}


@pytest.mark.parametrize("method", [NSigma(), Baro()])
def test_a_drop_counts_as_much_as_a_rise(method) -> None:
    found = scores(method, incident({("a", "x"): [1, 3, 1, 3, 12, 2], ("b", "x"): [1, 3, 1, 3, -8, 2]}))
    assert found["a"] == pytest.approx(found["b"])


@pytest.mark.parametrize("method", [NSigma(), Baro()])
def test_the_unit_does_not_matter(method) -> None:
    x = [1.0, 3.0, 1.5, 3.5, 9.0, 2.0]
    still = [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    rare = [0.0, 1.0, 0.0, 0.0, 5.0, 0.0]
    for values in (x, still, rare):
        found = scores(method, incident({("a", "x"): values, ("b", "x"): [1e9 * v for v in values]}))
        assert found["a"] == pytest.approx(found["b"])


@pytest.mark.parametrize("method", [NSigma(), Baro()])
def test_a_constant_that_moves_is_kept_with_a_bounded_score(method) -> None:
    found = scores(method, incident({("a", "x"): [0, 0, 0, 0, 5, 1], ("b", "x"): [1, 3, 1, 3, 3, 1]}))
    assert found["a"] == pytest.approx(20.0)
    assert found["b"] < found["a"]


@pytest.mark.parametrize("method", [NSigma(), Baro()])
def test_nothing_moves_is_no_ranking(method) -> None:
    outcome = method.rank(incident({("a", "x"): [2, 2, 2, 2, 2, 2]}), np.random.default_rng(0))
    assert isinstance(outcome, NoRanking)


def test_a_component_that_vanishes_after_the_onset_is_unranked() -> None:
    nan = math.nan
    case = incident({("a", "x"): [1, 3, 1, 3, nan, nan], ("b", "x"): [1, 3, 1, 3, 5, 3]})
    assert set(scores(NSigma(), case)) == {"b"}


def test_the_explanation_can_be_recomputed(make_incident) -> None:
    case = make_incident()
    outcome = NSigma().rank(case, np.random.default_rng(0))
    assert isinstance(outcome, Ranking)
    step = next(s for s in outcome.explanation.steps if s.title == "Largest deviation")
    pointer = step.pointers[0]
    series = case.telemetry.series(pointer.component, pointer.signal)
    before = series[series.index < case.onset.time]
    assert step.numbers["mean"] == pytest.approx(before.mean())
    assert step.numbers["sd"] == pytest.approx(before.std(ddof=0))
    assert step.numbers["score"] == pytest.approx(abs(step.numbers["peak"] - before.mean()) / before.std(ddof=0))
    assert step.numbers["score"] == pytest.approx(outcome.components[0].score)


def test_upstream_blame_carries_the_caveat(make_incident) -> None:
    case = make_incident(target=None)
    metrics = case.telemetry.metrics.copy()
    metrics.loc[metrics.index >= case.onset.time, ("gateway", "latency_p90")] *= 50
    blamed = dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=metrics))
    outcome = NSigma().rank(blamed, np.random.default_rng(0))
    assert isinstance(outcome, Ranking)
    assert outcome.top == ("gateway",)
    assert any("upstream" in caveat for caveat in outcome.explanation.caveats)
    right = NSigma().rank(make_incident(), np.random.default_rng(0))
    assert isinstance(right, Ranking)
    assert not any("upstream" in caveat for caveat in right.explanation.caveats)
