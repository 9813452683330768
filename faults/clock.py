"""Time that no one can set: seconds since this boot, and which boot that is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant on the clock of one boot. It counts on through suspend and through changes of the wall clock."""

    seconds: float
    boot: str

    def after(self, seconds: float) -> Moment:
        return Moment(self.seconds + seconds, self.boot)

    def remaining(self) -> float:
        """Seconds until then, negative when it is past. A moment of another boot is past."""
        current = now()
        return self.seconds - current.seconds if self.boot == current.boot else -float("inf")


def now() -> Moment:
    return Moment(time.clock_gettime(_CLOCK), _boot())


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # not Linux: only faults that act elsewhere run here, and a reboot leaves their deadline unknown
        return "unknown"
