"""What the notebooks of a workshop are made of: a scenario that is played, and a session's file that is read."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the extra `notebooks` is not installed")

from books import FOLDER

from cluster.errors import RcaError
from rca_tui.notebook import Lesson, read_session, room

SESSION = FOLDER / "session.jsonl"


def test_a_session_has_a_row_for_each_guess() -> None:
    guesses = read_session(SESSION)
    assert len(guesses) == 3 * 8
    assert set(guesses["round"]) == {1, 2, 3}
    ours = guesses[guesses["right"]]
    assert (ours["precision"] == 1).all()
    assert ours["points"].min() > guesses[~guesses["right"]]["points"].max()


def test_calibration_and_time_count_every_guess_once() -> None:
    guesses = read_session(SESSION)
    calibration = room.calibration(guesses)
    assert calibration["guesses"].sum() == len(guesses)
    assert calibration["said"].is_monotonic_increasing
    spent = room.time_spent(guesses)
    assert spent["guesses"].sum() == len(guesses)
    assert (spent["fastest"] <= spent["median"]).all()
    assert "Brier" in room.calibration_picture(guesses).words
    assert room.time_picture(guesses).words


def test_a_cut_off_or_hostile_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    text = SESSION.read_text()
    cut = tmp_path / "cut.jsonl"
    first = next(line for line in text.splitlines() if '"reveal"' in line)
    event = json.loads(first)
    event["board"][0]["player"] = "\x1b[2JAda"
    huge = json.dumps({**event, "round": 10**9})
    cut.write_text("\n".join(("[" * 5000, huge, json.dumps(event), '{"event": "reveal", "round": 2, "boa')))
    guesses = read_session(cut)
    assert len(guesses) == 8
    assert not any("\x1b" in name for name in guesses["player"])


def test_any_text_and_any_number_of_drills_can_be_drawn(tmp_path: Path) -> None:
    event = json.loads(next(line for line in SESSION.read_text().splitlines() if '"reveal"' in line))
    event["truth"]["fault"] = r"$\frac{"
    event["board"][0]["score"]["seconds"] = 1e308
    event["board"][1]["score"]["hints"] = 1e308
    many = tmp_path / "many.jsonl"
    many.write_text("\n".join(json.dumps({**event, "round": number}) for number in range(1, 200)))
    guesses = read_session(many)
    assert len(guesses) == room.MOST_DRILLS * 6
    few = guesses[guesses["round"] == 1]
    assert room.time_picture(few).png.startswith(b"\x89PNG")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RcaError, match="it is no file"):
        read_session(tmp_path / "pipe")


def test_a_file_without_a_guess_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(RcaError, match="cannot be read"):
        read_session(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text('{"event": "join", "player": "Ada"}\n')
    with pytest.raises(RcaError, match="no revealed drill"):
        read_session(tmp_path / "empty.jsonl")


@pytest.mark.slow
def test_a_lesson_shows_what_had_arrived_and_takes_one_guess(capsys: pytest.CaptureFixture[str]) -> None:
    lesson = Lesson("slow-link")
    assert "PAGE, " in lesson.brief
    early, late = lesson.arrived(10), lesson.arrived(40)
    assert late.window.end - early.window.end == pytest.approx(30, abs=2)
    assert "costs" in lesson.hint()
    with pytest.raises(RcaError, match="no component nonsense"):
        lesson.guess(["nonsense"])
    with pytest.raises(RcaError, match="no guess"):
        lesson.guess([], sure=2.0)
    assert "It was" not in capsys.readouterr().out
    score = lesson.guess(["replica-1"], sure=0.5, seconds=60)
    assert score.hints > 0
    assert re.search(r"It was (network-\w+|bandwidth) on ", capsys.readouterr().out)
    with pytest.raises(RcaError, match="final"):
        lesson.guess(["replica-1"])
