"""CausalAI: what the onset points to, and what is shielded from it."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_incident import make_incident

from methods.answer.types import NoRanking, Ranking
from methods.causalai import CausalAi
from methods.graph.context import children_of_context


def shifted(samples: int = 400) -> np.ndarray:
    """Correlation of: a cause that jumps with the context, its effect, a bystander, the context."""
    rng = np.random.default_rng(0)
    flag = (np.arange(samples) >= samples // 2).astype(float)
    cause = 2 * flag + rng.normal(size=samples)
    effect = cause + 0.5 * rng.normal(size=samples)
    return np.corrcoef([cause, effect, rng.normal(size=samples), flag])


@pytest.mark.slow
def test_the_effect_is_shielded_by_its_cause() -> None:
    found = children_of_context(shifted(), 400, 0.001, 4)
    assert found.children == (0,)
    assert found.separations[1].given == (0,)
    assert abs(found.separations[1].correlation) < found.separations[1].threshold
    assert found.separations[2].given == (), "the bystander does not change at all"


def test_twins_do_not_shield_each_other_away() -> None:
    rng = np.random.default_rng(1)
    flag = (np.arange(200) >= 100).astype(float)
    shared = 3 * flag + rng.normal(size=200)
    twins = [shared + 1e-3 * rng.normal(size=200) for _ in range(4)]
    found = children_of_context(np.corrcoef([*twins, flag]), 200, 0.001, 4)
    assert len(found.children) >= 1


def test_a_budget_stops_the_search_and_says_where() -> None:
    found = children_of_context(shifted(), 400, 0.001, 4, budget=1)
    assert found.unfinished == 1
    assert found.children == (0, 1)


@pytest.mark.parametrize("target", ["replica-0", "replica-1", "replica-2"])
def test_the_faulty_replica_is_the_root_cause(target: str) -> None:
    outcome = CausalAi().rank(make_incident(target=target), np.random.default_rng(0))
    assert isinstance(outcome, Ranking)
    assert target in outcome.top
    assert {c.score for c in outcome.components} == {1.0}, "root causes are a set: they tie"


def test_no_change_is_no_ranking() -> None:
    outcome = CausalAi(alpha=1e-6).rank(make_incident(target=None), np.random.default_rng(0))
    assert isinstance(outcome, NoRanking)
    assert "no signal changes with the onset" in outcome.detail
