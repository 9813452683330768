from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cluster.local import programs
from cluster.local.layout import RunDir
from cluster.local.programs import Program, Programs
from cluster.local.supervisor import bound_logs

pytestmark = pytest.mark.slow


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setattr(programs, "_FIRST_DELAY", 0.01)
    return Programs(tmp_path)


def python(name: str, code: str, once: bool = False) -> Program:
    return Program(name, (sys.executable, "-c", code), once=once)


def tend_until(running: Programs, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        running.tend()
        time.sleep(0.01)


@pytest.mark.slow
def test_what_dies_is_started_again_and_its_last_words_are_kept(running: Programs) -> None:
    running.start(python("a program", "print('first'); print('no luck'); raise SystemExit(3)"))
    tend_until(running, lambda: running.restarts("a program") >= 2)
    assert running.last_line("a program") == "no luck"


@pytest.mark.slow
def test_what_dies_while_a_command_is_awaited_is_started_again(running: Programs, tmp_path: Path) -> None:
    """A Ray node that ends while the model is deployed: the deployment waits for it."""
    file = f"import pathlib, time; p = pathlib.Path({str(tmp_path)!r}, 'n'); n = lambda: len(p.read_text())\n"
    running.start(python("node", file + "p.write_text('x' * (n() + 1 if p.exists() else 1))"))
    wait = file + "while not p.exists() or n() < 2: time.sleep(.01)"
    assert running.run(python("deploy", wait + "\nraise SystemExit(7)"), 30) == 7
    assert running.restarts("node") >= 1


@pytest.mark.slow
def test_what_runs_once_is_started_again_only_until_it_succeeds(running: Programs, tmp_path: Path) -> None:
    code = f"import pathlib; p = pathlib.Path({str(tmp_path / 'n')!r}); n = len(p.read_text()) if p.exists() else 0;"
    running.start(python("deploy", code + "p.write_text('x' * (n + 1)); raise SystemExit(n < 2)", once=True))
    tend_until(running, lambda: not running.states())
    assert (tmp_path / "n").read_text() == "xxx"


def test_a_program_can_be_told_to_start_again(running: Programs) -> None:
    running.start(python("p", "import time; time.sleep(1000)"))
    assert running.dead() == []
    running.restart("p")
    tend_until(running, lambda: running.restarts("p") == 1)
    state = running.states()["p"]
    assert state["alive"]
    running.restart("p")


def test_a_log_that_grew_too_large_is_cut(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.pod("gateway").mkdir()
    run.access_log.write_bytes(b"x" * 100)
    run.spans("gateway").write_bytes(b"x" * 5)
    bound_logs(run, largest=50)
    assert run.access_log.stat().st_size == 0
    assert run.spans("gateway").stat().st_size == 5


def test_what_a_program_left_when_it_was_killed_does_not_outlive_it(running: Programs, tmp_path: Path) -> None:
    code = f"import os, pathlib, time; pathlib.Path({str(tmp_path)!r}, str(os.fork() or os.getpid())).touch(); "
    running.start(python("p", code + "time.sleep(1000)"))

    def children() -> list[int]:
        own = running.states()["p"]["pid"]
        return [int(path.name) for path in tmp_path.iterdir() if path.name.isdigit() and int(path.name) != own]

    tend_until(running, lambda: bool(children()))
    (child,) = children()
    running.restart("p")
    tend_until(running, lambda: running.restarts("p") == 1)
    tend_until(running, lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie")
    running.restart("p")
