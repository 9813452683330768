"""What the methods say of a drill that a room has played, added to the room's scores."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cluster.capture import capture
from cluster.display import Line
from cluster.incident import library
from cluster.incident.truth import NO_FAULT
from cluster.playback import PlayedDeployment
from cluster.window import Window
from methods.running import runner
from methods.telemetry.onset import with_onset
from methods.verdict import decision as judge
from rca_tui.drill import debrief, document

if TYPE_CHECKING:
    from threading import Event

    from cluster.display import Document
    from cluster.incident.model import Incident
    from faults.scoreboard import Result
    from rca_tui.room.rounds import Round


def evidence(played: Round) -> Document:
    """Which signals of a drill told, where they are on screen, and which checks would have shown it sooner.

    Raises IncidentError.
    """
    recording, truth = library.load_with_truth(played.incident)
    if truth is None:
        return ()
    cause = () if truth.fault == NO_FAULT else (Line(document.injected(truth)),)
    return (*cause, *document.evidence(*debrief.telling(recording, truth, played.incident)))


def add(
    played: Round, at: float, results: Sequence[Result], keep: Callable[[Result], object], cancelled: Event
) -> None:
    """Run all methods on what had arrived when the last guess came in, in one process; keep each result with them.

    Blocks for minutes. Once `cancelled` is set nothing is kept.

    Args:
        at: unix seconds of that guess.

    Raises:
        IncidentError, DeploymentError, ScoreError.
    """
    recording, truth = library.load_with_truth(played.incident)
    if truth is None:
        return
    seen = with_onset(_until(recording, played.arrived(recording, at)))
    limit = debrief.DEADLINE
    answered = list(runner.run(seen, deadline=limit, workers=1, cancelled=cancelled, background=True))
    if cancelled.is_set():
        return
    verdict = debrief.counted(judge.decide(seen, answered), truth)
    update = {
        "verdict": verdict.precision,
        "methods": {one.method: one.first for one in debrief.ranked(answered, truth)},
        "guessing": debrief.guessing(seen, truth),
    }
    for result in results:
        keep(result.model_copy(update=update))


def _until(recording: Incident, end: float) -> Incident:
    """The part of a recording that had arrived by then."""
    start = float(recording.telemetry.metrics.index[0])
    moments = itertools.chain((0.0,), itertools.repeat(end - start))
    played = PlayedDeployment(recording, "a drill", monotonic=lambda: next(moments))
    return capture(played, Window(played.start, played.clock() + played.step / 2))
