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
from methods.circa import Circa
from methods.mmbaro import MmBaro
from methods.nsigma import NSigma
from methods.telemetry.deviation import LEAST


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


def test_a_constant_that_moves_counts_by_how_long_and_against_how_much_history() -> None:
    # Never in 4 samples: one in 6 is expected, and it is off in both: sqrt(2 · 2 · log 6).
    found = scores(NSigma(), incident({("a", "x"): [0, 0, 0, 0, 5, 1], ("b", "x"): [1, 3, 1, 3, 3, 1]}))
    assert found["a"] == pytest.approx(math.sqrt(4 * math.log(6)))
    assert found["b"] < found["a"]
    longer = scores(NSigma(), incident({("a", "x"): [0] * 40 + [5, 1]}, onset=40.0))
    assert longer["a"] == pytest.approx(math.sqrt(4 * math.log(42)))


@pytest.mark.parametrize(("before", "says"), [([0] * 40, "in all 40 samples"), ([1] + [0] * 39, "in all but 1 of 40")])
def test_a_signal_that_left_its_usual_value_says_how_often_it_had_it(before: list[float], says: str) -> None:
    case = incident({("a", "x"): [*before, 5, 1, 5]}, onset=40.0)
    ranking = NSigma().rank(case, np.random.default_rng(0))
    assert isinstance(ranking, Ranking)
    assert says in ranking.explanation.steps[-1].claim


BASELINE, OUTAGE = 60, 30
NOISE = np.random.default_rng(0).standard_normal(BASELINE + OUTAGE)


@pytest.mark.parametrize("method", [NSigma(), Baro(), MmBaro(), Circa()])
def test_a_constant_and_then_an_outage_beats_noise_and_a_tiny_sample(method) -> None:
    tiny = [0.0] * BASELINE + [1e-9] + [0.0] * (OUTAGE - 1)
    columns = {
        ("outage", "failed"): [0.0] * BASELINE + [1.0] * OUTAGE,
        ("tiny", "failed"): tiny,
        ("noise", "load"): list(5 + NOISE),
    }
    found = scores(method, incident(columns, onset=float(BASELINE)))
    assert found["outage"] > 2 * found["noise"]
    assert found["outage"] > 2 * found["tiny"]


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("method", [NSigma(), Baro(), MmBaro(), Circa()])
def test_one_blip_in_a_baseline_decides_nothing(method, level) -> None:
    still = np.r_[np.full(BASELINE, level), np.full(OUTAGE, level + 1.0)]
    blip = still.copy()
    blip[7] += 1e-6
    trouble = {("b", "load"): list(5 + NOISE + 40 * (np.arange(BASELINE + OUTAGE) >= BASELINE))}
    without, having = (
        scores(method, incident({("a", "x"): list(x), **trouble}, onset=float(BASELINE))) for x in (still, blip)
    )
    assert having["a"] == pytest.approx(without["a"], rel=0.05)


@pytest.mark.parametrize("method", [NSigma(), Baro(), MmBaro(), Circa()])
def test_a_small_change_of_a_steady_signal_is_no_trouble(method) -> None:
    steady = 1 + 1e-4 * NOISE
    steady[BASELINE:] += 0.05
    found = scores(method, incident({("a", "rate"): list(steady)}, onset=float(BASELINE)))
    assert found["a"] < 1


@pytest.mark.parametrize("method", [NSigma(), Baro(), MmBaro(), Circa()])
def test_a_unit_changes_no_score(method) -> None:
    steps = np.arange(BASELINE + OUTAGE) >= BASELINE
    columns = {
        ("a", "latency"): 0.2 + 0.01 * NOISE + 0.5 * steps,
        ("b", "memory"): 1e9 + 1e7 * np.roll(NOISE, 3) + 1e9 * steps,
        ("c", "errors"): 0.25 * steps,
    }
    found = [
        scores(method, incident({key: list(scale * x) for key, x in columns.items()}, onset=float(BASELINE)))
        for scale in (1.0, 1e3, 1e-6)
    ]
    assert found[1] == pytest.approx(found[0])
    assert found[2] == pytest.approx(found[0])


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
    spread = max(before.std(ddof=0), LEAST * before.mean())
    assert step.numbers["sd that counts"] == pytest.approx(spread)
    assert step.numbers["score"] == pytest.approx(abs(step.numbers["peak"] - before.mean()) / spread)
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
