"""Window and Onset: the times that telemetry is read for. No pandas here, so that importing them is cheap."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

# The first and the last second that a calendar can show: years 1 to 9999. Between them no length and no
# middle of two times is infinite.
EARLIEST, LATEST = -62135596800.0, 253402300799.0


def possible(time: float) -> bool:
    """Whether a clock can show it."""
    return math.isfinite(time) and EARLIEST <= time <= LATEST


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of time [start, end) in unix seconds.

    Raises ValueError when it is empty or reaches beyond what a calendar can show.
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        if not (possible(self.start) and possible(self.end)):
            raise ValueError(f"a window lies between the years 1 and 9999, not at [{self.start}, {self.end})")
        if not self.start < self.end:
            raise ValueError(f"a window must start before it ends, got [{self.start}, {self.end})")

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def __contains__(self, time: object) -> bool:
        return isinstance(time, int | float) and self.start <= time < self.end


class OnsetSource(StrEnum):
    """Where an onset comes from."""

    ESTIMATED = "estimated"
    OPERATOR = "operator"
    GIVEN = "given"
    NOTICED = "noticed"


@dataclass(frozen=True, slots=True)
class Onset:
    """When the trouble began, in unix seconds, and where that time comes from.

    An estimate lies between `earliest` and `latest`, as far as is known. Neither is saved or compared.
    `GIVEN` is the injection time from a journal: only the evaluation uses it, to measure what knowing it is worth.
    `NOTICED` is worked out from the time at which an alert fired or a person noticed it: minutes off, and often early.
    Raises ValueError for a time that no calendar can show.
    """

    time: float
    source: OnsetSource
    earliest: float | None = field(default=None, compare=False)
    latest: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not possible(self.time):
            raise ValueError(f"an onset lies between the years 1 and 9999, not at {self.time}")


@dataclass(frozen=True, slots=True)
class OnsetCandidate:
    """A time at which the trouble may have begun, and the probability that it did; unix seconds.

    The probability is that of all times about this one; between `earliest` and `latest` lies most of it.
    """

    time: float
    probability: float
    earliest: float
    latest: float
