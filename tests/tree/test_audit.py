"""What `make audit` says, with a tool that answers as pip-audit does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import audit

VULNERABLE = {"name": "jinja2", "version": "2.4.1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.8.1"]}]}
SKIPPED = {"name": "jinja2", "skip_reason": "not found on PyPI"}
FINE = {"name": "rich", "version": "14.0", "vulns": []}


def tool(folder: Path, probe: object, lock: object) -> str:
    path = folder / "pip-audit"
    path.write_text(
        f"#!/bin/sh\ncase \"$2\" in *probe.txt) echo '{json.dumps(probe)}';; *) echo '{json.dumps(lock)}';; esac\n"
    )
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("probe", "lock", "code", "says"),
    [
        ([VULNERABLE], [FINE], 0, "1 of 1 packages were looked up"),
        ([VULNERABLE], [FINE, VULNERABLE], 1, "jinja2 2.4.1: PYSEC-1, mended in 2.8.1"),
        ([VULNERABLE], [], 1, "0 of 0"),
        ([SKIPPED], [FINE], 0, "cannot be reached from here"),
    ],
)
def test_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], probe: object, lock: object, code: int, says: str
) -> None:
    file = tmp_path / "constraints.txt"
    file.write_text("rich==14.0\n")
    given = tool(tmp_path, {"dependencies": probe}, {"dependencies": lock})
    assert audit.main(given, file) == code
    assert says in capsys.readouterr().out


def test_old_pins_fail_where_nothing_else_can_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "age_of", lambda _: 61.0)
    assert audit.main(tool(tmp_path, {}, {}), tmp_path / "constraints.txt") == 1
