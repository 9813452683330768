"""Whether the process that injects still lives, told without anything of Linux."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from faults import clock
from faults.owner import TICKS, TOLERANCE, Owner


def test_this_process_is_alive() -> None:
    own = Owner.current()
    assert own is not None
    assert own.pid == os.getpid()
    assert own.alive()


def test_it_is_named_as_journals_have_always_named_it() -> None:
    from cluster.local.processes import start_time

    own, ticks = Owner.current(), start_time(os.getpid())
    assert own is not None and ticks is not None
    assert abs(own.started - ticks) <= TICKS


def test_another_process_of_the_same_pid_is_not_the_owner() -> None:
    own = Owner.current()
    assert own is not None
    assert Owner(own.pid, own.started + TOLERANCE // 2).alive()
    assert not Owner(own.pid, own.started + 2 * TOLERANCE).alive()
    assert not Owner(own.pid, own.started - 2 * TOLERANCE).alive()


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


def test_a_corrected_wall_clock_is_no_other_boot() -> None:
    moment = clock.now().after(100)
    boot = float(moment.boot)
    assert clock.Moment(moment.seconds, f"{boot + 2:.0f}").remaining() > 99
    assert clock.Moment(moment.seconds, f"{boot - 7200:.0f}").remaining() < 0
    assert clock.Moment(moment.seconds, "2c63b1f4-6c1b-4f1e-9d3c-0a8a34f3d2b1").remaining() < 0  # as Linux names it
