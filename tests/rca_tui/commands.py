"""Running `rca-tui` commands in this process."""

from __future__ import annotations

from typing import Any

from typer.testing import CliRunner

from rca_tui.__main__ import app


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
