"""`rca-tui status` over a made-up deployment in trouble."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import synthetic
from commands import held
from typer.testing import CliRunner

from cluster.deployment import DeploymentError
from cluster.local import lifecycle
from cluster.window import Window
from rca_tui.__main__ import app
from rca_tui.commands import connection

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
    answer = held("status", run("--json").stdout)
    assert answer["components"][0]["component"] == "replica-1"
    assert answer["components"][0]["health"]["state"] == "trouble"
    assert {c["health"]["state"] for c in answer["components"][2:]} == {"normal"}


def test_a_deployment_that_has_just_started_is_compared_with_peers_and_the_wait_is_said(
    deployment: synthetic.Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = deployment.samples
    began = DURING - 10.0
    monkeypatch.setattr(deployment, "samples", lambda window, step: whole(Window(began, window.end), step))
    answer = held("status", run("--json").stdout)
    sentences = {c["component"]: c["health"]["sentence"] for c in answer["components"]}
    assert ", its peers " in sentences["replica-1"]
    assert sentences["replica-2"] == "as its peers; its own normal is known in 23 s"


def test_what_up_prints_has_its_shape(deployment: synthetic.Live, monkeypatch: pytest.MonkeyPatch) -> None:
    state = SimpleNamespace(
        gateway_url="http://127.0.0.1:1", prometheus_url="http://127.0.0.1:2", engine="llamacpp",
        serving=("head", "replica-1"), phases={"Ray": 3.0},
    )  # fmt: skip
    monkeypatch.setattr(lifecycle, "up", lambda options, say, plan: state)
    result = CliRunner().invoke(app, ["up", "--replicas", "2", "--json"])
    assert result.exit_code == 0, result.output
    assert held("up", result.stdout)["replicas"] == 2


def test_health_that_cannot_be_read_is_no_health(deployment: synthetic.Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> Any:
        raise DeploymentError("Prometheus does not answer")

    monkeypatch.setattr(deployment, "samples", refused)
    result = run("--json")
    assert "health is not known: Prometheus does not answer" in result.stderr
    assert {c["health"] for c in json.loads(result.stdout)["components"]} == {None}
