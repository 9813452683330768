"""When a live deployment is diagnosed without being asked: the SLI at its front door is bad, and stays bad."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median

from rca_tui.frames import Line
from rca_tui.session import Snapshot

RECENT = 15.0
"""Seconds over which the SLI must be bad: one slow second is no trouble."""
NORMAL_AGO = 60.0
"""Seconds before now from which on samples count as normal."""
NORMAL_SAMPLES = 10
FACTOR = 2.0
"""Times the normal p90 latency from which the SLI is bad."""
ERRORS = 0.05
"""Share of failed requests from which the SLI is bad."""
LOOKS = (0.0, 60.0)
"""Seconds after which trouble is looked at: at once, and when there is a minute of it."""
REST = 300.0
"""Seconds between the first looks at two troubles: a service that flaps is not diagnosed in a loop."""


class Alarm:
    """Reads every snapshot of a live deployment, and says when to diagnose it: at most twice in `REST` seconds."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._first = -math.inf
        self._looks: list[float] = []

    def rings(self, snapshot: Snapshot) -> bool:
        """Whether to diagnose now. Each snapshot is asked about once, in order of time."""
        now = snapshot.end
        if not bad_sli(snapshot):
            self._since = None
            return False
        if self._since is None:
            self._since = now
            if now - self._first >= REST:
                self._first, self._looks = now, list(LOOKS)
        if self._looks and now - self._since >= self._looks[0]:
            self._looks.pop(0)
            return True
        return False


def bad_sli(snapshot: Snapshot) -> bool:
    """Whether the front door is slow compared with the minutes before, fails requests, or ends none any more.

    A deployment without a front door, or with too little history, has no bad SLI.
    """
    door, end = snapshot.topology.front_door, snapshot.end
    if door is None:
        return False
    recent = max(RECENT, snapshot.fresh, 3 * snapshot.step)
    latency = snapshot.frames.line(door, "latency_p90")
    return is_bad(
        errors=_measured(snapshot.frames.line(door, "error_ratio"), end - recent, end),
        normal=_measured(latency, snapshot.start, end - NORMAL_AGO),
        late=_measured(latency, end - recent, end),
    )


def is_bad(errors: Sequence[float], normal: Sequence[float], late: Sequence[float]) -> bool:
    """The rule behind `bad_sli`, on finite values of the front door.

    Args:
        errors: shares of failed requests, lately.
        normal: p90 latencies [s] of the minutes before.
        late: p90 latencies [s], lately; none where no request ends any more.
    """
    if errors and fmean(errors) >= ERRORS:
        return True
    return len(normal) >= NORMAL_SAMPLES and (not late or median(late) > FACTOR * median(normal))


def _measured(line: Line | None, start: float, end: float) -> list[float]:
    return [value for value in line.within(start, end).values if math.isfinite(value)] if line else []
