from __future__ import annotations

import numpy as np
import pytest

from methods.telemetry.deviation import mean_and_deviation, median_and_range


def test_the_range_of_a_mostly_constant_signal_is_that_of_a_normal_of_its_deviation() -> None:
    column = np.array([[0.0]] * 9 + [[10.0]])
    median, spread = median_and_range(column)
    assert median.tolist() == [0.0]
    assert spread == pytest.approx([1.349 * 3.0])


def test_quartiles_match_numpy_and_gaps_are_left_out() -> None:
    column = np.array([[1.0], [np.nan], [2.0], [4.0], [8.0]])
    median, spread = median_and_range(column)
    assert median == pytest.approx([3.0])
    assert spread == pytest.approx([5.0 - 1.75])
    mean, deviation = mean_and_deviation(column)
    assert mean == pytest.approx([3.75])
    assert deviation == pytest.approx([np.std([1.0, 2.0, 4.0, 8.0])])


def test_a_column_without_samples_has_no_baseline() -> None:
    column = np.full((3, 1), np.nan)
    assert np.isnan(median_and_range(column)[0]).all()
    assert np.isnan(mean_and_deviation(column)[0]).all()
