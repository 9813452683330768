"""The clock is set, the disk is full, the memory is out: nothing is left, and nothing that was on disk is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_deployment import wait_for
from fake_fault import UNDO
from killed_app import App

from faults import recover
from faults.journal import journals
from faults.states import State
from tests.bench import hardships
from tests.bench.hardships import PAGE, Clock

pytestmark = pytest.mark.slow

HOUR = 3600
MEMORY = 256 << 20


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = App(tmp_path)
    yield app
    app.close()


def needs(missing: str) -> None:
    if missing:
        pytest.skip(missing)


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_a_clock_that_is_set_ends_the_fault_and_is_told(app: App, tmp_path: Path, ahead: int) -> None:
    needs(hardships.no_clock())
    clock = Clock.build(tmp_path)
    app.start("ACTIVE", environment=clock.environment)
    clock.set(ahead)
    said = app.end()
    (why,) = (line for line in said if line.startswith("ended: "))
    way = "forward" if ahead > 0 else "back"
    assert why.startswith(f"ended: the clock of this machine was set {way} by "), why
    assert app.state() is State.RECOVERED
    assert not app.stressors()


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_the_watchdog_sees_a_death_also_by_a_clock_that_is_set(app: App, tmp_path: Path, ahead: int) -> None:
    needs(hardships.no_clock())
    clock = Clock.build(tmp_path)
    app.start("ACTIVE", environment=clock.environment)
    clock.set(ahead)
    assert app.state() is State.ACTIVE
    app.kill()
    assert wait_for(lambda: app.state() is State.RECOVERED), app.journal.read()
    assert "the process that injected is dead" in [step.detail for step in app.journal.read().steps]
    assert not app.stressors()


def test_out_of_memory_kills_the_app_and_not_the_promise(app: App) -> None:
    needs(hardships.no_memory_limit())
    with hardships.memory_limit(MEMORY) as enter:
        app.start("ACTIVE", enter=enter)
        assert app.end("eat") == []
        assert app.process.returncode == -9, "by the kernel"
        assert wait_for(lambda: app.state() is State.RECOVERED), app.journal.read()
        assert not app.stressors()


@pytest.mark.timeout(600)
def test_a_full_disk_refuses_at_the_plan_and_undoes_at_every_later_step(app: App) -> None:
    needs(hardships.no_small_disk())
    folder = app.folder / "journal"
    app.start("PLANNED", seconds=1)
    app.end()
    header, *steps = [len(line) + 1 for line in app.journal.path.read_bytes().splitlines()]
    shutil.rmtree(folder)
    with hardships.small_disk(folder, 1):
        hardships.fill(folder)
        with pytest.raises(AssertionError, match=r"cannot write the journal .*No space left"):
            app.start("PLANNED")
        assert not journals(folder)
    for number in range(len(steps)):
        with hardships.small_disk(folder, 1):
            room = header + sum(steps[:number]) + steps[number] // 2  # the disk is full in the middle of this step
            app.start("PLANNED", seconds=1, instance="x" * (len("first") + PAGE - room))
            said = app.end()
            assert not app.stressors(), (number, said)
            before = app.journal.read()
            assert len(before.steps) == 1 + number, (number, said, before.steps)
            assert before.pending
            hardships.grow(folder, 8)
            undone = recover.recover(folder=folder, undo=UNDO)
            # On a slow machine the watchdog, whose deadline has passed, may have been first: then there is none.
            assert all((one.state, one.clean) == (State.RECOVERED, True) for one in undone)
            assert wait_for(lambda: app.state() is State.RECOVERED)
            assert app.journal.read().steps[: 1 + number] == before.steps
            assert wait_for(lambda: not app.watchdogs())
