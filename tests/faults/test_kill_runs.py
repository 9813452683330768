"""The kills that are drawn, carried out and reported, without a deployment to kill."""

from __future__ import annotations

from pathlib import Path

from tests.bench import kills
from tests.bench.killing import PODS, VICTIMS, Kill, Outcome
from tests.bench.victim import RECOVERING, STATES


def test_every_class_is_drawn_and_each_number_draws_the_same() -> None:
    drawn = [kills.drawn(number) for number in range(1000)]
    assert drawn[:50] == [kills.drawn(number) for number in range(50)]
    assert {kill.victim for kill in drawn[:17]} == set(VICTIMS)
    assert {kill.fault for kill in drawn[:45]} == set(kills.TARGETS)
    assert all(kill.state in (RECOVERING if kill.victim == "recovering" else STATES) for kill in drawn)
    assert all(kill.target in PODS for kill in drawn if kill.victim == "target")
    assert sum(kill.victim == "supervisor" for kill in drawn) < 30, "each takes minutes"


def test_it_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    state, carried = tmp_path / "build" / "kills.jsonl", []

    def carry(kill: Kill) -> Outcome:
        carried.append(kill)
        if len(carried) == 2:
            raise RuntimeError("the pod does not answer")
        return Outcome(len(carried) != 3, "a qdisc" if len(carried) == 4 else "")

    first = kills.go_on(state, 5, carry)
    for _ in range(3):
        next(first)
    with state.open("a") as file:
        file.write('{"number": 3, "cut')
    assert len(kills.done(state)) == 3
    *_, whole = kills.go_on(state, 5, carry)
    assert carried == [kills.drawn(number) for number in range(5)]
    assert kills.done(state) == whole
    page = kills.report(whole)
    assert "| all | 5 | 2 | 1 | 1 | 1 |" in page
    assert whole[0].commit and f"| {whole[0].commit}, {whole[0].date} | 5 | 2 | 1 | 1 | 1 |" in page
    assert "a qdisc" in page and "not carried out: " in page
