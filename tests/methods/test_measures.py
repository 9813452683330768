"""Measures of names, paths and probabilities, by hand-made answers."""

from __future__ import annotations

import pytest

from cluster.topology import Component, Kind, Topology, calls
from methods.evaluation.measures import calibration, path_is_right, set_score

TOPOLOGY = Topology(
    (Component("g", Kind.GATEWAY), Component("a", Kind.REPLICA), Component("b", Kind.REPLICA)),
    calls("g", ("a", "b")),
    "g",
)


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


@pytest.mark.parametrize(
    ("hops", "true", "right"),
    [
        ([("a", "g")], ["a"], True),
        ([("b", "g")], ["a"], False),
        ([], ["a"], False),
        ([("a", "b")], ["a"], False),
        ([("a", "g"), ("b", "g")], ["a"], False),
        ([("a", "g"), ("b", "g")], ["a", "b"], True),
        ([("a", "g"), ("g", "b")], ["a"], True),
        ([], ["g"], True),
        ([("g", "a")], ["g"], True),
        ([], [], True),
        ([("a", "g")], [], False),
    ],
)
def test_a_path_leads_from_every_cause_to_the_front_door(hops, true, right) -> None:
    assert path_is_right(hops, true, TOPOLOGY) is right


def test_calibration_compares_probabilities_with_shares() -> None:
    found = calibration([(0.95, True), (0.95, True), (0.95, True), (0.95, False), (0.25, True), (0.25, False)])
    assert [(b.count, b.probability, b.right) for b in found.bins] == [
        (2, pytest.approx(0.25), 0.5),
        (4, pytest.approx(0.95), 0.75),
    ]
    assert found.error == pytest.approx((2 * 0.25 + 4 * 0.2) / 6)
    assert calibration([(1.0, True)]).error == 0.0
    assert calibration([]).error == 0.0
