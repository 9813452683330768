"""Every command with `--json` prints what its reference page says: docs/hooks/shapes, and nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from rca_tui.__main__ import app

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs" / "hooks"))

import command_line  # noqa: E402
import shapes  # noqa: E402

NOT_RUN = {"up", "load", "smoke", "campaign", "drill", "record", "import", "listen"}
"""Commands that need more than a saved incident: other tests here hold those shapes."""
SLOW = {"report", "contrast", "evaluate", "ablate"}


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.chdir(tmp_path)
    return


def answer(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == code, result.output + repr(result.exception)
    return json.loads(result.stdout)


def held(command: str, printed: Any, which: int = 0) -> None:
    """Each document is of the command's shape: no key is missing, and none is not documented."""
    documents = printed if isinstance(printed, list) else [printed]
    for document in documents:
        shapes.SHAPES[command][which].model_validate(document)


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(run, marks=[pytest.mark.slow] if run[0] in SLOW else [], id=run[0])
        for run in command_line.RUNS
        if run[0] not in shapes.GRAFANAS
    ],
)
def test_an_answer_has_the_shape_that_its_page_shows(run: tuple[str, ...]) -> None:
    held(run[0], answer(*run, code=1 if run[0] == "status" else 0))


def test_every_command_with_json_has_a_shape() -> None:
    group: Any = get_command(app)
    asked = {name for name, command in group.commands.items() if any("--json" in p.opts for p in command.params)}
    assert asked == {*shapes.SHAPES, *shapes.GRAFANAS}
    assert {run[0] for run in command_line.RUNS} | NOT_RUN == asked


def test_the_causes_are_shown_in_the_shape_too() -> None:
    held("incidents", answer("incidents", "--reveal"))


def test_a_plan_on_paper_has_its_shape() -> None:
    held("drill", answer("drill", "cpu-stress", "--target", "replica-1", "--dry-run"), 3)


def test_scores_of_a_drill_have_their_shape() -> None:
    from cluster.incident.truth import Truth
    from faults import scoreboard
    from faults.score import score

    scored = score(["head"], "", 0.9, Truth(("head",), "crash", 0.0), seconds=3.0, limit=9.0)
    drill = {"time": 1.0, "scenario": "x", "player": "Ada", "components": ["head"], "sure": 0.9, "score": scored}
    scoreboard.add(scoreboard.Result.model_validate(drill | {"methods": {"baro": 1.0}}))
    held("scores", answer("scores"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["diagnose", "nowhere"], "there is no incident"),
        (["diagnose", "drill-05", "--onset", "soon"], "is no time"),
        (["explain", "drill-05"], "--method"),
        (["methods", "--xml"], "--xml"),
        (["nonsense"], "nonsense"),
        (["--nonsense", "methods"], "--nonsense"),
        (["drill", "cpu-stress", "--target", "head"], "--yes"),
        (["record", "x.zip"], "no deployment"),
    ],
)
def test_an_error_is_a_document_as_well(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    shapes.Error.model_validate(document)
    assert says in document["error"]
    assert says in result.stderr


def test_old_keys_are_marked_on_the_page_and_have_their_successor() -> None:
    recording = answer("replay", "drill-05")
    assert recording["name"] == recording["incident"] == "drill-05"
    assert recording["start"] == recording["window"]["start"]
    assert all(part["id"] == part["component"] for part in recording["components"])
    assert "old: use `incident`; goes" in shapes.Recording.model_json_schema()["properties"]["name"]["description"]
