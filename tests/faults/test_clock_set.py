"""A drill in which the machine's wall clock is set: by this process's own, which a test sets."""

from __future__ import annotations

import time

import pytest
from fake_drills import Drills

from faults import clock
from faults.clock import Moment
from faults.engine import _end_of
from faults.journal import Step
from faults.states import Phase, State

HOUR = 3600.0


class Wall:
    """The wall clock of this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead, real = 0.0, time.time
        monkeypatch.setattr(time, "time", lambda: real() + self.ahead)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


def test_small_steps_are_no_news(wall: Wall) -> None:
    begun = time.time(), clock.now()
    assert clock.set_since(*begun) == ""
    wall.ahead = clock.STEP - 1
    assert clock.set_since(*begun) == ""
    wall.ahead = HOUR + 0.2
    assert clock.set_since(*begun) == "the clock of this machine was set forward by 60 min"
    wall.ahead = -HOUR - 0.2
    assert clock.set_since(*begun) == "the clock of this machine was set back by 60 min"


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_in_the_baseline_it_begins_again(drills: Drills, wall: Wall, ahead: float) -> None:
    def step_once() -> bool:
        wall.ahead = ahead if drills.said else 0.0
        return False

    report = drills.run(save=drills.folder / "x.zip", cancelled=step_once)
    assert report.whole
    assert report.saved


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
@pytest.mark.parametrize("phase", [Phase.ACTIVE, Phase.AFTERMATH])
def test_later_it_ends_the_drill_and_nothing_is_saved(drills: Drills, wall: Wall, phase: Phase, ahead: float) -> None:
    def step_once() -> bool:
        wall.ahead = ahead if phase in {progress.phase for progress in drills.said} else 0.0
        return False

    report = drills.run(save=drills.folder / "x.zip", seconds=4.0, cancelled=step_once)
    assert "the clock of this machine was set" in report.aborted
    assert (report.state, report.clean, report.saved) == (State.RECOVERED, True, None)
    assert not (drills.folder / "x.zip").exists()
    assert not drills.fault.backend.injected


@pytest.mark.parametrize("ahead", [-HOUR, 0.0, HOUR])
def test_a_recovery_is_as_old_as_it_is_whatever_the_clock_shows(wall: Wall, ahead: float) -> None:
    step = Step(State.RECOVERED, time.time() - 10, Moment(clock.now().seconds - 10), "", {})
    wall.ahead = ahead
    assert time.time() - _end_of(step) == pytest.approx(10, abs=1)


def test_a_recovery_of_an_earlier_boot_is_dated_by_the_wall_clock() -> None:
    later = Moment(clock.now().seconds + 1e6)
    assert time.time() - _end_of(Step(State.RECOVERED, time.time() - 10, later, "", {})) == pytest.approx(10, abs=1)
    assert _end_of(Step(State.RECOVERED, time.time() + 10, later, "", {})) == float("-inf"), "no clock knows when"
