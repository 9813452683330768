from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from cluster.window import Onset, OnsetSource
from methods.answer.ranking import by_components, by_signals
from methods.answer.types import ComponentScore, Explanation, NoRanking, Ranking, Step
from methods.telemetry.matrix import SignalMatrix, content_order, filled, halves, prepare

WHY = Explanation((Step("A step", "A claim."),))


def test_ties_share_the_smallest_rank_of_their_group() -> None:
    outcome = by_components({"d": 1.0, "b": 2.0, "c": 2.0, "a": 3.0}, WHY)
    assert isinstance(outcome, Ranking)
    assert [(c.component, c.rank) for c in outcome.components] == [("a", 1), ("b", 2), ("c", 2), ("d", 4)]


def test_a_component_is_as_suspect_as_its_worst_signal() -> None:
    outcome = by_signals({("a", "x"): 1.0, ("a", "y"): 5.0, ("b", "x"): 3.0}, WHY)
    assert isinstance(outcome, Ranking)
    assert [(c.component, c.score) for c in outcome.components] == [("a", 5.0), ("b", 3.0)]
    assert [s.signal for s in outcome.components[0].signals] == ["y", "x"]


def test_unscored_components_are_unranked_and_nothing_scored_is_no_ranking() -> None:
    outcome = by_signals({("a", "x"): math.nan, ("b", "x"): 1.0}, WHY)
    assert isinstance(outcome, Ranking)
    assert [c.component for c in outcome.components] == ["b"]
    assert isinstance(by_signals({("a", "x"): math.inf}, WHY), NoRanking)


def test_a_ranking_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="falling order"):
        Ranking((ComponentScore("a", 1.0, 1), ComponentScore("b", 2.0, 2)), WHY)


def test_column_order_follows_content_not_input() -> None:
    values = np.random.default_rng(0).normal(size=(5, 4))
    components = ["a", "b", "c", "d"]
    shuffled = [2, 0, 3, 1]
    straight = [components[i] for i in content_order(values, components)]
    other = [components[shuffled[i]] for i in content_order(values[:, shuffled], [components[i] for i in shuffled])]
    assert straight == other


def test_identical_columns_are_told_apart_by_their_component() -> None:
    # x and z carry the same first column; y's and w's differ.
    values = np.array([[1.0, 2.0, 1.0, 3.0], [1.0, 2.5, 1.0, 3.5]])
    a = content_order(values, ["x", "x", "z", "z"])
    b = content_order(values[:, [2, 3, 0, 1]], ["x", "x", "z", "z"])
    assert [values[0, i] for i in a] == [values[0, [2, 3, 0, 1]][i] for i in b]
    first_in_a = next(i for i in a if i in (0, 2))
    first_in_b = next([2, 3, 0, 1][i] for i in b if [2, 3, 0, 1][i] in (0, 2))
    assert first_in_a == first_in_b


def test_prepare_drops_empty_columns_and_keeps_constants(small_incident) -> None:
    telemetry = small_incident.telemetry
    metrics = telemetry.metrics.copy()
    metrics[("node", "cpu_usage")] = np.nan
    metrics[("node", "memory_used")] = 7.0
    changed = dataclasses.replace(small_incident, telemetry=dataclasses.replace(telemetry, metrics=metrics))
    matrix = prepare(changed)
    assert ("node", "cpu_usage") not in matrix.keys
    assert ("node", "memory_used") in matrix.keys
    assert ("node", "memory_used") not in matrix.varying().keys


def test_short_gaps_carry_the_last_value_long_ones_the_median() -> None:
    nan = math.nan
    column = np.array([[1.0], [nan], [nan], [nan], [5.0], [3.0]])
    values, heard = filled(column, np.arange(6.0), None, carry=2)
    assert values.ravel().tolist() == [1.0, 1.0, 1.0, 3.0, 5.0, 3.0]
    assert heard.tolist() == [True]


def test_gaps_take_no_value_from_the_other_side_of_the_onset() -> None:
    nan = math.nan
    values = np.array([[nan, 1.0, nan], [2.0, 1.0, nan], [4.0, nan, 5.0], [nan, nan, 5.0], [9.0, nan, 5.0]])
    onset = Onset(2.0, OnsetSource.OPERATOR)
    found, heard = filled(values, np.arange(5.0), onset, carry=1)
    # The second column fell silent at the onset, the third was silent until then: neither shows a change.
    assert heard.tolist() == [True, False, False]
    assert found.ravel().tolist() == [2.0, 2.0, 4.0, 4.0, 9.0]


def test_unique_groups_identical_columns() -> None:
    values = np.array([[1.0, 2.0, 1.0], [math.nan, 3.0, math.nan]])
    matrix = SignalMatrix(values, np.array([0.0, 1.0]), (("a", "x"), ("a", "y"), ("b", "x")))
    kept, groups = matrix.unique()
    assert kept.keys == (("a", "x"), ("a", "y"))
    assert groups == ((("a", "x"), ("b", "x")), (("a", "y"),))


def test_what_only_rounding_changes_does_not_vary() -> None:
    values = np.array([[0.3, 0.3, 1e308], [0.1 + 0.2, 0.3001, -1e308], [math.nan, 0.3, 0.0]])
    matrix = SignalMatrix(values, np.arange(3.0), (("a", "x"), ("a", "y"), ("a", "z")))
    assert matrix.varying().keys == (("a", "y"), ("a", "z"))


def test_standardized_survives_huge_values_and_constants() -> None:
    values = np.array([[1e200, 0.1], [3e200, 0.1], [2e200, 0.1]])
    matrix = SignalMatrix(values, np.arange(3.0), (("a", "x"), ("a", "y")))
    scaled = matrix.standardized()
    assert scaled[:, 0] == pytest.approx([-math.sqrt(1.5), math.sqrt(1.5), 0.0])
    assert scaled[:, 1].tolist() == [0.0, 0.0, 0.0]


def test_halves_split_at_the_onset_and_say_when_they_cannot(small_incident) -> None:
    matrix = prepare(small_incident)
    before, after = halves(matrix, small_incident.onset)
    assert before.times[-1] < small_incident.onset.time <= after.times[0]
    refusal = halves(matrix, None)
    assert isinstance(refusal, NoRanking)
    assert "onset" in refusal.detail


def test_the_first_place_is_blamed_unless_the_method_says_who_is() -> None:
    places = {"a": 2.0, "b": 1.0}
    said = {named: by_components(places, WHY, named=named) for named in (None, (), ("a", "b"))}
    blamed = {named: outcome.blamed for named, outcome in said.items() if isinstance(outcome, Ranking)}
    assert blamed == {None: ("a",), (): (), ("a", "b"): ("a", "b")}
    with pytest.raises(ValueError, match="must be ranked"):
        by_components(places, WHY, named=("c",))
