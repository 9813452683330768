"""What documents, docstrings and messages name exists: files, modules, commands, Makefile targets, tests."""

from __future__ import annotations

from pathlib import Path

import mentions
import pytest
from mentions import Mention


def complaints(path: Path) -> list[str]:
    found = mentions.in_document(path) if path.suffix == ".md" else mentions.in_source(path)
    return [f"{mention.text}: {complaint}" for mention in found if (complaint := mentions.complaint(mention))]


@pytest.mark.parametrize("path", mentions.documents(), ids=lambda path: str(path.relative_to(mentions.ROOT)))
def test_what_a_document_names_exists(path: Path) -> None:
    assert complaints(path) == []


def test_what_docstrings_and_messages_name_exists() -> None:
    found = {str(path.relative_to(mentions.ROOT)): complaints(path) for path in mentions.sources()}
    assert {path: texts for path, texts in found.items() if texts} == {}


@pytest.mark.parametrize(
    "text",
    [
        "tests/guidelines/test_contract.py",
        "tests/tree/test_mentions.py::test_that_is_not_there",
        "docs/no-such-page.md",
        "methods/no_such_method.py",
        "methods.no_such_module",
        "methods.catalog.no_such_name",
        "cluster.incident.model.Incident.no_such_field",
        "python -m methods.no_such_program",
        "make no-such-target",
        "rca-tui no-such-command",
        "rca-tui diagnose drill-01 --no-such-option",
        "rca-tui --context prod diagnose --no-such-option",
    ],
)
def test_what_does_not_exist_is_noticed(text: str) -> None:
    assert mentions.complaint(Mention("README.md", text)) != ""


@pytest.mark.parametrize(
    "text",
    [
        "tests/tree/test_mentions.py",
        "tests/tree/test_mentions.py::test_what_a_document_names_exists",
        "methods/<name>.py",
        "methods.catalog.load",
        "cluster.incident.model.Incident.onset",
        "python -m tests.bench",
        "make run    # and then some words",
        "rca-tui diagnose drill-01 --method baro --json | jq .",
        "rca-tui --context prod doctor",
        "a phrase, and no name at all",
    ],
)
def test_what_exists_is_passed(text: str) -> None:
    assert mentions.complaint(Mention("README.md", text)) == ""
