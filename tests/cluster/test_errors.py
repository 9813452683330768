from __future__ import annotations

import importlib
import pickle

import pytest

from cluster.errors import RcaError

NAMED = [
    ("cluster.deployment", "DeploymentError"),
    ("cluster.incident.container", "IncidentError"),
    ("cluster.kubernetes.api", "ApiError"),
    ("cluster.local.supervisor", "StartError"),
    ("faults.errors", "FaultError"),
    ("faults.steady", "NotSteady"),
    ("guidelines.catalog", "UnknownCheck"),
    ("methods.catalog", "UnknownMethod"),
    ("methods.telemetry.sli", "NoSli"),
    ("methods.evaluation.cases", "CaseError"),
    ("methods.running.ray_engine", "NoRay"),
    ("rca_tui.bindings", "KeymapError"),
    ("rca_tui.commands.errors", "BadInput"),
]


@pytest.mark.parametrize(("module", "name"), NAMED)
def test_every_error_for_a_person_has_the_one_root(module: str, name: str) -> None:
    assert issubclass(getattr(importlib.import_module(module), name), RcaError)


def test_it_says_what_happened_and_what_to_do_and_keeps_the_command_apart() -> None:
    error = RcaError("the fault is STUCK", "run this as root", "tc qdisc del dev eth0 root")

    assert str(error) == "the fault is STUCK: run this as root"
    assert (error.what, error.advice, error.command) == (
        "the fault is STUCK",
        "run this as root",
        "tc qdisc del dev eth0 root",
    )
    assert str(RcaError("nothing runs")) == "nothing runs"


def test_it_comes_whole_out_of_another_process() -> None:
    error = pickle.loads(pickle.dumps(RcaError("what", "advice", "command")))

    assert (str(error), error.what, error.advice, error.command) == ("what: advice", "what", "advice", "command")
