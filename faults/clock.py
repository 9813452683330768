"""A clock that nobody can set: seconds since this boot."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

from cluster.text.times import span

STEP = 5.0
"""Seconds: to set the clock by less is what keeping it exact does, and moves no sample out of its phase."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant on the clock of this boot, which runs on through suspend and ignores changes of the wall clock."""

    seconds: float

    def after(self, seconds: float) -> Moment:
        return Moment(self.seconds + seconds)

    def remaining(self) -> float:
        """Seconds until then, negative when it is past."""
        return self.seconds - now().seconds


def now() -> Moment:
    return Moment(time.clock_gettime(_CLOCK))


def set_since(wall: float, moment: Moment) -> str:
    """Says by how much the wall clock was set since it showed `wall` at that moment; "" for less than `STEP`.

    A drill in which that happens is worth nothing: its samples cannot be told apart by their times.
    """
    seconds = (time.time() - wall) - (now().seconds - moment.seconds)
    if abs(seconds) < STEP:
        return ""
    return f"the clock of this machine was set {'forward' if seconds > 0 else 'back'} by {span(abs(seconds))}"


def boot() -> str:
    """When this boot was, in unix seconds as the wall clock has them now: for people, since that clock may be set."""
    try:
        return f"{psutil.boot_time():.0f}"
    except (OSError, RuntimeError):
        return "unknown"


# Linux alone has CLOCK_BOOTTIME; on macOS the monotonic clock counts through suspend as well.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
