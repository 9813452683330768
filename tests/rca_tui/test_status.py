"""`rca-tui status` over a made-up deployment in trouble."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import synthetic
from typer.testing import CliRunner

from cluster.deployment import DeploymentError
from rca_tui.__main__ import app
from rca_tui.commands import connection

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "hooks"))
import shapes

DURING = synthetic.ONSET + 30


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> synthetic.Live:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    hurt = synthetic.Live()
    hurt.age = 0.0
    monkeypatch.setattr(connection, "connect", lambda context: hurt)
    monkeypatch.setattr("rca_tui.commands.deployment.time.time", lambda: DURING)
    return hurt


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["status", "--context", "prod", *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_the_component_in_trouble_is_first_with_what_changed(deployment: synthetic.Live) -> None:
    rows = run().stdout.splitlines()
    worst = next(row for row in rows if "replica" in row)
    assert "replica-1" in worst and "trouble" in worst and "latency p90" in worst


def test_health_is_in_json(deployment: synthetic.Live) -> None:
    answer = json.loads(run("--json").stdout)
    shapes.SHAPES["status"][0].model_validate(answer)
    assert answer["components"][0]["component"] == "replica-1"
    assert answer["components"][0]["health"]["state"] == "trouble"
    assert {c["health"]["state"] for c in answer["components"][2:]} == {"normal"}


def test_health_that_cannot_be_read_is_no_health(deployment: synthetic.Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> Any:
        raise DeploymentError("Prometheus does not answer")

    monkeypatch.setattr(deployment, "samples", refused)
    result = run("--json")
    assert "health is not known: Prometheus does not answer" in result.stderr
    assert {c["health"] for c in json.loads(result.stdout)["components"]} == {None}
