"""`--context` before the command and after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import refusal, run
from typer.testing import CliRunner

from cluster.deployment import DeploymentError
from rca_tui.__main__ import app, in_cluster

SERVES = ["listen", "mcp", "serve"]
"""Commands that connect when they are asked: `test_listen`, `test_mcp` and `test_serve` have their tests."""
SHOWS_FIRST = ["campaign"]
"""A command that prints its plan before it connects: tested below."""
COMMANDS: dict[str, tuple[str, ...]] = {
    "check": (),
    "diagnose": ("--seconds", "60"),
    "doctor": (),
    "drill": ("cpu-stress", "--target", "replica-1", "--yes"),
    "faults": (),
    "record": (),
    "status": (),
    "triage": (),
    "workshop": ("slow-link", "--live", "--yes"),
}


@pytest.fixture(autouse=True)
def connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The contexts that a command connects to; no cluster answers."""
    from cluster.kubernetes import doctor
    from cluster.kubernetes.deployment import KubernetesDeployment

    contexts: list[str | None] = []

    def connect(context: str | None = None) -> None:
        contexts.append(context)
        raise DeploymentError("the cluster does not answer")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(KubernetesDeployment, "connect", connect)
    monkeypatch.setattr(doctor, "Examination", connect)
    return contexts


def test_every_command_that_takes_a_context_is_tested_here() -> None:
    assert in_cluster() == sorted([*COMMANDS, *SERVES, *SHOWS_FIRST])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_context_is_accepted_on_both_sides(command: str, connections: list[str | None]) -> None:
    arguments = COMMANDS[command]
    assert "does not answer" in refusal("--context", "prod", command, *arguments)
    assert "does not answer" in refusal(command, *arguments, "--context", "prod")
    assert "does not answer" in refusal("--context", "prod", command, "--context", "prod", *arguments)
    assert connections == ["prod"] * 3
    assert "--context NAME" in run(command, "--help")


@pytest.mark.parametrize(
    "arguments",
    [("--context", "prod", "campaign", "short", "--yes"), ("campaign", "short", "--yes", "--context", "prod")],
    ids=["before", "after"],
)
def test_a_campaign_shows_its_plan_and_connects_to_the_context(
    arguments: tuple[str, ...], connections: list[str | None]
) -> None:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith("the cluster does not answer")
    assert connections == ["prod"]


@pytest.mark.parametrize("command", COMMANDS)
def test_two_different_contexts_are_refused_in_one_sentence(command: str, connections: list[str | None]) -> None:
    sentence = refusal("--context", "prod", command, "--context", "staging", *COMMANDS[command])
    assert "'prod'" in sentence and "'staging'" in sentence and "give it once" in sentence
    assert connections == []


def test_a_command_that_is_not_for_a_cluster_says_which_ones_are() -> None:
    sentence = refusal("--context", "prod", "incidents")
    assert all(command in sentence for command in COMMANDS)


def test_one_command_does_not_inherit_the_context_of_another(connections: list[str | None]) -> None:
    refusal("status", "--context", "prod")
    run("status", code=1)
    assert connections == ["prod"]


def test_doctor_counts_apart_what_only_drills_need(monkeypatch: pytest.MonkeyPatch) -> None:
    from cluster.kubernetes import doctor

    fix = "ask an administrator"

    class Examination:
        missing, samples = frozenset[str](), ()

        def __init__(self, context: str | None) -> None:
            assert context == "prod"

        def checks(self) -> Iterator[doctor.Check]:
            yield doctor.Check(doctor.Part.TELEMETRY, "metrics", doctor.Verdict.PASS, "there")
            for name in ("pods/exec", "jobs"):
                yield doctor.Check(doctor.Part.DRILL, name, doctor.Verdict.FAIL, "refused", fix)

        def close(self) -> None:
            pass

    monkeypatch.setattr(doctor, "Examination", Examination)
    printed = run("doctor", "--context", "prod")
    assert "– pods/exec: refused" in printed and "– jobs: refused" in printed and "✗" not in printed
    assert printed.count(fix) == 1
    assert "2 of 3 checks fail that only drills need" in printed
    assert printed.strip().endswith("all checks that telemetry needs pass")
