"""PC: by hand on three signals, and against causal-learn's graphs."""

from __future__ import annotations

import importlib.util
import itertools
import math

import numpy as np
import pytest
from graphs import edges, from_causal_learn, linear
from scipy import stats

from methods.graph import skeleton
from methods.graph.mixed import effect_to_cause
from methods.graph.orientation import orient
from methods.graph.pc import pc

# causal-learn 0.1.4.8, pc(linear(seed, 9, 500, 0.35), 0.05, "fisherz", uc_priority=1).
EXPECTED = {
    1: {"0 -- 4", "0 -> 1", "1 -> 2", "2 -> 8", "2 <-> 6", "3 -> 2", "4 -> 6", "5 -> 1", "5 -> 2"},
    2: {"0 -- 5", "1 <-> 2", "3 -> 2", "3 -> 4", "3 -> 8", "5 -> 1", "5 -> 4", "5 -> 8", "6 -> 8", "7 -> 2"},
    3: {"1 -> 0", "1 -> 6", "2 <-> 8", "3 -- 4", "3 -> 2", "5 -> 6", "6 -> 0", "6 <-> 7", "7 <-> 8"},
}


def matrix(xy: float, yz: float, xz: float) -> np.ndarray:
    return np.array([[1, xy, xz], [xy, 1, yz], [xz, yz, 1]])


def test_a_chain_loses_the_edge_between_its_ends() -> None:
    # x -> y -> z: rho(x, z) = rho(x, y) rho(y, z), so rho(x, z | y) = 0.
    found = pc(matrix(0.8, 0.5, 0.4), 100)
    assert edges(found.marks) == {"0 -- 1", "1 -- 2"}
    why = found.skeleton.separations[0, 2]
    assert why.given == (1,)
    assert why.correlation == pytest.approx(0.0, abs=1e-12)


def test_a_collider_is_directed() -> None:
    # x -> y <- z: x and z are independent, so y is in no separating set.
    found = pc(matrix(0.6, 0.6, 0.0), 100)
    assert edges(found.marks) == {"0 -> 1", "2 -> 1"}
    assert found.parents.tolist() == [[False, True, False], [False, False, False], [False, True, False]]


def test_the_walk_goes_from_effect_to_cause() -> None:
    steps = effect_to_cause(pc(matrix(0.6, 0.6, 0.0), 100).marks)
    assert steps.tolist() == [[False, False, False], [True, False, True], [False, False, False]]


@pytest.mark.parametrize("conditioned", [0, 1, 4])
def test_the_threshold_is_where_fishers_z_has_a_p_value_of_alpha(conditioned: int) -> None:
    bound = skeleton.threshold(0.05, 240, conditioned)
    z = math.atanh(bound) * math.sqrt(240 - conditioned - 3)
    assert 2 * stats.norm.sf(z) == pytest.approx(0.05)


def test_partial_correlations_by_elimination_equal_those_of_the_inverse() -> None:
    values = linear(5, 8, 400, 0.5)
    correlation = np.corrcoef(values.T)
    found = skeleton.search(correlation, 400, 0.05)
    checked = 0
    for (x, y), why in found.separations.items():
        chosen = [x, y, *why.given]
        inverse = np.linalg.inv(correlation[np.ix_(chosen, chosen)])
        partial = -inverse[0, 1] / math.sqrt(inverse[0, 0] * inverse[1, 1])
        assert why.correlation == pytest.approx(partial, abs=1e-9)
        assert abs(partial) < why.threshold
        checked += len(why.given) > 1
    assert checked


def test_the_order_of_columns_has_no_say_in_the_skeleton() -> None:
    values = linear(7, 12, 240, 0.4)
    order = np.random.default_rng(0).permutation(12)
    one = skeleton.search(np.corrcoef(values.T), 240, 0.05).adjacent
    other = skeleton.search(np.corrcoef(values[:, order].T), 240, 0.05).adjacent
    assert np.array_equal(one[np.ix_(order, order)], other)


def test_perfectly_correlated_signals_stay_adjacent() -> None:
    values = linear(1, 4, 200, 0.5)
    values = np.column_stack([values, values[:, 0] * 2, values[:, 0] + values[:, 1]])
    found = pc(np.corrcoef(values.T), 200)
    assert found.skeleton.adjacent[0, 4]


def test_too_many_tests_are_refused_before_they_are_made() -> None:
    with pytest.raises(skeleton.TooManyTests, match="3k metrics would need"):
        skeleton.search(np.eye(3000), 300, 0.05)


def test_a_budget_stops_the_search_between_depths_and_says_so() -> None:
    correlation = np.full((20, 20), 0.9) + 0.1 * np.eye(20)
    needed = skeleton.tests_at([19] * 20, 1)
    found = skeleton.search(correlation, 50, 0.05, budget=needed + 200)
    assert found.depth == 1
    assert found.unfinished == skeleton.tests_at(found.adjacent.sum(axis=0).tolist(), 2)


def test_colliders_that_contradict_each_other_are_bidirected_whatever_the_order_of_the_signals() -> None:
    """a - b - c - d: b is the middle of one collider, c of another, so each directs b - c its own way."""
    adjacent = np.zeros((4, 4), dtype=bool)
    for i, j in ((0, 1), (1, 2), (2, 3)):
        adjacent[i, j] = adjacent[j, i] = True
    for order in itertools.permutations(range(4)):
        place = np.argsort(order)
        marks = orient(adjacent[np.ix_(order, order)], np.zeros((4, 4, 4), dtype=bool))[np.ix_(place, place)]
        assert edges(marks) == {"0 -> 1", "1 <-> 2", "3 -> 2"}


@pytest.mark.parametrize("seed", range(30, 36))
def test_the_order_of_the_signals_does_not_matter(seed: int) -> None:
    correlation = np.corrcoef(linear(seed, 12, 240, 0.35).T)
    order = np.random.default_rng(seed).permutation(12)
    place = np.argsort(order)
    shuffled = pc(correlation[np.ix_(order, order)], 240).marks[np.ix_(place, place)]
    assert edges(shuffled) == edges(pc(correlation, 240).marks)


@pytest.mark.parametrize("seed", EXPECTED)
def test_the_graph_is_that_of_causal_learn(seed: int) -> None:
    assert edges(pc(np.corrcoef(linear(seed, 9, 500, 0.35).T), 500).marks) == EXPECTED[seed]


@pytest.mark.skipif(importlib.util.find_spec("causallearn") is None, reason="causal-learn is not installed")
def test_causal_learn_still_says_so() -> None:
    from causallearn.search.ConstraintBased.PC import pc as theirs

    for seed, expected in EXPECTED.items():
        found = theirs(linear(seed, 9, 500, 0.35), 0.05, "fisherz", uc_priority=1, show_progress=False)
        assert from_causal_learn(found.G.graph) == expected
    for seed in range(10, 20):
        values = linear(seed, 12, 240, 0.35)
        found = theirs(values, 0.05, "fisherz", uc_priority=1, show_progress=False)
        assert from_causal_learn(found.G.graph) == edges(pc(np.corrcoef(values.T), 240).marks)
