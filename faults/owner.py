"""The process that injects: named in the journal, so that others can tell whether it still lives."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

import psutil

TICKS = 100  # a second
TOLERANCE = 0 if sys.platform == "linux" else 2 * TICKS
"""Linux counts from the boot. Elsewhere the start is a time of day, and so is the boot, a second apart at times."""


@dataclass(frozen=True, slots=True)
class Owner:
    """One incarnation of a pid: the pid alone may belong to another process by now.

    Attributes:
        started: hundredths of a second from the boot to the start of the process.
    """

    pid: int
    started: int

    @classmethod
    def current(cls) -> Owner | None:
        """This process; None where the system does not show it."""
        started = _started(os.getpid())
        return None if started is None else cls(os.getpid(), started)

    def alive(self) -> bool:
        """Whether it still runs. A zombie does not."""
        started = _started(self.pid)
        try:
            return (
                started is not None
                and abs(started - self.started) <= TOLERANCE
                and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
            )
        except psutil.Error:
            return False

    def is_parent(self) -> bool:
        """Whether it started this process and still runs: when it ends, this process gets another parent."""
        return os.getppid() == self.pid


def _started(pid: int) -> int | None:
    """None when it is gone, or not shown.

    Both times follow the wall clock. When it is set between reading the two, their difference is wrong, so the boot is
    read on both sides.
    """
    try:
        boot = psutil.boot_time()
        while True:
            created = psutil.Process(pid).create_time()
            before, boot = boot, psutil.boot_time()
            if boot == before:
                return round(TICKS * (created - boot))
    except (psutil.Error, OSError, RuntimeError):
        return None
