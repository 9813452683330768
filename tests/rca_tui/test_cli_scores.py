"""`rca-tui scores`: what is in the scoreboard, for people, programs and spreadsheets."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cluster import paths
from cluster.incident.truth import Truth
from faults import scoreboard
from faults.score import score
from rca_tui.__main__ import app


@pytest.fixture
def _played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    truth = Truth(("replica-1",), "crash", 0.0)
    for time, player in enumerate(("Ada", "=HYPERLINK(1)")):
        scored = score(["replica-1"], "crash", 0.9, truth, seconds=30.0, limit=300.0)
        drill = {"time": time, "scenario": "cut-off", "player": player, "components": ["replica-1"], "fault": "crash"}
        drill |= {"sure": 0.9, "score": scored, "verdict": 1.0, "methods": {"baro": 0.5}, "guessing": 0.05}
        scoreboard.add(scoreboard.Result.model_validate(drill))


def printed(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["scores", *arguments])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.output


def test_scenarios_have_their_replays_and_a_bad_file_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    paths.scenarios().mkdir(parents=True)
    (paths.scenarios() / "mine.yaml").write_text("title: Mine\ndifficulty: 9\n")
    text = CliRunner().invoke(app, ["scenarios"]).stdout
    assert "unreadable, see below" in text and "line 2, field difficulty: must be at most 5" in " ".join(text.split())
    listed = {one["name"]: one for one in json.loads(CliRunner().invoke(app, ["scenarios", "--json"]).stdout)}
    assert listed["mine"]["title"] is None and "field difficulty" in listed["mine"]["problem"]
    assert 1 <= listed["cold-replica"]["replays"] < listed["cut-off"]["replays"]


def test_without_a_drill_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert "no scores yet" in printed()


@pytest.mark.usefixtures("_played")
def test_people_see_players_and_methods() -> None:
    text = printed()
    assert "Ada" in text and "baro" in text and "98.3" in text


@pytest.mark.usefixtures("_played")
def test_programs_get_each_drill_and_the_comparison() -> None:
    answer = json.loads(printed("--json"))
    assert [drill["player"] for drill in answer["drills"]] == ["Ada", "=HYPERLINK(1)"]
    assert {one["name"]: one["ac1"] for one in answer["compared"]} == {"verdict": 1.0, "baro": 0.5, "guessing": 0.05}


@pytest.mark.usefixtures("_played")
def test_a_spreadsheet_runs_nothing() -> None:
    rows = list(csv.DictReader(printed("--format", "csv").splitlines()))
    assert [row["player"] for row in rows] == ["Ada", "'=HYPERLINK(1)"]
    assert rows[0]["method baro"] == "0.5" and rows[0]["points"] == "98.3"


def test_two_formats_are_one_too_many() -> None:
    assert "choose one" in printed("--json", "--format", "csv", code=2)
