"""What the command line answers where a question is cut short, asks for all methods, or has nothing to run on."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import refusal, run
from typer.testing import CliRunner

from cluster.local import lifecycle
from cluster.local.smoke import study
from rca_tui.__main__ import app


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("answered", [0, 1])
def test_an_interrupted_diagnosis_shows_what_it_has_and_the_verdict_so_far(
    monkeypatch: pytest.MonkeyPatch, answered: int
) -> None:
    from methods.running import runner

    real = runner.run

    def interrupted(*arguments: object, **options: object) -> Iterator[runner.Result]:
        yield from list(real(arguments[0], ["nsigma"]))[:answered]
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run", interrupted)
    text = " ".join(run("diagnose", "drill-05", code=130).split())
    assert ("nsigma metric" in text) is bool(answered)
    assert "Verdict so far: replica-2" in text
    printed = json.loads(run("diagnose", "drill-05", "--json", code=130))
    assert printed["interrupted"] is True
    assert len(printed["results"]) == answered
    assert printed["verdict"]["components"][0]["component"] == "replica-2"


@pytest.mark.parametrize("name", ["5", "05", "drill-5", "drill5", "drill-005"])
def test_a_number_is_enough_to_be_told_the_name(name: str) -> None:
    assert refusal("diagnose", name).endswith("did you mean drill-05?\n")


@pytest.mark.slow
def test_the_consensus_is_explained_by_who_added_what(monkeypatch: pytest.MonkeyPatch) -> None:
    from methods import catalog

    kept = tuple(entry for entry in catalog.entries() if entry.name in ("baro", "nsigma", "dummy"))
    monkeypatch.setattr(catalog, "entries", lambda: kept)
    text = run("explain", "drill-05", "--method", "consensus")
    assert "2 of 2 methods that ranked blame replica-2 first" in text
    assert "Each method's part of that lead" in text
    printed = json.loads(run("explain", "drill-05", "--method", "consensus", "--json"))
    assert printed["components"][0]["component"] == "replica-2"
    assert set(printed["explanation"]["contributions"]) == {"baro", "nsigma"}


def test_a_dry_run_without_a_deployment_plans_on_paper() -> None:
    asked = ("drill", "cpu-stress", "--target", "replica-1", "--param", "workers=8", "--dry-run")
    text = " ".join(run(*asked).split())
    assert "on paper, for no deployment is up: cpu-stress on replica-1 for 60 s, workers 8, load 100" in text
    assert "should show: " in text
    printed = json.loads(run(*asked, "--json"))
    assert printed["parameters"] == {"workers": 8, "load": 100}
    assert printed["effects"][0]["component"] == "replica-1"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("cpu-stress", "--target", "replica-9"), "targets: head, replica-0"),
        (("cpu-stress", "--target", "replica-1", "--param", "workers=99"), "workers"),
        (("cpu-stress", "--target", "replica-1", "--seconds", "1e9"), "a fault lasts"),
    ],
)
def test_what_cannot_be_planned_is_refused(arguments: tuple[str, ...], says: str) -> None:
    assert says in refusal("drill", *arguments, "--dry-run")


@pytest.mark.parametrize(
    ("command", "blocks", "said"),
    [
        (("up",), (lifecycle, "up"), "the deployment that was starting is removed again"),
        (("smoke", "--replicas", "1", "--rates", "1"), (study, "run"), "run it again to go on"),
    ],
)
def test_a_start_that_is_told_to_end_removes_what_it_has_started(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: tuple[str, ...],
    blocks: tuple[object, str],
    said: str,
) -> None:
    removed: list[bool] = []

    def start(*_: object, **__: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
        finally:
            removed.append(True)

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(*blocks, start)
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # so that the test outlives a command that does not listen
    try:
        result = CliRunner().invoke(app, command)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (result.exit_code, removed) == (130, [True])
    assert said in " ".join(result.stderr.split())
