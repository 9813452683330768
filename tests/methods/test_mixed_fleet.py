"""A fleet in the middle of an upgrade: half of the replicas have another quantity in place of the time per token."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from cluster.incident import library
from cluster.incident.model import Incident
from methods.answer.types import Ranking
from methods.serving import Serving
from tests.bench.serving_cases import scored_drills

OLD = ("replica-0", "replica-2")


def mixed(incident: Incident) -> Incident:
    """The same, the pods in `OLD` on a release that exports the time between events alone."""
    metrics = incident.telemetry.metrics.copy()
    renamed = [(c, s.replace("tpot", "inter_token") if c in OLD else s) for c, s in metrics.columns]
    metrics.columns = pd.MultiIndex.from_tuples(renamed, names=metrics.columns.names)
    return dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, metrics=metrics))


def right(incident: Incident, faulty: set[str]) -> float:
    """AC@1 of one incident, ties by expectation."""
    outcome = Serving().rank(incident, np.random.default_rng(0))
    top = set(outcome.top) if isinstance(outcome, Ranking) else set()
    return len(top & faulty) / len(top) if top else 0.0


@pytest.mark.slow
def test_mixed_releases_cost_no_more_than_two_in_a_hundred() -> None:
    whole, half = [], []
    scored = scored_drills()
    for listing in library.listings():
        if listing.name in scored:
            continue
        incident, truth = library.load_with_truth(listing.name)
        if truth is None or not truth.components or not listing.name.startswith("drill-"):
            continue
        faulty = set(truth.components)
        whole.append(right(incident, faulty))
        half.append(right(mixed(incident), faulty))
    print(f"AC@1 over {len(whole)} drills: {np.mean(whole):.3f}, mixed {np.mean(half):.3f}")
    assert len(whole) > 60
    assert np.mean(half) >= np.mean(whole) - 0.02
