"""Onset and methods on an incident, in a worker thread. The analysis is in `methods`; this only calls it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from cluster.window import Onset, OnsetSource, Window
from rca_tui.frames import incident_frames
from rca_tui.session import Diagnosis, Mark
from rca_tui.work import messages

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.incident.model import Incident


def estimate(incident: Incident) -> Mark | None:
    """The onset as `methods.telemetry.onset` estimates it, None when the SLI shows no change or there is no SLI."""
    from methods.telemetry import onset

    result = onset.estimate(incident)
    return None if result.onset is None else Mark(result.onset.time, by_operator=False)


def search_onset(incident: Incident, post: Callable[[Message], object]) -> None:
    """Estimate the onset and post it."""
    post(messages.OnsetFound(estimate(incident)))


def capture(deployment: Deployment, end: float, seconds: float) -> Incident:
    """The last seconds of a live deployment as an incident. Raises DeploymentError."""
    from cluster.capture import capture as record

    return record(deployment, Window(end - seconds, end))


def diagnose(
    incident: Incident,
    mark: Mark | None,
    post: Callable[[Message], object],
    cancelled: threading.Event,
    searched: bool = False,
) -> None:
    """Run every method on the incident and post each result as it comes; the contrast runs last.

    Args:
        mark: the onset that the operator set or that was estimated; None to estimate it here.
        cancelled: when set, running methods are killed and no more results come.
        searched: the onset of this incident was estimated before: without a mark there is none.
    """
    from methods.answer.consensus import Tally
    from methods.running import pool, runner

    if mark is None and not searched:
        mark = estimate(incident)
        post(messages.OnsetFound(mark))
    if mark is None:
        incident = incident.searched(None)
    else:
        incident = incident.at(Onset(mark.time, OnsetSource.OPERATOR if mark.by_operator else OnsetSource.ESTIMATED))
    begun = Diagnosis(incident, incident_frames(incident), mark, running=True, workers=pool.default_workers())
    post(messages.DiagnosisBegun(begun))
    tally = Tally(incident.candidates)
    for result in runner.run(incident, cancelled=cancelled):
        tally.add(result.method, result.outcome)
        post(messages.MethodAnswered(result, tally.consensus))
    contrast = None if cancelled.is_set() else runner.run_contrast(incident, cancelled=cancelled)
    if contrast is not None:
        post(messages.MethodAnswered(contrast, tally.consensus))
    post(messages.DiagnosisEnded("cancelled" if cancelled.is_set() else ""))
