"""The walk from the SLI: weights by hand, expected visits against sampled ones."""

from __future__ import annotations

import numpy as np
import outcomes
import pytest

from cluster.incident import tiny
from methods.graph.blame import Walk
from methods.graph.discovery import Discovery
from methods.graph.mixed import directed, effect_to_cause
from methods.graph.random_walk import mean_visits, transitions, visits
from methods.graph.signals import Signals, distinct

# Causes: 2 -> 1 -> 0 (the SLI), and 3 apart from them.
CHAIN = effect_to_cause(directed(np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]], dtype=bool)))
LIKENESS = np.array([1.0, 0.8, 0.9, 0.7])


def test_weights_by_hand() -> None:
    moves = transitions(CHAIN, LIKENESS, rho=0.5)
    # From the SLI: to its cause 0.8, stay 1.0 - 0.8.
    assert moves[0].tolist() == pytest.approx([0.2, 0.8, 0, 0])
    # From 1: to its cause 0.9, back to the SLI 0.5 x 1.0, no reason to stay.
    assert moves[1].tolist() == pytest.approx([0.5 / 1.4, 0, 0.9 / 1.4, 0])
    # From 2: back 0.5 x 0.8, stay 0.9.
    assert moves[2].tolist() == pytest.approx([0, 0.4 / 1.3, 0.9 / 1.3, 0])
    assert moves[3].tolist() == [0, 0, 0, 1]


def test_the_walk_climbs_to_the_cause_and_never_leaves_its_part_of_the_graph() -> None:
    share = visits(transitions(CHAIN, LIKENESS, rho=0.5), start=0)
    assert share.sum() == pytest.approx(1.0)
    assert share[2] > share[1]
    assert share[3] == 0.0


def test_a_node_that_nothing_weighs_keeps_the_walk() -> None:
    moves = transitions(np.array([[False, True], [False, False]]), np.zeros(2), rho=0.5)
    assert moves.tolist() == [[1, 0], [0, 1]]


def test_expected_visits_are_what_sampled_walks_come_to() -> None:
    moves = transitions(CHAIN, LIKENESS, rho=0.5)
    rng = np.random.default_rng(0)
    place, count = 0, np.zeros(4)
    for _ in range(20_000):
        count[place] += 1
        place = int(rng.choice(4, p=moves[place])) if rng.random() < 0.85 else 0
    np.testing.assert_allclose(visits(moves, 0), count / count.sum(), atol=0.02)


def test_mean_visits_of_a_short_walk_by_hand() -> None:
    # Two steps on a line 0 -> 1 -> 2.
    moves = np.array([[0, 1.0, 0], [0, 0, 1.0], [0, 0, 1.0]])
    assert mean_visits(moves, 0, 2).tolist() == [0, 0.5, 0.5]


def test_the_front_doors_other_symptoms_are_passed_through_and_not_ranked() -> None:
    """The p90 has the p50 as cause, and that has the replica's CPU: the walk spends most time at the p50."""
    rng = np.random.default_rng(0)
    cpu = rng.normal(size=40)
    p50, requests = cpu + 0.3 * rng.normal(size=40), cpu + 2 * rng.normal(size=40)
    metrics = {
        ("front", "latency_p90"): p50 + 0.1 * rng.normal(size=40),
        ("front", "latency_p50"): p50,
        ("front", "request_rate"): requests,
        ("front", "cpu_usage"): cpu + 3 * rng.normal(size=40),
        ("replica", "cpu_usage"): cpu,
        ("replica", "latency_p50"): cpu + rng.normal(size=40),
    }
    incident = tiny.incident(calls=[("front", "replica")], front_door="front", metrics=metrics)
    signals = distinct(incident)
    assert isinstance(signals, Signals)
    place = {key: i for i, key in enumerate(signals.matrix.keys)}
    causes = np.zeros((6, 6), dtype=bool)
    causes[place["front", "latency_p50"], place["front", "latency_p90"]] = True
    for key in set(metrics) - {("front", "latency_p90"), ("front", "latency_p50")}:
        causes[place[key], place["front", "latency_p50"]] = True
    graph = Discovery("By hand", directed(causes), np.ones((6, 6)), lambda relevance: ())
    outcome = Walk(0.5, 0.85)(incident, signals, graph)
    found = outcomes.scores(outcome)
    assert found["replica"] > found["front"] > 0
    listed = {(s.component, s.signal) for c in outcome.components for s in c.signals}
    assert listed == {("front", "cpu_usage"), ("replica", "cpu_usage"), ("replica", "latency_p50")}
    assert "pass through other symptoms at the front door" in outcome.explanation.steps[-1].claim
