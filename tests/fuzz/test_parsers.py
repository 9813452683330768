"""Mutated inputs of every parser: one sentence, or a value. `make fuzz` reads more of them, and reports."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest

from cluster.errors import RcaError
from tests.fuzz.mutate import mutants
from tests.fuzz.parsers import Parser
from tests.fuzz.table import PARSERS

EACH = 60  # 2,220 in all


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_a_mutated_input_is_refused_in_one_sentence_or_read(
    parser: Parser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    rng = random.Random(parser.name)
    for number, content in enumerate(islice(mutants(parser.valid(tmp_path), rng), EACH)):
        try:
            parser.read(tmp_path, content)
        except parser.allowed as error:
            assert isinstance(error, RcaError) or str(error)
            assert "\n" not in str(error) and "\x1b" not in str(error), f"{number}: {error}"


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_the_valid_input_is_read(parser: Parser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    parser.read(tmp_path, parser.valid(tmp_path))
