"""Every example in a docstring gives the output that it shows (`pytest --doctest-modules FILE` runs one file's)."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from methods import catalog as methods

REQUIRES = {row.module: row.requires for row in methods.everything()}
ROOT = Path(__file__).parents[2]
ROOMS = ("cluster", "faults", "methods", "guidelines", "rca_tui")
FILES = sorted(file for room in ROOMS for file in (ROOT / room).rglob("*.py") if ">>> " in file.read_text("utf-8"))


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("name", [module_of(file) for file in FILES])
def test_the_examples_give_what_they_show(name: str) -> None:
    pytest.importorskip(REQUIRES.get(name) or "doctest")
    # NORMALIZE_WHITESPACE: output that is longer than a line is wrapped.
    tried = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried.attempted
    assert not tried.failed
