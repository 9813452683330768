"""Numbers at the end of what a float holds, drawn as any others."""

from __future__ import annotations

import numpy as np
import pytest

from rca_tui.axis import Axis
from rca_tui.draw.plot import value_range
from rca_tui.draw.timeline import _counts


@pytest.mark.parametrize("values", [[5e-324], [5e-324, 0.0], [1e-320, -1e-320], [0.0], [1e300, 1.0], [2.3e-308]])
def test_a_range_of_values_can_be_divided_by(values: list[float]) -> None:
    low, high = value_range(values, [])
    assert high > low and all(0.0 <= (high - value) / (high - low) <= 1.0 for value in values)


def test_times_of_a_window_shorter_than_floats_are_fine_are_counted() -> None:
    start = 1.7e9
    assert _counts(np.array([start, start + 1e-6, start + 1.0]), Axis(start, start + 1e-6), 289).sum() == 2


def test_times_are_counted_by_column() -> None:
    assert _counts(np.array([0.0, 1.0, 9.99, 10.0, -1.0, np.nan]), Axis(0.0, 10.0), 10).tolist() == [1, 1, *[0] * 7, 2]
