"""Saves what is live from within the app: the last minutes, or an injection with its truth sealed apart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.moment import SAMPLES
from cluster.window import Window

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from faults.engine import Injection

BASELINE, AFTERMATH = 120.0, 60.0
"""Seconds before an injection, and after it was undone, that its incident holds: those of `rca-tui drill`."""


def save_live(deployment: Deployment, now: float) -> Path:
    """Save the last `SAMPLES` samples under a new name in the library. Raises DeploymentError, IncidentError."""
    from cluster.capture import capture
    from cluster.incident import library, store

    window = Window(now - SAMPLES * deployment.step, now)
    return store.save(capture(deployment, window), library.new_path("recorded"))


class DrillRecorder:
    """Records the incident of one injection: baseline, fault, aftermath.

    Args:
        baseline_from: unix seconds; an earlier fault was active before, so that the baseline begins later.
        clock: unix seconds.
    """

    def __init__(self, baseline_from: float, clock: Callable[[], float] = time.time) -> None:
        self._baseline_from = baseline_from
        self._clock = clock
        self._finish = threading.Event()
        self._wanted = True

    def finish(self, save: bool) -> None:
        """Do not wait any longer; save with as much of the aftermath as there is, or not at all."""
        self._wanted = save
        self._finish.set()

    def save(self, deployment: Deployment, injection: Injection, waiting: Callable[[float], None]) -> Path | None:
        """Wait for the aftermath, then save under a new name in the library.

        None when it is not wanted any more, and when the journal does not say when the fault ended.

        Args:
            waiting: called once with the seconds of the aftermath.

        Raises:
            DeploymentError, IncidentError: nothing was saved.
        """
        from cluster.incident import library
        from faults import drill

        reverted_at = drill.revert_time(injection)
        if reverted_at is None:
            return None
        # Also where the clock was set back meanwhile.
        left = min(AFTERMATH + drill.LAG, reverted_at + AFTERMATH + drill.LAG - self._clock())
        if left > 0:
            waiting(left)
            self._finish.wait(left)
        if not self._wanted:
            return None
        started = injection.injected_at
        baseline = min(BASELINE, max(1.0, started - self._baseline_from))
        aftermath = min(AFTERMATH, max(1.0, self._clock() - reverted_at))
        periods = drill.periods_of(started, reverted_at, baseline, aftermath)
        return drill.save_incident(deployment, injection.plan, periods, library.new_path("drill"), {})
