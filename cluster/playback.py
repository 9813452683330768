"""A saved incident that plays as if live: at each moment it gives what had arrived by then, and nothing of the truth.

    played = PlayedDeployment(incident, "lesson", speed=2.0)
    capture(played, Window(played.clock() - 120, played.clock()))

Its clock starts with the first sample of the recording and ends with the last one. A sample, a log line or an event has
arrived at its own time, a span when it has ended. What a recording says of itself as a whole is withheld: its onset,
its notes, its tags, which process was behind a component at its end, and columns without a value so far.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import pandas as pd

from cluster.deployment import (
    Deployment,
    DeploymentError,
    DeploymentKind,
    HasEvents,
    Liveness,
    Plays,
    Samples,
    Status,
)
from cluster.incident.model import Incident, rows_within
from cluster.incident.redate import redated
from cluster.provenance import Builder, Origin, Provenance
from cluster.replay import ReplayDeployment
from cluster.text.times import span
from cluster.topology import Topology
from cluster.window import Window

SILENT = 15.0
"""Seconds without a value after which a signal that the recording lost is told as lost."""
_ENDING = (Origin.STALE, Origin.PARTIAL, Origin.SCRAPE_FAILED)
"""States in which a signal is at the end of a window: they tell of what is still to come."""


class PlayedDeployment(Deployment, HasEvents, Plays):
    """A saved incident as a deployment that lives through it. It has no pods, so nothing can be injected into it.

    Args:
        incident: without its truth, as `cluster.incident.library.load` reads it.
        name: shown to the player; not the recording's, which may tell what happened.
        speed: seconds of the recording in one second.
        monotonic: seconds, of a clock that never goes back.
        held: the clock stands at the first sample until `begin`.
        at: unix seconds, to the second, at which the first sample is played; by default its own time, by which a
            player could find the recording in a list.

    Attributes:
        later: seconds by which all is played later than it was recorded.
        origin, gpus: the kind of deployment that it was recorded from, and whether that had a GPU.

    Raises:
        DeploymentError: it has no metrics, or `speed` is not positive.
    """

    kind = DeploymentKind.REPLAY

    def __init__(
        self,
        incident: Incident,
        name: str,
        speed: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
        held: bool = False,
        at: float | None = None,
    ) -> None:
        metrics = incident.telemetry.metrics
        if not speed > 0:
            raise DeploymentError(f"a recording cannot be played at {speed:g} times its speed: choose 1, 2 or 4")
        if metrics.empty:
            raise DeploymentError("this recording has no metrics: it cannot be played, choose another")
        self.later = 0.0 if at is None else float(round(at - float(metrics.index[0])))
        incident = redated(incident, self.later)
        metrics = incident.telemetry.metrics
        times = metrics.index.to_numpy(dtype="float64")
        self.speed = speed
        self.start, self.end = float(times[0]), float(times[-1])
        self.step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0  # type: ignore[misc]
        self._recording = ReplayDeployment(incident, name)
        self.origin, self.gpus = incident.deployment, incident.has_gpus
        self._topology = replace(
            incident.topology, components=tuple(replace(c, uid="") for c in incident.topology.components)
        )
        telemetry = incident.telemetry
        self._first, self._measured = _arrivals(telemetry.metrics), telemetry.metrics.notna()
        self._first_edge = _arrivals(telemetry.edge_metrics)
        self._monotonic = monotonic
        self._began = None if held else monotonic()

    @property
    def name(self) -> str:
        return self._recording.name

    @property
    def instance(self) -> str:
        return self._recording.instance

    def begin(self) -> None:
        """Let a clock that was held run. Once it runs it is not begun again."""
        if self._began is None:
            self._began = self._monotonic()

    def clock(self) -> float:
        """Unix seconds of the recording; its end once it has been played."""
        if self._began is None:
            return self.start
        return min(self.end, self.start + self.speed * (self._monotonic() - self._began))

    @property
    def ended(self) -> bool:
        """Whether all of it has been played."""
        return self.clock() >= self.end

    def topology(self) -> Topology:
        return self._topology

    def status(self) -> Status:
        now = self.clock()
        arrived = self._measured.loc[: now].any(axis=1)  # fmt: skip
        newest = float(arrived[arrived].index[-1]) if arrived.any() else self.start
        speed = "" if self.speed == 1 else f" at {self.speed:g} times its speed"
        done = "played to its end" if now >= self.end else f"plays{speed}, {span(now - self.start)}"
        message = f"recording of a {self.origin} deployment, {done}"
        fresh = max(SILENT, 3 * self.step)
        age = now - newest
        return Status(Liveness.LIVE if age < fresh else Liveness.STALE, age, message, fresh=fresh)

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        """As `ReplayDeployment.samples`, of the time until now. Raises DeploymentError as it does."""
        now = self.clock()
        seen = self._seen(window, now)
        if seen is None:
            return self._nothing()
        ahead = (seen.start - window.start) / step if step > 0 else 0.0
        skipped = max(0.0, np.ceil(ahead - 1e-9))  # the grid stays that of the asked window
        if (first := window.start + step * float(skipped)) >= seen.end:
            return self._nothing()
        read = self._recording.samples(Window(first, seen.end), step, signals)
        return Samples(
            metrics=read.metrics.loc[
                :, [column in self._first and self._first[column] <= now for column in read.metrics]
            ],
            edge_metrics=read.edge_metrics.loc[
                :, [column in self._first_edge and self._first_edge[column] <= now for column in read.edge_metrics]
            ],
            provenance=self._provenance(read.provenance, now),
        )

    def spans(self, window: Window) -> pd.DataFrame:
        """Those that have ended by now."""
        now = self.clock()
        if (seen := self._seen(window, now)) is None:
            return self._recording.spans(_NEVER)
        spans = self._recording.spans(seen)
        ended: pd.DataFrame = spans[spans["start"] + spans["duration"].fillna(0.0) <= now]
        return ended.reset_index(drop=True)

    def logs(self, window: Window) -> pd.DataFrame:
        return self._recording.logs(self._seen(window, self.clock()) or _NEVER)

    def events(self, window: Window) -> pd.DataFrame:
        frame, seen = self._recording.incident.telemetry.events, self._seen(window, self.clock()) or _NEVER
        return rows_within(frame, "time", seen)

    def close(self) -> None:
        """Nothing is held open."""

    def _nothing(self) -> Samples:
        telemetry = self._recording.incident.telemetry
        return Samples(telemetry.metrics.iloc[:0, :0], telemetry.edge_metrics.iloc[:0, :0])

    def _seen(self, window: Window, now: float) -> Window | None:
        """The part of a window in which telemetry may have arrived by now, the sample of now included."""
        start, end = (
            max(window.start, self._recording.incident.window.start),
            min(window.end, np.nextafter(now, np.inf)),
        )
        return Window(start, float(end)) if start < end else None

    def _provenance(self, whole: Provenance, now: float) -> Provenance:
        """What is known by now: a signal that the recording lost later is still measured."""
        builder, metrics = Builder(), self._measured
        for record in whole.records:
            about = {"metrics": record.metrics, "query": record.query, "interval": record.interval}
            for component in record.components:
                column = (component, record.signal)
                first = self._first.get(column)
                if record.origin not in (*_ENDING, Origin.MEASURED) or (first is None and record.origin in _ENDING):
                    builder.add(component, record.signal, record.origin, reason=record.reason, **about)
                elif first is not None and first <= now:
                    lately = bool(metrics.loc[now - max(SILENT, 3 * self.step) : now, column].any())
                    origin = Origin.MEASURED if lately else record.origin
                    builder.add(component, record.signal, origin, reason="" if lately else record.reason, **about)
        return builder.build()


_NEVER = Window(0.0, 1e-3)


def _arrivals(frame: pd.DataFrame) -> dict[tuple[str, ...], float]:
    """Column -> unix seconds of its first value."""
    firsts = ((column, frame[column].first_valid_index()) for column in frame.columns)
    return {tuple(column): float(cast(float, first)) for column, first in firsts if first is not None}
