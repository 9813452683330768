"""A clock that nobody can set: seconds since this boot."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil


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


def boot() -> str:
    """When this boot was, in unix seconds as the wall clock has them now: for people, since that clock may be set."""
    try:
        return f"{psutil.boot_time():.0f}"
    except (OSError, RuntimeError):
        return "unknown"


# Linux alone has CLOCK_BOOTTIME; on macOS the monotonic clock counts through suspend as well.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
