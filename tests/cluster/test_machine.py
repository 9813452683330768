"""What `doctor` says of this machine."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from cluster import machine
from cluster.kubernetes.doctor import Check, Part, Verdict


def named(name: str) -> Check:
    return next(check for check in machine.checks() if check.name == name)


def test_each_check_has_a_verdict_and_what_to_do_unless_it_passes() -> None:
    checks = list(machine.checks())
    assert len({check.name for check in checks}) == len(checks)
    for check in checks:
        assert check.found
        assert bool(check.fix) == (check.verdict is not Verdict.PASS), check
    assert named("Python").verdict is Verdict.PASS


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(metadata, "requires", lambda name: ["typer>=1", "no-such-thing", 'ray; extra == "local"'])
    check = named("packages")
    assert (check.verdict, check.found) == (Verdict.FAIL, "missing: no-such-thing")
    assert check.fix == "pip install no-such-thing"
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("cluster.local.preflight.search_path", lambda: str(tmp_path))
    programs = named("programs")
    assert programs.verdict is Verdict.FAIL
    assert "apt-get install" in programs.fix
    assert programs.part is Part.LOCAL


def test_elsewhere_than_linux_only_the_deployment_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.platform, "system", lambda: "Darwin")
    checks = list(machine.checks())
    assert [check.name for check in checks if check.part is Part.LOCAL] == ["system"]
    assert "replay" in checks[-1].fix


def test_a_terminal_without_utf_8_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ascii:
        encoding = "ascii"

        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(machine.sys, "stdout", Ascii())
    monkeypatch.setenv("TERM", "dumb")
    assert "LANG=C.UTF-8" in named("characters").fix
    assert named("colours").verdict is Verdict.FAIL
