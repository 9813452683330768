from __future__ import annotations

from pathlib import Path

import pytest

from cluster.incident.truth import Truth
from faults import scoreboard
from faults.score import score
from faults.scoreboard import Result, ScoreError


def result(**values: object) -> Result:
    points = score(["replica-1"], "", 0.8, Truth(("replica-1",), "crash", 0.0), seconds=30.0, limit=300.0)
    usual = {"time": 1.0, "scenario": "cut-off", "player": "Ada", "sure": 0.8, "score": points}
    return Result.model_validate(usual | values)


def test_each_scenario_and_player_has_a_file(tmp_path: Path) -> None:
    paths = {scoreboard.add(result(player=name, scenario=on), tmp_path) for name in ("Ada", "Bo") for on in ("a", "b")}
    assert len(paths) == 4
    assert scoreboard.add(result(player="Ada", scenario="a", time=2.0), tmp_path) in paths
    assert [one.time for one in scoreboard.results(tmp_path)] == [1.0] * 4 + [2.0]


def test_a_line_that_a_crash_cut_off_hides_no_other(tmp_path: Path) -> None:
    path = scoreboard.add(result(), tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])
    assert len(scoreboard.results(tmp_path)) == 1
    scoreboard.add(result(time=2.0), tmp_path)
    assert [one.time for one in scoreboard.results(tmp_path)] == [1.0, 2.0]


def test_what_the_methods_said_later_is_added_to_the_same_drill(tmp_path: Path) -> None:
    for one in (result(), result(verdict=1.0, methods={"baro": 1.0}), result(player="Bo")):
        scoreboard.add(one, tmp_path)
    assert [(one.player, dict(one.methods)) for one in scoreboard.results(tmp_path)] == [
        ("Ada", {"baro": 1.0}),
        ("Bo", {}),
    ]


@pytest.mark.parametrize(
    "line", [b"{}", b"[" * 5000, b'{"time": NaN}', b"\xff\x00", b'{"points": 1e400}', b"null", b'{"player": "\x1b[2J"}']
)
def test_hostile_content_is_left_out(tmp_path: Path, line: bytes) -> None:
    path = scoreboard.add(result(), tmp_path)
    path.write_bytes(line + b"\n" + path.read_bytes())
    assert len(scoreboard.results(tmp_path)) == 1


def test_a_name_is_no_way_out_of_the_folder(tmp_path: Path) -> None:
    path = scoreboard.add(result(player="../../x", scenario=".."), tmp_path / "scores")
    assert path.resolve().is_relative_to(tmp_path / "scores")
    for name in ("", " ", "a\nb", "\x1b[2J", "x" * 41):
        with pytest.raises(ScoreError, match="player"):
            scoreboard.add(result(player=name or " "), tmp_path)


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "scores").write_text("a file")
    with pytest.raises(ScoreError, match="cannot be written"):
        scoreboard.add(result(), tmp_path / "scores")


def test_people_stand_beside_methods_on_the_same_drills() -> None:
    nobody = score([], "", 1.0, Truth((), "none", 0.0), seconds=1.0, limit=9.0)
    wrong = score(["head", "replica-1"], "", 0.5, Truth(("replica-1",), "crash", 0.0), seconds=9.0, limit=9.0)
    drills = [
        result(methods={"baro": 1.0, "rcd": 0.0}, guessing=0.1, verdict=1.0),
        result(methods={"baro": 0.0}, guessing=0.2, score=wrong, player="Bo"),
        result(score=nobody, verdict=1.0),  # nobody is at fault: methods are not asked
    ]
    compared = {one.name: (one.drills, one.ac1, one.people) for one in scoreboard.comparisons(drills)}
    assert compared == {
        "verdict": (1, 1.0, 1.0),
        "baro": (2, 0.5, 0.75),
        "guessing": (2, pytest.approx(0.15), 0.75),
        "rcd": (1, 0.0, 1.0),
    }
    first, second = scoreboard.standings(drills)
    assert (first.player, first.drills, first.right) == ("Ada", 2, 1.0)
    assert (second.player, second.points) == ("Bo", wrong.points)
