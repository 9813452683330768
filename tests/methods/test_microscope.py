"""Microscope: which components are candidates, and in which order."""

from __future__ import annotations

import outcomes
import pytest

from cluster.incident import tiny
from methods.microscope import Microscope

HURT = [1.0, 1.1, 0.9, 1.0, 1.1, 5.0, 5.2, 4.9, 5.1, 5.0]
CALM = [2.0, 2.1, 1.9, 2.0, 2.1, 2.0, 2.1, 1.9, 2.0, 2.1]


def test_the_end_of_the_abnormal_chain_is_the_candidate() -> None:
    """front -> a -> b hurt, front -> c calm: b calls nobody abnormal, c is never visited.

    The front door's latency is that of its calls, a + c; a and b are the same series, so that |r| is equal: a, which is
    passed through, gets it less 1.
    """
    incident = tiny.incident(
        calls=[("front", "a"), ("a", "b"), ("front", "c")],
        front_door="front",
        latencies={("front", "a"): HURT, ("a", "b"): HURT, ("front", "c"): CALM},
    )
    found = outcomes.scores(Microscope().rank(incident, outcomes.rng()))
    assert set(found) == {"front", "a", "b"}
    assert found["b"] > 0.99
    assert found["a"] == pytest.approx(found["b"] - 1)
    assert found["front"] == pytest.approx(0.0)


def test_a_drop_is_abnormal_too() -> None:
    dropped = [5.0, 5.1, 4.9, 5.0, 5.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    incident = tiny.incident(
        calls=[("front", "a"), ("front", "c")],
        front_door="front",
        latencies={("front", "a"): dropped, ("front", "c"): CALM},
    )
    assert max(outcomes.scores(Microscope().rank(incident, outcomes.rng())).items(), key=lambda i: i[1])[0] == "a"


def test_a_front_door_that_is_slow_by_itself_is_blamed() -> None:
    incident = tiny.incident(
        calls=[("front", "a")],
        front_door="front",
        latencies={("front", "a"): CALM},
        metrics={("front", "latency_p90"): HURT},
    )
    assert set(outcomes.scores(Microscope().rank(incident, outcomes.rng()))) == {"front"}


def test_one_sample_out_of_many_is_not_abnormal() -> None:
    spike = CALM * 4
    spike[30] = 9.0
    incident = tiny.incident(calls=[("front", "a")], front_door="front", latencies={("front", "a"): spike})
    assert "is abnormal" in outcomes.detail(Microscope().rank(incident, outcomes.rng()))


def test_a_cycle_of_abnormal_components_still_ends() -> None:
    incident = tiny.incident(
        calls=[("front", "a"), ("a", "b"), ("b", "a")],
        front_door="front",
        latencies={("front", "a"): HURT, ("a", "b"): HURT, ("b", "a"): HURT},
    )
    assert {"a", "b"} <= set(outcomes.scores(Microscope().rank(incident, outcomes.rng())))
