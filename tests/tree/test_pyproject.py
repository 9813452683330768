"""What pyproject.toml and the hooks say is true of the code."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = ("rca_tui", "cluster", "faults", "methods", "guidelines")


def imported() -> set[str]:
    """Top-level names that the packages import."""
    found = set()
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found


def test_mypy_makes_exceptions_for_imported_packages_alone() -> None:
    named = {name.split(".")[0] for override in PYPROJECT["tool"]["mypy"]["overrides"] for name in override["module"]}
    assert named - imported() == set()


def test_the_hooks_check_what_make_lint_checks() -> None:
    pytest.importorskip("pre_commit.clientlib").load_config(str(ROOT / ".pre-commit-config.yaml"))
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = {
        hook["entry"].removeprefix(".venv/bin/").replace(" --force-exclude", "") for hook in config["repos"][0]["hooks"]
    }
    (recipe,) = re.findall(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    lint = recipe.replace("$(BIN)/", "").replace("$(PACKAGES)", " ".join(PACKAGES)).replace(" .\n", "\n")
    assert hooks == {line.strip() for line in lint.splitlines()}
