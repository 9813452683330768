"""Caveats: which apply, and what they say of components that are silent or not ranked."""

from __future__ import annotations

import numpy as np
import pytest

from cluster.incident import tiny
from cluster.incident.model import Incident
from cluster.topology import Kind
from methods import catalog
from methods.answer.caveats import caveats_for, silent_since
from methods.answer.ranking import by_components
from methods.answer.types import Explanation, Ranking, Step

WHY = Explanation((Step("A step", "A claim."),))


def deployment(samples: int = 100, silent_from: int | None = None) -> Incident:
    rng = np.random.default_rng(0)
    metrics = {}
    for component in ("gateway", "head", "replica-0", "replica-1"):
        for signal in ("latency_p90", "cpu_usage"):
            metrics[component, signal] = 1.0 + 0.1 * rng.random(samples)
    for signal in ("latency_p90", "cpu_usage"):
        metrics["replica-0", signal][samples // 2 :] += 1.0
        if silent_from is not None:
            metrics["replica-1", signal][silent_from:] = np.nan
    kinds = {"gateway": Kind.GATEWAY, "head": Kind.HEAD, "replica-0": Kind.REPLICA, "replica-1": Kind.REPLICA}
    return tiny.incident(
        calls=[("gateway", c) for c in ("head", "replica-0", "replica-1")],
        kinds=kinds,
        front_door="gateway",
        metrics=metrics,
    )


def caveats(incident: Incident, scores: dict[str, float], **options: object) -> str:
    outcome = caveats_for(by_components(scores, WHY), incident, **options)
    assert isinstance(outcome, Ranking)
    return " ".join(outcome.explanation.caveats)


def test_a_head_without_callees_passes_nothing_on() -> None:
    scores = {"head": 3.0, "replica-1": 2.0, "gateway": 1.0, "replica-0": 0.0}
    assert "passes requests on" not in caveats(deployment(), scores)
    assert "Look at head (rank 2) before you act." in caveats(deployment(), scores | {"gateway": 4.0})


def test_a_method_that_names_both_of_a_tie_tells_them_apart_from_the_rest() -> None:
    scores = {"replica-0": 1.0, "replica-1": 1.0, "head": 0.0}
    assert "2 components share the first rank" in caveats(deployment(), scores)
    named = by_components(scores, WHY, named=("replica-0", "replica-1"))
    told = caveats_for(named, deployment())
    assert isinstance(told, Ranking)
    assert not any("share the first rank" in caveat for caveat in told.explanation.caveats)
    assert told.named == ("replica-0", "replica-1")


def test_who_is_not_ranked_is_told_with_the_methods_own_reason() -> None:
    told = caveats(deployment(), {"replica-0": 1.0}, unranked_as="their tests say no")
    assert told.endswith("Not ranked: gateway, head, replica-1; their tests say no.")
    assert "evidence" not in caveats(deployment(), {"replica-0": 1.0})


def test_a_short_baseline_concerns_only_what_compares_with_it() -> None:
    short, scores = deployment(samples=20), {"replica-0": 1.0}
    assert "what is normal is poorly known" in caveats(short, scores)
    assert "poorly known" not in caveats(short, scores, onset_used=False)


def test_a_component_that_went_silent_is_told() -> None:
    # 100 samples in 200 s: the 50th is the onset, at 1100 s.
    assert silent_since(deployment(silent_from=50)) == {"replica-1": 1100.0}
    assert "replica-1 went silent at 00:18:20" in caveats(deployment(silent_from=50), {"replica-0": 1.0})
    assert silent_since(deployment(silent_from=97)) == {}
    assert silent_since(deployment()) == {}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(row.name, marks=pytest.mark.slow if row.cost == "minutes" else ())
        for row in catalog.entries()
        if row.name != "dummy"  # it reads no telemetry: its order is chance
    ],
)
def test_a_silent_replica_is_not_healthy(name: str) -> None:
    """No method ranks it last, as the calmest: it is unranked, or what is left of it counts; the caveat tells."""
    outcome = catalog.load(name).rank(deployment(silent_from=50), np.random.default_rng(0))
    if isinstance(outcome, Ranking):
        assert outcome.components[-1].component != "replica-1"
        assert any("replica-1 went silent" in caveat for caveat in outcome.explanation.caveats)
