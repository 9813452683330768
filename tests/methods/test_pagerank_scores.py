"""PageRank from effects to causes: by hand, and against networkx."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from methods.graph.mixed import directed, effect_to_cause
from methods.graph.pagerank import pagerank


def test_the_cause_outranks_its_effect_by_hand() -> None:
    # 0 -> 1: the surfer steps from 1 to 0 and jumps anywhere from 0.
    # x1 = 0.075 + 0.85 x0 / 2 and x0 + x1 = 1, so x1 = 0.5 / 1.425.
    causes = np.array([[False, True], [False, False]])
    share = pagerank(effect_to_cause(directed(causes)))
    assert share[1] == pytest.approx(0.5 / 1.425)
    assert share[0] == pytest.approx(1 - 0.5 / 1.425)


def test_a_graph_without_edges_is_even() -> None:
    assert pagerank(np.zeros((4, 4), dtype=bool)).tolist() == pytest.approx([0.25] * 4)


def test_isolated_nodes_tie_below_a_cause_of_many() -> None:
    steps = np.zeros((6, 6), dtype=bool)
    steps[[1, 2, 3], 0] = True
    share = pagerank(steps)
    assert np.argmax(share) == 0
    assert share[4] == pytest.approx(share[5])


def test_it_is_that_of_networkx() -> None:
    steps = np.random.default_rng(0).random((15, 15)) < 0.15
    np.fill_diagonal(steps, False)
    theirs = nx.pagerank(nx.from_numpy_array(steps, create_using=nx.DiGraph), alpha=0.85, tol=1e-12)
    np.testing.assert_allclose(pagerank(steps), [theirs[i] for i in range(15)], atol=1e-9)


def test_weights_share_out_the_whole_flow_however_small_they_are() -> None:
    # Two effects lead to 0 with a weak edge each, one leads to 1 with a strong one: all of what each has flows on.
    steps = np.zeros((5, 5))
    steps[[2, 3], 0], steps[4, 1] = 0.4, 0.9
    share = pagerank(steps)
    assert share[0] > share[1]
    assert share[0] / share[2] == pytest.approx(1 + 0.85 * 2)
    assert share[1] / share[2] == pytest.approx(1 + 0.85)
    np.testing.assert_allclose(pagerank(steps), pagerank(steps / 100))
