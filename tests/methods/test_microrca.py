"""MicroRCA: clusters of one latency, and the walk on a chain reckoned by hand."""

from __future__ import annotations

import numpy as np
import outcomes
import pytest

from cluster.incident import tiny
from methods.answer.types import Ranking
from methods.microrca import MicroRca
from methods.telemetry.edge_anomaly import clusters

CALM = [1.0] * 30
STEP = [1.0] * 15 + [10.0] * 15


def test_a_step_makes_two_clusters_whatever_the_length() -> None:
    for times in (1, 8):
        found = clusters(np.repeat(STEP, times), threshold=0.045, smoothing=1)
        assert found.tolist() == pytest.approx([1.0, 10.0])


def test_noise_makes_one() -> None:
    noisy = 1.0 + 0.02 * np.random.default_rng(0).standard_normal(240)
    assert len(clusters(noisy, threshold=0.045, smoothing=12)) == 1


def test_the_unit_does_not_matter() -> None:
    step = np.array(STEP)
    assert clusters(step * 1e200, threshold=0.045, smoothing=1) / 1e200 == pytest.approx([1.0, 10.0])


def test_a_chain_by_hand() -> None:
    """front -> a -> b, both calls anomalous and alike; b's CPU moves with them, a reports nothing.

    Weights: 0.55 and 0.55. Restart a: mean(0.55, 0.55) * 0.01 / 2 = 0.00275 (no resource: 0.01, degree 2);
    b: 0.55 * 1 / 1. So v_a = 0.00275 / 0.55275 and v_b = 1 - v_a. Steps: front -> a, a -> b, b restarts.
    pi_front = 0, pi_a = v_a (0.85 pi_b + 0.15), pi_b = 1 - pi_a, so pi_a = v_a / (1 + 0.85 v_a).
    """
    incident = tiny.incident(
        calls=[("front", "a"), ("a", "b")],
        front_door="front",
        latencies={("front", "a"): STEP, ("a", "b"): STEP},
        metrics={("b", "cpu_usage"): STEP},
    )
    v = 0.00275 / 0.55275
    found = outcomes.scores(MicroRca().rank(incident, outcomes.rng()))
    assert found == pytest.approx({"front": 0.0, "a": v / (1 + 0.85 * v), "b": 1 - v / (1 + 0.85 * v)})


def test_a_busy_host_guides_the_walk_and_is_not_ranked() -> None:
    """front -> a, a runs on node. Weight to the node: mean weight into a (0.55) times |corr(rt, node cpu)| (1).

    Restart at a alone; a -> node, node restarts: pi_a = 0.85 pi_node + 0.15 with pi_a + pi_node = 1.
    """
    incident = tiny.incident(
        calls=[("front", "a")],
        hosts=[("a", "node"), ("front", "node")],
        latencies={("front", "a"): STEP},
        metrics={("node", "cpu_usage"): STEP},
    )
    outcome = MicroRca().rank(incident, outcomes.rng())
    assert outcomes.scores(outcome) == pytest.approx({"a": 1 / 1.85, "front": 0.0})
    assert isinstance(outcome, Ranking)
    drawn = outcome.explanation.steps[1].graph
    assert drawn is not None
    assert {(e.cause, e.effect): e.weight for e in drawn.edges} == pytest.approx(
        {("a", "front"): 0.55, ("node", "a"): 0.55}
    )


def test_calm_calls_are_not_applicable() -> None:
    incident = tiny.incident(calls=[("front", "a")], latencies={("front", "a"): CALM})
    assert "no call is anomalous" in outcomes.detail(MicroRca().rank(incident, outcomes.rng()))
