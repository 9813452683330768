"""Window and Onset: the times that telemetry is read for. No pandas here, so that importing them is cheap."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of time [start, end) in unix seconds. Raises ValueError when it is empty or not finite."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end) and self.start < self.end):
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
    """

    time: float
    source: OnsetSource
    earliest: float | None = field(default=None, compare=False)
    latest: float | None = field(default=None, compare=False)
