"""Telemetry as the screens read it: lines by component and signal, over data frames that never change."""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from cluster.incident.model import Incident

FRESH = 5.0
"""Seconds before a moment in which a sample counts as the value at that moment."""


@dataclass(frozen=True, slots=True)
class Line:
    """One signal over time: unix seconds ascending, NaN where nothing was measured."""

    times: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, moment: float, reach: float = FRESH) -> float | None:
        """The last measured value in (moment - reach, moment], None when there is none."""
        for index in range(bisect.bisect_right(self.times, moment) - 1, -1, -1):
            if self.times[index] <= moment - reach:
                break
            if math.isfinite(self.values[index]):
                return self.values[index]
        return None

    def within(self, start: float, end: float) -> Line:
        """The part with start <= time <= end."""
        low, high = bisect.bisect_left(self.times, start), bisect.bisect_right(self.times, end)
        return Line(self.times[low:high], self.values[low:high])

    @property
    def missing(self) -> float:
        """The share of samples that are gaps."""
        return sum(not math.isfinite(v) for v in self.values) / len(self.values) if self.values else 1.0


@dataclass(frozen=True, eq=False)
class Frames:
    """Metrics of components and of edges; shapes as in `cluster.incident.model.Telemetry`."""

    metrics: pd.DataFrame
    edge_metrics: pd.DataFrame
    units: Mapping[str, str] = field(default_factory=dict)
    spans: pd.DataFrame | None = None
    logs: pd.DataFrame | None = None
    _lines: dict[tuple[str, ...], Line | None] = field(default_factory=dict, repr=False)

    @property
    def start(self) -> float | None:
        return float(self.metrics.index[0]) if len(self.metrics.index) else None

    @property
    def end(self) -> float | None:
        return float(self.metrics.index[-1]) if len(self.metrics.index) else None

    def components(self) -> tuple[str, ...]:
        """Components that have at least one signal."""
        return tuple(dict.fromkeys(str(column[0]) for column in self.metrics.columns))

    def signals(self, component: str) -> tuple[str, ...]:
        return tuple(str(column[1]) for column in self.metrics.columns if column[0] == component)

    def line(self, component: str, signal: str) -> Line | None:
        """None when the signal was not recorded."""
        return self._line(self.metrics, (component, signal))

    def edge_line(self, source: str, target: str, signal: str) -> Line | None:
        return self._line(self.edge_metrics, (source, target, signal))

    def _line(self, frame: pd.DataFrame, column: tuple[str, ...]) -> Line | None:
        if column not in self._lines:
            known = column in frame.columns
            self._lines[column] = Line(tuple(frame.index.tolist()), tuple(frame[column].tolist())) if known else None
        return self._lines[column]

    def span_line(self, component: str, operation: str, start: float, end: float) -> Line | None:
        """Durations of a component's spans (of one operation, unless empty) by their start."""
        if self.spans is None or self.spans.empty:
            return None
        wanted = (self.spans["component"] == component) & self.spans["start"].between(start, end)
        if operation:
            wanted &= self.spans["operation"] == operation
        spans = self.spans[wanted.fillna(False)].sort_values("start")
        return Line(tuple(spans["start"].tolist()), tuple(spans["duration"].tolist())) if len(spans) else None

    def log_lines(self, component: str, start: float, end: float, limit: int = 200) -> tuple[tuple[float, str], ...]:
        """Time and message of a component's log lines, the newest `limit` of them."""
        if self.logs is None or self.logs.empty:
            return ()
        wanted = (self.logs["component"] == component) & self.logs["time"].between(start, end)
        lines = self.logs[wanted.fillna(False)].tail(limit)
        return tuple((float(t), str(m)) for t, m in zip(lines["time"], lines["message"], strict=True))


def incident_frames(incident: Incident) -> Frames:
    """The telemetry of an incident as frames."""
    telemetry = incident.telemetry
    return Frames(telemetry.metrics, telemetry.edge_metrics, dict(telemetry.units), telemetry.spans, telemetry.logs)
