"""Running `rca-tui` commands in this process."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from rca_tui.__main__ import app

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs" / "hooks"))

import shapes


def held(command: str, printed: str, which: int = 0) -> Any:
    """The printed document, which has the shape that the command's reference page shows."""
    document = json.loads(printed)
    shapes.SHAPES[command][which].model_validate(document)
    return document


def run(*arguments: str, code: int = 0, **options: Any) -> str:
    """Standard output of one command that must end with this exit code and must not print a traceback."""
    result = CliRunner().invoke(app, list(arguments), **options)
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.stdout


def refusal(*arguments: str) -> str:
    """Standard error of a command that must refuse with one sentence."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 2, result.output + repr(result.exception)
    assert bool(result.stdout) == ("--json" in arguments)
    assert result.stderr.startswith("rca-tui: ")
    assert result.stderr.count("\n") == 1
    return result.stderr
