"""What else goes on while a drill is recorded: a load that changes, another process that is busy."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from cluster.deployment import Deployment, DeploymentError, HasLoad
from faults.errors import Refused

BEAT = 1.0
"""Seconds between two looks at the load."""
BURST = 15.0
"""Seconds of a burst, and from one to the next."""
RAMP = 45.0
"""Seconds that a ramp takes."""
DRAINING = 1.0
"""Requests per second once the recorded window is over, so that the queues are worked off soon."""


class Shape(StrEnum):
    """How the load goes."""

    STEADY = "steady"
    STEP = "step"
    RAMP = "ramp"
    BURSTS = "bursts"


@dataclass(frozen=True, slots=True)
class Conditions:
    """Attributes:
    shape: of the load.
    rate: requests per second at first.
    to: requests per second after the step or ramp, or in the bursts.
    after: seconds from the end of the baseline to the step or the begin of the ramp.
    busy: another process computes on the machine.
    """

    shape: Shape = Shape.STEADY
    rate: float = 4.0
    to: float = 4.0
    after: float = 0.0
    busy: bool = False

    def rate_at(self, elapsed: float, since: float | None) -> float:
        """Requests per second `elapsed` s after the begin, `since` s after the end of the baseline (None before it)."""
        match self.shape:
            case Shape.BURSTS:
                return self.to if elapsed % (2 * BURST) >= BURST else self.rate
            case Shape.STEP if since is not None and since >= self.after:
                return self.to
            case Shape.RAMP if since is not None and since >= self.after:
                return self.rate + (self.to - self.rate) * min(1.0, (since - self.after) / RAMP)
            case _:
                return self.rate

    def as_json(self) -> Mapping[str, Any]:
        return asdict(self)


class Following:
    """Makes a deployment's load follow the conditions, in a thread; closed, it is the usual load again.

    Once the fault has ended and its aftermath is recorded there is less of it.
    """

    def __init__(self, deployment: Deployment, conditions: Conditions) -> None:
        self._deployment, self._conditions = deployment, conditions
        self._began, self._since, self._until = time.monotonic(), float("inf"), float("inf")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def baseline_ended(self) -> None:
        """The fault begins, or would: steps and ramps count from here. Only the first call counts."""
        self._since = min(self._since, time.monotonic())

    def fault_ended(self, aftermath: float) -> None:
        """What is recorded ends `aftermath` seconds from now. Only the first call counts."""
        self._until = min(self._until, time.monotonic() + aftermath)

    def __enter__(self) -> Following:
        self._apply()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()
        if isinstance(self._deployment, HasLoad):
            with contextlib.suppress(DeploymentError):  # it is gone, and its load with it
                self._deployment.set_rate(None)

    def _follow(self) -> None:
        while not self._ended.wait(BEAT):
            # The next beat tries again; a deployment that is gone ends the drill by itself.
            with contextlib.suppress(DeploymentError):
                self._apply()

    def _apply(self) -> None:
        if isinstance(self._deployment, HasLoad):
            now = time.monotonic()
            since = now - self._since if now >= self._since else None
            rate = DRAINING if now >= self._until else self._conditions.rate_at(now - self._began, since)
            self._deployment.set_rate(round(rate, 3))


@contextlib.contextmanager
def company(busy: bool, most: float) -> Iterator[None]:
    """Another process that computes on one core meanwhile, for `most` seconds, as a build or a backup would.

    Raises Refused where it cannot be started.
    """
    if not busy:
        yield
        return
    command = ["stress-ng", "--cpu", "1", "--timeout", f"{most:.0f}s", "--quiet"]
    try:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError as error:
        raise Refused(f"stress-ng cannot be started ({error.strerror}): install it, or record without it") from None
    try:
        yield
    finally:
        process.terminate()
        process.wait()
