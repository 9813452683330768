"""FCI: sound on graphs with hidden causes, and against causal-learn's graphs."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import itertools

import numpy as np
import pytest
from graphs import edges, from_causal_learn, linear, weights

from methods.graph.fci import fci
from methods.graph.mixed import Mark, effect_to_cause

# causal-learn 0.1.4.8, fci(linear(seed, 7, 3000, 0.3, hidden=3), "fisherz", 0.01). Cases in which it separates pairs by
# the neighbours alone or finds the same sets beyond: its Possible-D-Sep is not that of the paper, see the brute force.
EXPECTED = {
    2: {"0 -> 6", "0 <-> 3", "1 o-> 0", "1 o-> 3", "1 o-o 2", "2 o-> 0", "3 <-> 6", "4 o-> 0", "4 o-> 3"},
    12: {"0 <-> 3", "2 o-> 3", "3 -> 1", "4 -> 1", "4 o-> 0", "4 o-> 3", "4 o-o 6", "5 o-> 0", "6 o-> 0"},
    13: {"0 o-> 1", "1 -> 3", "2 -> 6", "2 <-> 4", "3 -> 2", "3 <-> 4", "5 -> 3", "5 o-> 1", "6 -> 1"},
}


def population(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, N) exact correlation of the observed part of a random model, and [j, i]: i is an ancestor of j."""
    rng = np.random.default_rng(seed)
    n, hidden = int(rng.integers(5, 8)), int(rng.integers(1, 4))
    size = n + hidden
    order = rng.permutation(size)
    total = np.linalg.inv(np.eye(size) - weights(seed, size, 2.6 / size)[np.ix_(order, order)])
    covariance = (total @ total.T)[:n, :n]
    scale = np.sqrt(np.diag(covariance))
    return covariance / np.outer(scale, scale), np.abs(total[:n, :n]) > 1e-12


def separable(correlation: np.ndarray, x: int, y: int) -> bool:
    """Whether any set at all separates x from y, by trying them all."""
    rest = [k for k in range(len(correlation)) if k not in (x, y)]
    for size in range(len(rest) + 1):
        for given in itertools.combinations(rest, size):
            chosen = (x, y, *given)
            inverse = np.linalg.inv(correlation[np.ix_(chosen, chosen)])
            if abs(inverse[0, 1]) / np.sqrt(inverse[0, 0] * inverse[1, 1]) < 1e-4:
                return True
    return False


@pytest.mark.parametrize("seed", range(25))
def test_marks_and_adjacencies_are_true_of_the_model(seed: int) -> None:
    correlation, ancestor = population(seed)
    # So many samples that the tests are an oracle.
    marks = fci(correlation, 10**9, 1e-3).marks
    for x, y in itertools.combinations(range(len(marks)), 2):
        assert (marks[x, y] != Mark.NONE) == (not separable(correlation, x, y))
    for i, j in zip(*np.nonzero(marks), strict=True):
        if marks[i, j] == Mark.ARROW:
            assert not ancestor[i, j], f"the arrowhead at {j} says that it is no cause of {i}"
        if marks[i, j] == Mark.TAIL:
            assert ancestor[i, j], f"the tail at {j} says that it is a cause of {i}"


def test_a_hidden_common_cause_shows_as_a_bidirected_edge() -> None:
    # a -> x <- h -> y <- b with h hidden: x and y are correlated, and neither causes the other.
    rng = np.random.default_rng(0)
    a, b, h, e, f = rng.normal(size=(5, 5000))
    x, y = a + h + 0.5 * e, b + h + 0.5 * f
    found = fci(np.corrcoef([a, x, y, b]), 5000, 0.01)
    assert edges(found.marks) == {"0 o-> 1", "1 <-> 2", "3 o-> 2"}
    steps = effect_to_cause(found.marks)
    assert steps[1, 0] and not steps[0, 1], "a o-> x is walked from x to its possible cause a"
    assert steps[1, 2] and steps[2, 1]


@pytest.mark.parametrize("seed", EXPECTED)
def test_the_graph_is_that_of_causal_learn(seed: int) -> None:
    assert edges(fci(np.corrcoef(linear(seed, 7, 3000, 0.3, hidden=3).T), 3000, 0.01).marks) == EXPECTED[seed]


@pytest.mark.skipif(importlib.util.find_spec("causallearn") is None, reason="causal-learn is not installed")
def test_causal_learn_still_says_so() -> None:
    from causallearn.search.ConstraintBased.FCI import fci as theirs

    for seed, expected in EXPECTED.items():
        with contextlib.redirect_stdout(io.StringIO()):
            graph, _ = theirs(linear(seed, 7, 3000, 0.3, hidden=3), "fisherz", 0.01, show_progress=False)
        assert from_causal_learn(graph.graph) == expected
