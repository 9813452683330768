"""The process that injects: named in the journal, so that others can tell whether it still lives."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

TICKS = 100  # a second
TOLERANCE = 2 * TICKS
"""Two processes may read the time of the boot a second apart; no pid is used again within this time."""


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
        process = psutil.Process()
        started = _started(process)
        return None if started is None else cls(process.pid, started)

    def alive(self) -> bool:
        """Whether it still runs. A zombie does not."""
        try:
            process = psutil.Process(self.pid)
            started = _started(process)
            return (
                started is not None
                and abs(started - self.started) <= TOLERANCE
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.Error:
            return False


def _started(process: psutil.Process) -> int | None:
    """None when it is gone, or not shown."""
    try:
        return round(TICKS * (process.create_time() - psutil.boot_time()))
    except (psutil.Error, OSError, RuntimeError):
        return None
