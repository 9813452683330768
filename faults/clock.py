"""A clock that nobody can set: seconds since this boot, and which boot that is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache

import psutil

SAME_BOOT = 60.0  # s by which two processes may disagree about when this boot was: the wall clock is corrected


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant on the clock of one boot, which runs on through suspend and ignores changes of the wall clock.

    `boot` identifies the boot by its time in unix seconds, as the process that created the moment read it.
    """

    seconds: float
    boot: str

    def after(self, seconds: float) -> Moment:
        return Moment(self.seconds + seconds, self.boot)

    def remaining(self) -> float:
        """Seconds until then, negative when it is past. A moment of another boot is past."""
        current = now()
        return self.seconds - current.seconds if _same_boot(self.boot, current.boot) else -float("inf")


def now() -> Moment:
    return Moment(time.clock_gettime(_CLOCK), _boot())


# Linux alone has CLOCK_BOOTTIME; on macOS the monotonic clock counts through suspend as well.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@cache
def _boot() -> str:
    try:
        return f"{psutil.boot_time():.0f}"
    except (OSError, RuntimeError):
        return "unknown"


def _same_boot(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return abs(float(one) - float(other)) <= SAME_BOOT
    except ValueError:
        return False
