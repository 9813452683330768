"""What goes wrong in the middle of a workshop: the disk is full, a score cannot be kept, a name is another's."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_workshop import COMPONENTS, PAGE, RIGHT, WRONG, Clock, workshop

from faults.scoreboard import Result, ScoreError
from rca_tui.room.lesson import Refusal, Stage
from rca_tui.room.rounds import ANY, Recorded


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_stops_no_workshop() -> None:
    clock = Clock()
    played = workshop(Path("/dev/full"), clock)
    ada = played.join("Ada")
    assert "the session's file cannot be written: No space left on device" in played.problem
    played.start()
    clock.now = PAGE
    played.hint(ada)
    played.commit(ada, RIGHT)
    played.reveal()
    assert played.stage is Stage.REVEALED
    assert "No space left" in played.problem


def test_a_score_that_cannot_be_kept_hides_no_other() -> None:
    clock = Clock()
    played = workshop(clock=clock)
    kept: list[str] = []

    def keep(result: Result) -> None:
        if result.player == "Ada":
            raise ScoreError("the score cannot be written")
        kept.append(result.player)

    played.keep, played.asked = keep, lambda *_: kept.append("methods")
    ada, bob = played.join("Ada"), played.join("Bob")
    played.start()
    clock.now = PAGE
    played.commit(ada, RIGHT)
    played.commit(bob, WRONG)
    played.reveal()
    assert kept == ["Bob", "methods"]
    assert "cannot be written" in played.problem
    assert [row["score"] is not None for row in played.board()] == [True, True]


@pytest.mark.parametrize("name", ["a" * 250, "one\udcff"])
def test_any_name_of_a_file_has_a_score(name: str) -> None:
    clock = Clock()
    played = workshop(clock=clock)
    kept: list[Result] = []
    played.keep = kept.append
    played.rounds = (Recorded(name, ANY, name, COMPONENTS, played.rounds[0].truth, PAGE, 1.0),)  # type: ignore[arg-type]
    ada = played.join("Ada")
    played.start()
    clock.now = PAGE
    played.commit(ada, RIGHT)
    played.reveal()
    assert [result.player for result in kept] == ["Ada"]


@pytest.mark.parametrize(
    "name", ["ADA", "Ada\ufe0f", "A\u0301da", "Ad\u0332\u0301a", "A\u034fda", "Ada\u3164", "\uff21da", " Ada "]
)
def test_a_name_that_looks_like_anothers_is_taken(name: str) -> None:
    played = workshop()
    played.join("Ada")
    with pytest.raises(Refusal, match="is taken"):
        played.join(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("かな", "がな"),
        ("はた", "ぱた"),
        ("กี", "กู"),
        ("Иван", "Йван"),
        ("ا", "أ"),
        ("कि", "कु"),
        ("שׁ", "שׂ"),
    ],
)
def test_marks_that_make_another_letter_make_another_name(one: str, other: str) -> None:
    played = workshop()
    played.join(one)
    played.join(other)
    assert len(played.players) == 2


@pytest.mark.parametrize("name", ["がな\ufe0f", "か\u3099な", "が\u20ddな", "が\U000e0100な", "が\u034fな"])
def test_a_name_that_is_the_same_in_other_characters_is_taken(name: str) -> None:
    played = workshop()
    played.join("がな")
    with pytest.raises(Refusal, match="is taken"):
        played.join(name)
