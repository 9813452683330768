from __future__ import annotations

import numpy as np
import pytest

from methods.telemetry.deviation import NORMAL_RANGE, ROBUST, deviations, mean_and_deviation, median_and_range
from methods.telemetry.matrix import SignalMatrix


def matrix(*columns: list[float]) -> SignalMatrix:
    values = np.array(columns, dtype=np.float64).T
    return SignalMatrix(
        values, np.arange(len(values), dtype=np.float64), tuple((f"c{i}", "x") for i in range(len(columns)))
    )


def test_the_largest_deviation_of_a_baseline_is_three_standard_deviations_at_most() -> None:
    # Median 2 and IQR 1; the spike is 28 away.
    before = matrix([1.0, 2.0] * 20 + [30.0])
    found = deviations(before, matrix([58.5]), ROBUST)
    assert found.centre == pytest.approx([2.0])
    assert found.spread == pytest.approx([NORMAL_RANGE * 28.0 / 3])
    assert found.scores == pytest.approx([56.5 / (NORMAL_RANGE * 28.0 / 3)])


def test_quartiles_match_numpy_and_gaps_are_left_out() -> None:
    column = np.array([[1.0], [np.nan], [2.0], [4.0], [8.0]])
    median, spread = median_and_range(column)
    assert median == pytest.approx([3.0])
    assert spread == pytest.approx([5.0 - 1.75])
    mean, deviation = mean_and_deviation(column)
    assert mean == pytest.approx([3.75])
    assert deviation == pytest.approx([np.std([1.0, 2.0, 4.0, 8.0])])


def test_rounding_errors_are_no_spread() -> None:
    column = np.array([[2.0], [2.0 + 4e-16], [2.0], [2.0 + 9e-16], [2.0 + 9e-16]])
    assert median_and_range(column)[1] == [0.0]
    assert median_and_range(column * 1e-12)[1] == [0.0]
    assert median_and_range(np.array([[1e-9], [2e-9], [3e-9]]))[1] == pytest.approx([1e-9])


def test_a_column_without_samples_has_no_baseline() -> None:
    column = np.full((3, 1), np.nan)
    assert np.isnan(median_and_range(column)[0]).all()
    assert np.isnan(mean_and_deviation(column)[0]).all()
