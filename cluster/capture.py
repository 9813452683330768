"""Captures an incident from a live deployment: one window of its telemetry, and notes on what is missing."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable

import pandas as pd

from cluster import moment as moments
from cluster.deployment import Deployment, DeploymentError, HasEvents, Liveness
from cluster.incident.model import Incident, Telemetry, empty_events, empty_logs, empty_spans
from cluster.signals import UNITS
from cluster.text.times import between, clock_time
from cluster.window import Window


def capture(deployment: Deployment, window: Window, step: float | None = None) -> Incident:
    """The window as an incident, metrics every `step` seconds, under a random id and without an onset.

    It begins with the first sample of any component: before that nobody measured, which is no silence. The default step
    is the deployment's own. Columns without a sample are left out and noted; so is a source of spans, logs or events
    that fails. Raises DeploymentError when there are no metrics at all, with the reason where the status has it.
    """
    step = deployment.step if step is None else step
    samples = deployment.samples(window, step)
    notes = list(samples.notes)
    metrics, edge_metrics = _measured(samples.metrics), _measured(samples.edge_metrics)
    if metrics.columns.empty:
        status = deployment.status()
        if status.liveness is Liveness.DOWN and status.message:
            raise DeploymentError(f"{deployment.name}: {status.message}")
        raise DeploymentError(
            f"the deployment {deployment.name} has no metrics from {between(window.start, window.end)}"
        )
    first = min(_first(frame) for frame in (metrics, edge_metrics))
    begun: tuple[str, ...] = ()
    if first - window.start > step:
        begun = (f"the telemetry begins at {clock_time(first)}; it was asked for from {clock_time(window.start)} on",)
        metrics, edge_metrics = metrics[metrics.index >= first], edge_metrics[edge_metrics.index >= first]
        window = Window(first, window.end)
    spans = _optional(lambda: deployment.spans(window), empty_spans, "spans", notes)
    logs = _optional(lambda: deployment.logs(window), empty_logs, "logs", notes)
    events = empty_events()
    if isinstance(deployment, HasEvents):
        events = _optional(lambda: deployment.events(window), empty_events, "events", notes)
    signals = {str(s) for frame in (metrics, edge_metrics) for s in frame.columns.get_level_values("signal")}
    return Incident(
        id=uuid.uuid4().hex,
        deployment=deployment.kind,
        window=window,
        topology=deployment.topology(),
        telemetry=Telemetry(
            metrics,
            edge_metrics,
            spans,
            logs,
            {name: UNITS[name] for name in sorted(signals & UNITS.keys())},
            events=events,
        ),
        notes=(*notes, *begun),
        provenance=samples.provenance,
    )


def capture_around(deployment: Deployment, moment: moments.Moment, now: float) -> Incident:
    """The window around a moment (`cluster.moment.window`) as an incident.

    Raises DeploymentError when there are no metrics at all, or when the moment lies ahead of `now`.
    """
    return capture(deployment, *moments.window(moment, now, deployment.step))


def _measured(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.loc[:, frame.notna().any(axis=0)]


def _first(frame: pd.DataFrame) -> float:
    """Time of the first sample, infinite without any."""
    return float(frame.index[frame.notna().any(axis=1)].min()) if frame.size else math.inf


def _optional(
    read: Callable[[], pd.DataFrame], empty: Callable[[], pd.DataFrame], name: str, notes: list[str]
) -> pd.DataFrame:
    """The frame of `read`, its `attrs["notes"]` moved to `notes`. An empty frame and a note when `read` fails."""
    try:
        frame = read()
    except DeploymentError as error:
        notes.append(f"no {name}: {error}")
        return empty()
    notes.extend(frame.attrs.pop("notes", ()))
    if frame.empty:
        notes.append(f"no {name} in this window")
    return frame
