"""Of more signals than a causal search can take, those that changed most are compared, and the rest is told."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from cluster.incident.model import Incident
from methods import catalog
from methods.answer.types import Ranking
from methods.graph.screening import Screened, screen, why_unranked
from methods.telemetry.matrix import SignalMatrix, prepare
from tests.bench import synthetic

SEARCHES = ("pc_pagerank", "pc_randomwalk", "fci_pagerank", "fci_randomwalk", "granger_pagerank", "granger_randomwalk")
OTHERS = ("lingam_pagerank", "lingam_randomwalk", "causalai", "circa", "microcause", "causalrca")
FAULTY = "replica-53"


def fleet(onset: bool = True) -> Incident:
    """120 components with 10 signals each; FAULTY suffers in the second half."""
    incident = synthetic.make(120, 300)
    return incident if onset else dataclasses.replace(incident, onset=None)


def screened(incident: Incident, most: int) -> tuple[SignalMatrix, Screened]:
    chosen, left = screen(prepare(incident, fill=True).varying(), incident, most)
    assert left is not None
    return chosen, left


@pytest.mark.parametrize("onset", [True, False])
def test_the_faulty_component_and_what_users_notice_stay(onset: bool) -> None:
    chosen, left = screened(fleet(onset), 60)
    assert chosen.signals == 60
    assert (FAULTY, "queue_length") in chosen.keys
    assert {("gateway", "latency_p90"), ("gateway", "error_ratio")} <= set(chosen.keys)
    assert left.signals - left.kept == 1140
    assert left.left[0][2] >= left.left[-1][2] <= left.least


def test_no_more_signals_than_allowed_are_returned_as_they_are() -> None:
    matrix = prepare(fleet(), fill=True)
    chosen, left = screen(matrix, fleet(), matrix.signals)
    assert chosen is matrix
    assert left is None


def test_units_and_names_do_not_matter() -> None:
    incident = fleet()
    metrics = incident.telemetry.metrics * 1024.0
    other = dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, metrics=metrics))
    assert screened(incident, 100)[0].keys == screened(other, 100)[0].keys


def test_it_is_said_what_was_left_out() -> None:
    step = screened(fleet(), 60)[1].step()
    assert "1.2k signals are too many" in step.claim
    assert "the 60 that changed most" in step.claim
    assert step.numbers["left_out"] == 1140
    assert why_unranked("", None) == ""
    assert why_unranked("no edge", screened(fleet(), 60)[1]) == (
        "no edge or their signals were left out before the search"
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SEARCHES + OTHERS)
def test_every_search_ranks_a_fleet_of_120(name: str) -> None:
    outcome = catalog.load(name).rank(fleet(), np.random.default_rng(0))
    assert isinstance(outcome, Ranking)
    if name not in ("granger_pagerank", "granger_randomwalk", "causalai") or len(outcome.components) < 120:
        assert outcome.explanation.steps[0].title == "Signals left out"
        assert any("were left out before the search" in caveat for caveat in outcome.explanation.caveats)
