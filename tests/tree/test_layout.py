"""Where files stand: a folder that a newcomer opens shows its catalogue, and the catalogue names what is there."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from faults import catalog as faults
from faults.types import Fault
from guidelines import catalog as guidelines
from methods import catalog as methods
from methods.answer.types import Method

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "cluster": {"endpoints", "imports", "incident", "kubernetes", "local", "prometheus", "text"},
    "faults": {"endpoints", "kubernetes", "local", "recording", "requests", "scenarios"},
    "guidelines": {"checks", "measured"},
    "methods": {"answer", "evaluation", "graph", "peers", "running", "telemetry", "verdict"},
    "rca_tui": {
        *("commands", "draw", "drill", "listen", "mcp"),
        *("notebook", "play", "report", "room", "screens", "widgets", "work"),
    },
}
LONGEST = 400  # lines


def modules(folder: str) -> set[str]:
    return {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("room", FOLDERS)
def test_a_room_has_these_folders(room: str) -> None:
    found = {path.name for path in (ROOT / room).iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert found == FOLDERS[room]


def test_methods_shows_its_methods() -> None:
    assert modules("methods") == {row.name for row in methods.everything()} | {"catalog"}


@pytest.mark.parametrize("deployment", ["local", "kubernetes", "endpoints"])
def test_each_deployment_shows_its_faults(deployment: str) -> None:
    assert modules(f"faults/{deployment}") == {e.module for e in faults.entries() if deployment in e.deployments}


def test_checks_shows_its_checks() -> None:
    assert modules("guidelines/checks") == {name.replace("-", "_") for name in guidelines.names()}


@pytest.mark.parametrize("row", methods.everything(), ids=lambda row: row.name)
def test_the_class_of_a_method_is_there(row: methods.Entry) -> None:
    method = getattr(importlib.import_module(row.module), row.class_name)
    assert issubclass(method, Method)
    assert (method.name, method.family.value) == (row.name, row.family)


@pytest.mark.parametrize(
    ("row", "deployment"),
    [pytest.param(row, at, id=f"{row.name}-{at}") for row in faults.entries() for at in row.deployments],
)
def test_the_class_of_a_fault_is_there(row: faults.Entry, deployment: str) -> None:
    fault = getattr(importlib.import_module(f"faults.{deployment}.{row.module}"), row.class_name)
    assert issubclass(fault, Fault)
    assert fault.name == row.name
    assert deployment in fault.deployments


def test_no_file_is_long() -> None:
    lines = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n")
        for top in (*FOLDERS, "tests")
        for path in (ROOT / top).rglob("*.py")
    }
    assert {path: count for path, count in lines.items() if count > LONGEST} == {}


def test_no_two_test_files_have_one_name() -> None:
    """pytest collects them as one module, and then neither."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
