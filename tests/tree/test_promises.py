"""The promises of SECURITY.md: each names a test that holds it, and that test is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[str]:
    lines = (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("|")][2:]


@pytest.mark.parametrize("row", rows())
def test_a_promise_is_held_by_a_test(row: str) -> None:
    named = _TEST.findall(row)
    assert named
    for file, test in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        assert test in {node.name for node in tree.body if isinstance(node, kinds)}, f"{file} has no {test}"


def test_there_are_promises() -> None:
    assert len(rows()) > 15
