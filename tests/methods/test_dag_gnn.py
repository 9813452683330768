"""The compiled DAG-GNN against a plain numpy objective, and what it must find."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numba.core.runtime import _nrt_python, rtsys

from methods.graph.dag_gnn import Schedule, _State, fit
from methods.graph.dag_gnn_training import _graph, train


def network(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    w1, b1, w2, b2 = weights[0], weights[1], weights[2], weights[3, 0]
    return np.maximum(x[..., None] * w1 + b1, 0.0) @ w2 + b2


def objective(
    data: np.ndarray, raw: np.ndarray, networks: np.ndarray, offset: float, multiplier: float, penalty: float
) -> float:
    """As the paper writes it: with the decoder's inverse, and the dense networks."""
    rows, count = data.shape
    adjacency = np.sinh(3 * raw)
    keep = np.eye(count) - adjacency
    noise = (network(networks[0], data) + offset) @ keep - offset
    rebuilt = network(networks[1], (noise + offset) @ np.linalg.inv(keep) - offset)
    walk = np.eye(count) + adjacency**2 / count
    h = np.trace(np.linalg.matrix_power(walk, count)) - count
    return (
        0.5 * ((rebuilt - data) ** 2).sum() / rows
        + 0.5 * (noise**2).sum() / rows
        + multiplier * h
        + 0.5 * penalty * h**2
        + 100 * np.trace(adjacency * adjacency)
    )


@pytest.mark.slow
def test_gradients_are_those_of_the_papers_objective() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(30, 4)).astype(np.float32)
    state = _State.fresh(4, rng)
    state.raw[:] = rng.normal(0, 0.05, (4, 4))
    state.offset[:] = 0.3
    before = [a.astype(np.float64) for a in (state.raw, state.networks, state.offset)]
    train(data, state.arrays(), 0.7, 2.0, 1e-3, 1)
    # After one step Adam's first moment is a tenth of the gradient.
    gradients = [10 * moment for moment in state.moments[::2]]

    def at(which: int, index: tuple[int, ...], shift: float) -> float:
        values = [a.copy() for a in before]
        values[which][index] += shift
        return objective(data, values[0], values[1], float(values[2][0]), 0.7, 2.0)

    probes = [(0, (i, j)) for i in range(4) for j in range(4)]
    probes += [(1, (n, k, j)) for n in (0, 1) for k in (0, 1, 2) for j in (0, 17, 63)] + [
        (1, (0, 3, 0)),
        (1, (1, 3, 0)),
    ]
    probes += [(2, (0,))]
    for which, index in probes:
        numeric = (at(which, index, 1e-6) - at(which, index, -1e-6)) / 2e-6
        assert gradients[which][index] == pytest.approx(numeric, rel=1e-4, abs=1e-5), (which, index)


def test_weights_of_edges_are_those_of_the_library_in_single_precision() -> None:
    # On both sides of where the series ends.
    raw = (
        np.concatenate([np.linspace(-1.2, 1.2, 800), np.geomspace(1e-10, 1e-5, 800)]).astype(np.float32).reshape(40, 40)
    )
    adjacency, keep, squares = (np.empty_like(raw) for _ in range(3))
    _graph(raw, adjacency, keep, squares)
    true = [math.sinh(x) for x in (3.0 * raw.astype(np.float64)).ravel()]
    np.testing.assert_allclose(adjacency.ravel(), true, rtol=np.finfo(np.float32).eps)


def test_an_epoch_allocates_no_matrix() -> None:
    """As many small tables for 40 signals, whose power takes 8 products, as for 2, whose power takes none."""
    _nrt_python.memsys_enable_stats()

    def allocated(signals: int, epochs: int) -> int:
        rng = np.random.default_rng(0)
        state = _State.fresh(signals, rng).arrays()
        data = rng.normal(size=(20, signals)).astype(np.float32)
        before = rtsys.get_allocation_stats().alloc
        train(data, state, 0.0, 1.0, 1e-3, epochs)
        return int(rtsys.get_allocation_stats().alloc - before)

    few, many = (allocated(signals, 6) - allocated(signals, 1) for signals in (2, 40))
    assert 0 < many == few


def test_the_graph_is_acyclic_and_links_what_belongs_together() -> None:
    rng = np.random.default_rng(2)
    a, c = rng.normal(size=300), rng.normal(size=300)
    data = np.column_stack([a, a + 0.3 * rng.normal(size=300), c, c + 0.3 * rng.normal(size=300)])
    learned = fit((data - data.mean(0)) / data.std(0), np.random.default_rng(0))
    linked = np.abs(learned.adjacency) > 0.3
    assert learned.converged
    assert learned.acyclicity <= Schedule().tolerance
    assert (linked | linked.T)[0, 1]
    assert (linked | linked.T)[2, 3]
    assert not linked[:2, 2:].any()
    assert not linked[2:, :2].any()
