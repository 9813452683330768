"""Whether the process that injects still lives, told without anything of Linux."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from faults import clock, watchdog
from faults.journal import Header, Journal
from faults.owner import TICKS, TOLERANCE, Owner
from faults.states import State


def test_this_process_is_alive() -> None:
    own = Owner.current()
    assert own is not None
    assert own.pid == os.getpid()
    assert own.alive()


def test_it_is_named_as_journals_have_always_named_it() -> None:
    from cluster.local.processes import start_time

    own, ticks = Owner.current(), start_time(os.getpid())
    assert own is not None and ticks is not None
    assert abs(own.started - ticks) <= TOLERANCE


def test_another_process_of_the_same_pid_is_not_the_owner() -> None:
    own = Owner.current()
    assert own is not None
    assert Owner(own.pid, own.started + TOLERANCE).alive()
    assert not Owner(own.pid, own.started + TOLERANCE + 1).alive()
    assert not Owner(own.pid, own.started - TOLERANCE - 1).alive()


def test_a_process_that_ended_is_dead_also_while_it_is_a_zombie() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    process = psutil.Process(child.pid)
    owner = Owner(child.pid, round(TICKS * (process.create_time() - psutil.boot_time())))
    assert owner.alive()
    child.kill()
    while process.status() != psutil.STATUS_ZOMBIE:
        pass
    assert not owner.alive()
    child.wait()
    assert not owner.alive()


def test_a_system_that_does_not_show_the_process_has_no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "boot_time", lambda: (_ for _ in ()).throw(RuntimeError("no btime")))
    assert Owner.current() is None


@pytest.mark.parametrize("step", [-7200.0, -5.0, 5.0, 7200.0])
def test_a_wall_clock_that_is_set_while_it_looks_makes_nobody_dead(
    monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    own, boot = Owner.current(), psutil.boot_time()
    assert own is not None
    created = boot + own.started / TICKS
    for first in range(1, 4):  # the clock is set just before that read of it
        ahead = (step if read >= first else 0.0 for read in itertools.count(1))
        monkeypatch.setattr(psutil, "boot_time", lambda ahead=ahead: boot + next(ahead))
        monkeypatch.setattr(psutil.Process, "create_time", lambda process, ahead=ahead: created + next(ahead))
        assert own.alive()


@pytest.mark.parametrize("step", [-7200.0, -5.0, 5.0, 7200.0])
def test_a_watchdog_takes_no_set_wall_clock_for_a_reboot_or_a_death(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: float
) -> None:
    """On macOS the start of a process stays at the time of day that it had, while the boot moves with the clock."""
    monkeypatch.setattr(os, "getppid", os.getpid)
    journal = Journal.create(_header(Owner.current()), tmp_path)
    journal.advance(State.ARMED, data={"deadline": clock.now().after(10).seconds})
    real = psutil.boot_time()
    monkeypatch.setattr(psutil, "boot_time", lambda: real + step)
    assert watchdog._why_now(journal.read()) == ""


def test_a_process_whose_parent_has_ended_has_another_one() -> None:
    """The rule that a watchdog relies on."""
    grandchild = "import os, time; time.sleep(0.3); print(os.getppid(), flush=True)"
    program = (
        f"import os, subprocess, sys; subprocess.Popen([sys.executable, '-c', {grandchild!r}]); print(os.getpid())"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert len(said) == 2
    assert said[0] != said[1]


def _header(owner: Owner | None) -> Header:
    assert owner is not None
    pair = (owner.pid, owner.started)
    injection = "20261128T000000-00000000"
    plan = {"injection": injection}
    return Header(injection, "fake", "f", "first", "fake-fault", "head", plan, 10.0, pair, {})
