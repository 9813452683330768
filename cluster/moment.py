"""Moment: between which times trouble is thought to have begun, and the window of telemetry that is read for it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cluster.deployment import DeploymentError
from cluster.text.times import date_time, span
from cluster.window import Window, possible

SAMPLES = 240
"""Samples of a baseline before the earliest onset, and of what follows: 4 minutes at one a second."""
MOST_SAMPLES = 720
"""Samples in a window: for a longer one the step grows."""
NOTICED_LATE = 300.0
NOTICED_EARLY = 60.0
"""Seconds by which a time that a person names may lie after the onset, and before it."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Trouble began in [earliest, latest] and was still there at `until`; unix seconds. Raises ValueError.

    Attributes:
        why: where the times come from, a clause for people.
        likely: what to take for the onset where telemetry shows none; None where nobody has noticed anything.
    """

    earliest: float
    latest: float
    until: float
    why: str
    likely: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.earliest) and self.earliest <= self.latest <= self.until < math.inf):
            raise ValueError(f"not in order: {self.earliest}, {self.latest}, {self.until}")


def since(now: float, seconds: float) -> Moment:
    """Trouble that began within the last seconds, and goes on."""
    return Moment(now - seconds, now, now, f"trouble in the last {span(seconds)}")


def about(time: float) -> Moment:
    """Trouble that a person noticed at this time."""
    latest = time + NOTICED_EARLY
    return Moment(time - NOTICED_LATE, latest, latest, f"trouble about {date_time(time)}", time - NOTICED_EARLY)


def window(moment: Moment, now: float, step: float) -> tuple[Window, float]:
    """The window to read, and the seconds between its samples.

    It begins `SAMPLES` steps before the earliest onset and ends as long after the moment, at `now` at the latest. The
    step is that of the deployment, or the smallest multiple of it that gives at most `MOST_SAMPLES`.

    Raises:
        DeploymentError: the moment lies ahead, or before any calendar.

    >>> window(Moment(1000.0, 1300.0, 1600.0, "an alert"), 1700.0, 1.0)
    (Window(start=760.0, end=1700.0), 2.0)
    """
    around = SAMPLES * step
    if moment.earliest >= now:
        raise DeploymentError(f"{moment.why} lies ahead of now, {date_time(now)}: check the time, and the two clocks")
    if not possible(moment.earliest - around):
        raise DeploymentError(f"{moment.why} is before the year 1: check the time")
    chosen = Window(moment.earliest - around, min(now, moment.until + around))
    return chosen, step * math.ceil(chosen.seconds / (MOST_SAMPLES * step))
