"""An error that a person can cause or repair is shown the same way on every face."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import synthetic
import typer
from driving import app_over, running, until, visible
from typer.testing import CliRunner

from cluster.deployment import DeploymentError
from cluster.errors import RcaError
from methods.catalog import UnknownMethod
from methods.telemetry.sli import NoSli
from rca_tui.commands.errors import Guarded
from rca_tui.screens.dialogs import Notice
from rca_tui.work.threads import in_thread

TREE = Path(__file__).parents[2]
WHAT, ADVICE, COMMAND = "[red]it[/] is broken", "repair it \x1b]52;c;aGk=\x07", "kubectl delete " + "x" * 600


def error_classes() -> list[type[RcaError]]:
    """Every subclass of the root, wherever it is defined in the tree."""
    definitions = list(_definitions())
    names = {"RcaError"}
    while more := {name for name, bases, _ in definitions if bases & names} - names:
        names |= more
    return [getattr(importlib.import_module(module), name) for name, bases, module in definitions if bases & names]


def _definitions() -> Iterator[tuple[str, set[str], str]]:
    for room in ("cluster", "faults", "methods", "guidelines", "rca_tui"):
        for path in sorted((TREE / room).rglob("*.py")):
            module = ".".join(path.relative_to(TREE).with_suffix("").parts)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    yield node.name, {base.id for base in node.bases if isinstance(base, ast.Name)}, module


def broken(kind: type[RcaError]) -> RcaError:
    """An error of this class with all that the root can hold, however the class itself is called."""
    error = kind.__new__(kind)
    RcaError.__init__(error, WHAT, ADVICE, COMMAND)
    return error


@pytest.mark.slow
def test_the_tree_is_searched() -> None:
    names = {kind.__name__ for kind in error_classes()}
    assert {"DeploymentError", "IncidentError", "FaultError", "InjectionFailed", "UnknownMethod", "NoSli"} <= names


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_a_command_ends_with_one_sentence_and_code_2(kind: type[RcaError]) -> None:
    app = typer.Typer(cls=Guarded, pretty_exceptions_enable=False)

    @app.callback(invoke_without_command=True)
    def start() -> None:
        raise broken(kind)

    result = CliRunner().invoke(app)
    assert (result.exit_code, result.stdout) == (2, "")
    sentence, command = result.stderr.splitlines()
    assert sentence.startswith("rca-tui: [red]it[/] is broken: repair it ") and "\x1b" not in sentence
    assert command == f"run: {COMMAND}"


def test_a_defect_keeps_its_traceback() -> None:
    app = typer.Typer(cls=Guarded, pretty_exceptions_enable=False)

    @app.callback(invoke_without_command=True)
    def start() -> None:
        raise KeyError("a bug")

    assert isinstance(CliRunner().invoke(app).exception, KeyError)


@pytest.mark.usefixtures("steady", "no_estimate")
@pytest.mark.parametrize("kind", [UnknownMethod, NoSli, DeploymentError], ids=lambda kind: kind.__name__)
async def test_the_app_shows_the_sentence_and_the_command_and_goes_on(kind: type[RcaError]) -> None:
    app = app_over(synthetic.Live())

    def fail() -> None:
        raise broken(kind)

    async with running(app, (120, 40)) as pilot:
        app.run_worker(fail, **in_thread("diagnosis"))
        await until(pilot, lambda: isinstance(app.screen, Notice))
        shown = visible(pilot)
        assert "diagnosis failed" in shown
        assert "[red]it[/] is broken: repair it" in shown and kind.__name__ not in shown
        assert "Run: kubectl delete" in shown and shown.count("x" * 20) > 20
        assert not any(character in shown for character in "\x1b\x07")
        await pilot.press("escape", "2")
        assert app.current_mode == "telemetry"


@pytest.mark.usefixtures("steady", "no_estimate")
async def test_the_app_names_the_type_of_a_defect() -> None:
    app = app_over(synthetic.Live())

    def fail() -> None:
        raise KeyError("a bug")

    async with running(app, (120, 40)) as pilot:
        app.run_worker(fail, **in_thread("diagnosis"))
        await until(pilot, lambda: isinstance(app.screen, Notice))
        assert "KeyError: 'a bug'" in visible(pilot)


def test_a_notebook_panel_shows_the_sentence_and_the_command() -> None:
    panels = pytest.importorskip("rca_tui.notebook.panel")

    def fail(*_: object) -> None:
        raise broken(NoSli)

    text = repr(panels.Panel({}, fail).wait())
    assert (
        "is broken: repair it" in text and "NoSli" not in text and "x" * 600 in text.replace("\n", "").replace(" ", "")
    )
