"""Latencies of calls, likeness, and the walk with restarts, against hand and numpy."""

from __future__ import annotations

import numpy as np
import pytest

from cluster.incident import tiny
from methods.answer.ties import steady
from methods.answer.types import NoRanking
from methods.graph.restart_walk import visits
from methods.telemetry.calls import CallLatencies, call_latencies, similarity


def test_similarity_is_the_absolute_pearson_correlation_of_what_both_have() -> None:
    rng = np.random.default_rng(1)
    one, others = rng.normal(size=20), rng.normal(size=(20, 3))
    one[3], others[5, 0] = np.nan, np.nan
    for i, found in enumerate(similarity(one, others)):
        both = np.isfinite(one) & np.isfinite(others[:, i])
        assert found == pytest.approx(abs(np.corrcoef(one[both], others[both, i])[0, 1]))


def test_nothing_resembles_what_does_not_vary() -> None:
    series = np.arange(6.0)
    others = np.stack([np.full(6, 0.1), -1e200 * series, np.full(6, np.nan)], axis=1)
    assert similarity(series, others).tolist() == pytest.approx([0.0, 1.0, 0.0])


def test_visits_by_hand() -> None:
    # a -> b, b has no way on and restarts at a or b alike; d = 0.5.
    # pi_a = 0.25 + 0.5 * 0.5 * pi_b and pi_a + pi_b = 1, so pi_a = 0.4.
    found = visits(np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([2.0, 2.0]), 0.5)
    assert found is not None
    assert found.tolist() == pytest.approx([0.4, 0.6])


def test_a_walk_without_a_place_to_restart_has_no_answer() -> None:
    assert visits(np.ones((2, 2)), np.zeros(2), 0.85) is None


def test_latency_of_a_component_is_what_its_callers_measured() -> None:
    incident = tiny.incident(
        calls=[("front", "a"), ("front", "b"), ("b", "a")],
        front_door="front",
        latencies={("front", "a"): [1, 2, 3, 4], ("b", "a"): [3, 4, 5, 6], ("front", "b"): [10, 10, 10, 10]},
        metrics={("front", "latency_p90"): [7, 7, 7, 7]},
    )
    calls = call_latencies(incident)
    assert not isinstance(calls, NoRanking)
    of_a, of_front = calls.latency("a", "front"), calls.latency("front", "front")
    assert of_a and of_a[0].tolist() == [2, 3, 4, 5]
    # The front door has no caller that measures: it is the sum of its own calls, not of b's.
    assert of_front and of_front[0].tolist() == [11, 12, 13, 14]


def test_a_front_door_that_measures_no_call_borrows_those_of_what_it_calls() -> None:
    incident = tiny.incident(
        calls=[("ui", "front"), ("front", "a"), ("front", "b"), ("b", "a")],
        front_door="ui",
        latencies={("front", "a"): [1, 2, 3, 4], ("front", "b"): [1, 1, 1, 1], ("b", "a"): [3, 4, 5, 6]},
    )
    calls = call_latencies(incident)
    assert not isinstance(calls, NoRanking)
    of_ui = calls.latency("ui", "ui")
    assert of_ui and of_ui[0].tolist() == [2, 3, 4, 5]


def test_gaps_of_a_call_are_filled_and_metrics_read_at_the_nearest_sample() -> None:
    incident = tiny.incident(
        calls=[("front", "a")],
        latencies={("front", "a"): [1, np.nan, np.inf, 4]},
        metrics={("a", "cpu"): [0, 1, 2, 3, 4, 5, 6, 7]},
    )
    calls = call_latencies(incident)
    assert not isinstance(calls, NoRanking)
    assert calls.values[:, 0].tolist() == [1, 1, 1, 4]
    assert calls.metric("a", "cpu").tolist() == [0, 2, 4, 6]


def test_no_edges_is_not_applicable() -> None:
    found = call_latencies(tiny.incident(calls=[("front", "a")]))
    assert isinstance(found, NoRanking)
    assert "no edge metrics" in found.detail


def test_rounding_does_not_break_a_tie() -> None:
    assert steady({"a": 0.1 + 0.2, "b": 0.3}) == {"a": 0.3, "b": 0.3}


def test_calls_of_equal_noise_correlate_with_their_sum_as_said() -> None:
    noise = np.random.default_rng(0).normal(size=(4000, 4))
    latencies = {("front", c): 10 + noise[:, i] for i, c in enumerate("abcd")}
    found = call_latencies(tiny.incident(calls=list(latencies), front_door="front", latencies=latencies))
    assert isinstance(found, CallLatencies)
    summed, _ = found.latency("front", "front")
    assert similarity(summed, found.values) == pytest.approx(0.5, abs=0.03)
    assert "the sum of 4 calls" in found.by_construction("front") and "by 0.5 if" in found.by_construction("front")
    assert found.by_construction("a") == ""


def test_a_call_without_latency_since_the_onset_is_left_out() -> None:
    calm = [1.0, 1.1] * 10
    latencies = {("front", "a"): calm, ("front", "gone"): calm[:10] + [float("nan")] * 10}
    found = call_latencies(tiny.incident(calls=list(latencies), front_door="front", latencies=latencies))
    assert isinstance(found, CallLatencies)
    assert found.edges == (("front", "a"),)
    assert ("front", "gone") in found.calls
