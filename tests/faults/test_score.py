from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from cluster.incident.truth import NO_FAULT, Truth
from faults.score import score

ONE = Truth(("replica-1",), "cpu-stress", 0.0)
TWO = Truth(("replica-1", "replica-2"), "two-at-once", 0.0, parameters={"fault": "freeze", "other": "network-delay"})
NOBODY = Truth((), "load-surge", 0.0)


@pytest.mark.parametrize(
    ("truth", "named", "fault", "sure", "seconds", "hints", "points"),
    [
        (ONE, ["replica-1"], "cpu-stress", 1.0, 0.0, [], 100.0),
        (ONE, ["replica-1"], "cpu-stress", 1.0, 300.0, [], 85.0),
        (ONE, ["replica-1"], "freeze", 1.0, 9999.0, [10], 55.0),
        (ONE, ["replica-2"], "cpu-stress", 1.0, 0.0, [], 20.0),  # certain and wrong
        (ONE, ["replica-2"], "", 0.0, 0.0, [], 15.0),
        (ONE, ["replica-2"], "", 1.0, 0.0, [50], 0.0),  # never below 0
        (TWO, ["replica-1"], "freeze", 0.5, 300.0, [], 64.6),  # F1 2/3, and either kind counts
        (NOBODY, [], "load-surge", 1.0, 150.0, [], 92.5),
        (NOBODY, ["gateway"], "load-surge", 1.0, 0.0, [], 20.0),
        (Truth((), NO_FAULT, 0.0), [], NO_FAULT, 1.0, 0.0, [], 100.0),
    ],
)
def test_points(
    truth: Truth, named: list[str], fault: str, sure: float, seconds: float, hints: list[float], points: float
) -> None:
    assert score(named, fault, sure, truth, seconds=seconds, limit=300.0, hints=hints).points == points


def test_being_sure_pays_exactly_as_often_as_one_is_right() -> None:
    """A Brier score is proper: the expected points are highest for the true probability."""

    def expected(sure: float, true: float) -> float:
        right = score(["replica-1"], "", sure, ONE, seconds=0, limit=1).brier
        wrong = score(["replica-2"], "", sure, ONE, seconds=0, limit=1).brier
        return true * right + (1 - true) * wrong

    assert min((expected(sure / 10, 0.7), sure) for sure in range(11))[1] == 7


@pytest.mark.parametrize("bad", [{"sure": 1.5}, {"sure": float("nan")}, {"seconds": -1.0}, {"limit": 0.0}])
def test_what_is_no_probability_or_time_is_refused(bad: dict[str, float]) -> None:
    values = {"sure": 0.5, "seconds": 1.0, "limit": 10.0} | bad
    with pytest.raises(ValueError, match="a probability and two times"):
        score([], "", values["sure"], ONE, seconds=values["seconds"], limit=values["limit"])


def test_the_page_gives_what_the_function_gives() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "score.md"
    assert doctest.testfile(str(page), module_relative=False).failed == 0
