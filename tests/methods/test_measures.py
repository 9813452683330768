"""Measures of names and probabilities, by hand-made answers."""

from __future__ import annotations

import pytest

from methods.evaluation.measures import calibration, set_score


@pytest.mark.parametrize(
    ("named", "true", "expected"),
    [
        (["a"], ["a"], 1.0),
        (["a", "b"], ["a", "b"], 1.0),
        (["a", "b"], ["a"], 2 / 3),
        (["a"], ["a", "b"], 0.0),
        (["b"], ["a"], 0.0),
        ([], ["a"], 0.0),
        ([], [], 1.0),
        (["a"], [], 0.0),
    ],
)
def test_a_set_is_scored_by_precision_once_it_holds_every_cause(named, true, expected) -> None:
    assert set_score(named, true) == pytest.approx(expected)


def test_calibration_compares_probabilities_with_shares() -> None:
    found = calibration([(0.95, True), (0.95, True), (0.95, True), (0.95, False), (0.25, True), (0.25, False)])
    assert [(b.count, b.probability, b.right) for b in found.bins] == [
        (2, pytest.approx(0.25), 0.5),
        (4, pytest.approx(0.95), 0.75),
    ]
    assert found.error == pytest.approx((2 * 0.25 + 4 * 0.2) / 6)
    assert calibration([(1.0, True)]).error == 0.0
    assert calibration([]).error == 0.0
