"""Rank-biased overlap: bounds, ties, and what chance gives, against drawing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from methods.answer.overlap import by_chance, overlap, places
from methods.answer.ranking import Places, by_components
from methods.answer.types import Explanation, Ranking, Step

WHY = Explanation((Step("A step", "A claim."),))
CANDIDATES = ("a", "b", "c", "d")


def ranked(*order: str | tuple[str, ...]) -> Places:
    scores = {c: -float(i) for i, group in enumerate(order) for c in group}
    found = by_components(scores, WHY)
    assert isinstance(found, Ranking)
    return places(found.components)


def test_equal_rankings_agree_wholly_with_ties_or_without() -> None:
    for order in (ranked("a", "b", "c", "d"), ranked("a", ("b", "c"), "d"), ranked("a"), ranked(CANDIDATES)):
        assert overlap(order, order, CANDIDATES) == pytest.approx(1.0)


def test_the_first_places_count_most() -> None:
    truth = ranked("a", "b", "c", "d")
    late, early = ranked("a", "b", "d", "c"), ranked("b", "a", "c", "d")
    assert 1.0 > overlap(truth, late, CANDIDATES) > overlap(truth, early, CANDIDATES)
    assert overlap(truth, early, CANDIDATES) == pytest.approx(overlap(early, truth, CANDIDATES))


def test_chance_is_the_mean_over_all_orders() -> None:
    truth = ranked("a", "b", "c", "d")
    drawn = [overlap(truth, ranked(*order), CANDIDATES) for order in itertools.permutations(CANDIDATES)]
    assert by_chance(4) == pytest.approx(np.mean(drawn))


def test_the_unranked_tie_at_the_end() -> None:
    assert overlap(ranked("a"), ranked("a", ("b", "c", "d")), CANDIDATES) == pytest.approx(1.0)
