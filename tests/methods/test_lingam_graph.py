"""ICA-LiNGAM on models whose graph is known."""

from __future__ import annotations

import numpy as np
import pytest

from methods.graph.lingam import causal_order, fast_ica, ica_lingam


def chain(samples: int = 2000) -> np.ndarray:
    """Columns z, x, y of x -> y -> z (0.9, then -0.8) with uniform noise; standardised."""
    noise = np.random.default_rng(3).uniform(-1, 1, size=(samples, 3))
    x = noise[:, 0]
    y = 0.9 * x + noise[:, 1]
    z = -0.8 * y + noise[:, 2]
    values = np.column_stack([z, x, y])
    return (values - values.mean(axis=0)) / values.std(axis=0)


def test_a_chain_is_recovered_with_directions_and_sizes() -> None:
    values = chain()
    found = ica_lingam(values, np.random.default_rng(0))
    assert found.order == (1, 2, 0)
    assert {(int(i), int(j)) for j, i in zip(*np.nonzero(found.effects), strict=True)} == {(1, 2), (2, 0)}
    # With one cause, the standardised effect is the correlation.
    correlation = np.corrcoef(values.T)
    assert found.effects[2, 1] == pytest.approx(correlation[2, 1])
    assert found.effects[0, 2] == pytest.approx(correlation[0, 2])


def test_the_start_of_the_component_analysis_does_not_matter_here() -> None:
    first, other = (ica_lingam(chain(), np.random.default_rng(seed)) for seed in (1, 2))
    assert first.order == other.order
    np.testing.assert_allclose(first.effects, other.effects, atol=1e-9)


def test_components_are_separated() -> None:
    sources = np.random.default_rng(1).laplace(size=(3000, 3))
    mixed = sources @ np.array([[1, 0.5, 0.2], [0.3, 1, 0.4], [0.1, 0.6, 1]])
    mixed = (mixed - mixed.mean(axis=0)) / mixed.std(axis=0)
    unmixing, iterations = fast_ica(mixed, np.random.default_rng(0))
    alike = np.abs(np.corrcoef((mixed @ unmixing.T).T, sources.T)[:3, 3:])
    assert iterations < 1000
    assert sorted(np.argmax(alike, axis=1)) == [0, 1, 2]
    assert alike.max(axis=1).min() > 0.98


def test_the_order_is_read_off_a_shuffled_scaled_unmixing_matrix() -> None:
    # I - B for 2 -> 0 -> 1 with effects 0.5 and 0.7, rows shuffled and scaled.
    effects = np.zeros((3, 3))
    effects[0, 2], effects[1, 0] = 0.5, 0.7
    unmixing = np.array([[3.0], [-2.0], [0.5]]) * (np.eye(3) - effects)[[1, 2, 0]]
    assert causal_order(unmixing) == [2, 0, 1]


def test_a_combination_of_signals_is_set_aside() -> None:
    values = chain()
    total = values.sum(axis=1)
    wide = np.column_stack([values, total / total.std()])
    found = ica_lingam(wide, np.random.default_rng(0))
    assert len(found.left_out) == 1
    assert len(found.order) == 3


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="3 signals need at least 8 samples"):
        ica_lingam(chain()[:7], np.random.default_rng(0))
