"""MonitorRank: the walk reckoned by hand."""

from __future__ import annotations

import outcomes
import pytest

from cluster.incident import tiny
from methods.monitorrank import MonitorRank

WAVE = [1.0, 3.0, 2.0, 5.0, 4.0, 9.0]
FLAT = [2.0] * 6


def test_two_callees_by_hand() -> None:
    """The front door's latency is that of a plus a constant: S_a = 1, S_front = 1, S_b = 0.

    a: back to the front door 0.5, stay 1, so 1/3 and 2/3. The front door: to a only. b: back only. Restart at a.
    pi_front = 0.85 pi_a / 3 and pi_front + pi_a = 1.
    """
    incident = tiny.incident(
        calls=[("front", "a"), ("front", "b")],
        front_door="front",
        latencies={("front", "a"): WAVE, ("front", "b"): FLAT},
    )
    pi_a = 1 / (1 + 0.85 / 3)
    assert outcomes.scores(MonitorRank().rank(incident, outcomes.rng())) == pytest.approx(
        {"a": pi_a, "front": 1 - pi_a, "b": 0}
    )


def test_the_walk_goes_down_not_up() -> None:
    """front -> a -> b, all alike: nothing holds the walk at a, so it ends at b, the deepest."""
    incident = tiny.incident(
        calls=[("front", "a"), ("a", "b")], front_door="front", latencies={("front", "a"): WAVE, ("a", "b"): WAVE}
    )
    found = outcomes.scores(MonitorRank().rank(incident, outcomes.rng()))
    assert found["b"] > found["a"] > found["front"]


def test_without_a_front_door_or_a_similarity_it_has_no_answer() -> None:
    calls, flat = [("front", "a")], {("front", "a"): FLAT}
    nameless = tiny.incident(calls=calls, latencies={("front", "a"): WAVE})
    assert "front door" in outcomes.detail(MonitorRank().rank(nameless, outcomes.rng()))
    still = tiny.incident(calls=calls, front_door="front", latencies=flat)
    assert "correlates with" in outcomes.detail(MonitorRank().rank(still, outcomes.rng()))
