"""The document of a debrief: the order of its timeline, the units of its evidence, its words for one and for none."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic

from cluster.display import Grid, Line
from cluster.incident.truth import Truth
from cluster.window import Window
from faults import scenario_library
from faults.effects import Landing, Measured
from faults.score import score
from faults.types import Direction, Role
from rca_tui.drill import document
from rca_tui.drill.debrief import Debrief, _footprint
from rca_tui.game import Game, Guess

SCENARIO = scenario_library.find("night-shift")[1]
END = synthetic.ONSET + 50.0


def debrief(hints: int, sure: float = 0.9) -> Debrief:
    """Of a drill whose hints and guess came at one time, the end of the recording."""
    game = Game("x", scenario=SCENARIO).begin(0.0).page(END, 100.0)
    for _ in range(hints):
        game = game.hint(END)
    game = game.commit(Guess(("head",), "", sure), END, 130.0)
    truth = Truth(("head",), "cpu-stress", synthetic.ONSET)
    costs = [hint.costs for hint in game.hints]
    scored = score(("head",), "", sure, truth, seconds=30.0, limit=game.limit, hints=costs)
    latency = Measured(Role.TARGET, "head", "latency_p90", Direction.UP, 2.0, 0.58, 23.2, None, Landing.LANDED)
    unknown = replace(latency, signal="no_such_signal", before=None, during=3.0)
    return Debrief(
        game,
        game.guess or Guess((), "", 0.0),
        truth,
        scored,
        synthetic.incident(),
        (latency, unknown),
        (),
        Window(0.0, 240.0),
    )


def rows(shown: Debrief, column: str) -> list[tuple[object, ...]]:
    (grid,) = (b for b in document.document(shown) if isinstance(b, Grid) and column in b.columns)
    return [tuple(row) for row in grid.rows]


def test_what_happened_at_one_time_is_in_its_order() -> None:
    told = [str(row[-1]) for row in rows(debrief(hints=2), "offset")]
    hints = [hint.text for hint in SCENARIO.hints[:2]]
    assert [each.partition(" points: ")[2] for each in told if each.startswith("hint")] == hints
    assert told[-1] == "your guess: head"
    assert told.index("the page") < len(told) - 3


def test_of_two_faults_at_once_both_are_told() -> None:
    shown = debrief(hints=0)
    both = {"fault": "kv-pressure", "other": "network-delay"}
    truth = Truth(("replica-1", "head"), "two-at-once", synthetic.ONSET, parameters=both)
    told = [str(row[-1]) for row in rows(replace(shown, truth=truth), "offset")]
    assert "injected: two-at-once on replica-1, head (fault kv-pressure, other network-delay)" in told


def test_the_recording_is_named_with_its_own_time_once_all_is_told() -> None:
    sentences = [block.text for block in document.document(replace(debrief(0), later=99.0)) if isinstance(block, Line)]
    (told,) = (sentence for sentence in sentences if sentence.startswith("You played x"))
    assert "recorded on 1970-01-01 from 00:00:00 to 00:04:00 UTC" in told


def test_evidence_has_the_unit_of_its_signal() -> None:
    latency, unknown = rows(debrief(hints=0), "before")
    assert latency[2:4] == ("580 ms", "23.2 s")
    assert unknown[2:4] == (None, "3")


@pytest.mark.parametrize(("hints", "lost"), [(0, "no points lost"), (1, f"-{SCENARIO.hints[0].costs:g} points")])
def test_hints_cost_points_only_where_one_was_opened(hints: int, lost: str) -> None:
    assert rows(debrief(hints), "truth")[-1][-1] == lost


@pytest.mark.parametrize(("sure", "said"), [(0.9, "90 %"), (0.99, "99 %"), (0.9995, "99.95 %"), (0.57, "57 %")])
def test_how_sure_has_the_digits_that_were_given(sure: float, said: str) -> None:
    assert rows(debrief(0, sure), "truth")[2][1] == said


@pytest.mark.parametrize("seconds", [1, 5, 15])
def test_a_recording_has_evidence_however_often_it_was_sampled(seconds: int) -> None:
    whole = synthetic.incident()
    few = replace(whole.telemetry, metrics=whole.telemetry.metrics.iloc[3::seconds])
    truth = Truth(("replica-1",), "cpu-stress", synthetic.ONSET, synthetic.ONSET + 60, {"workers": 8}, "replica-1")
    measured = _footprint(replace(whole, telemetry=few), truth)
    found = {(one.component, one.signal): one.landing for one in measured if not one.source}
    assert found["replica-1", "latency_p90"] is Landing.LANDED


def test_one_method_is_not_several() -> None:
    lines = [b.text for b in document.document(replace(debrief(0), waiting=1)) if isinstance(b, Line)]
    assert "1 method has not answered yet on what you saw …" in lines
    assert document.methods(30) == "30 methods"
