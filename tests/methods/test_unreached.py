"""A target whose scrape fails, and that nobody sees serve, is named by the verdict."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cluster.incident.model import Incident
from cluster.incident.tiny import incident
from cluster.provenance import UNREACHED, Builder, Origin
from cluster.topology import Kind
from methods.verdict.decision import decide

REPLICAS = tuple(f"replica-{number}" for number in range(1, 5))
SIGNALS = ("request_rate", "running_requests", "latency_p90", "token_rate")


def fleet(gone_from: int, origin: Origin = Origin.STALE) -> Incident:
    """Four replicas behind a virtual front door; replica-3 has no sample from one on."""
    rng = np.random.default_rng(1)
    metrics = {(one, signal): rng.normal(2.0, 0.05, 200) for one in (*REPLICAS, "front-door") for signal in SIGNALS}
    for signal in SIGNALS:
        metrics["replica-3", signal][gone_from:] = np.nan
    made = incident(
        calls=[("front-door", one) for one in REPLICAS],
        kinds={"front-door": Kind.GATEWAY, **dict.fromkeys(REPLICAS, Kind.REPLICA)},
        front_door="front-door",
        metrics={key: values for key, values in metrics.items() if np.isfinite(values).any()},
    )
    builder = Builder()
    for signal in SIGNALS:
        builder.add("replica-3", signal, origin, reason=UNREACHED if origin is Origin.STALE else "it serves")
    return dataclasses.replace(made, onset=None, provenance=builder.build())


@pytest.mark.parametrize(
    ("gone_from", "said"),
    [
        (0, "it answers no scrape in the whole window"),
        (3, "has a value since 00:16:43 UTC"),
        (9, "has a value since 00:16:49 UTC"),
        (31, "has a value since"),
        (120, "has a value since 00:18:40 UTC"),
    ],
)
def test_a_target_that_answers_no_scrape_is_named(gone_from: int, said: str) -> None:
    verdict = decide(fleet(gone_from))
    assert verdict.named == ("replica-3",)
    assert said in verdict.headline
    assert any("down, or only unobserved" in evidence.sentence for evidence in verdict.supporting)


def test_a_failed_scrape_of_a_target_that_serves_blames_nobody() -> None:
    assert decide(fleet(0, Origin.SCRAPE_FAILED)).named == ()
