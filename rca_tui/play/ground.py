"""What a drill is played on: a recording that plays as if live, or the running deployment."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.errors import RcaError
from cluster.incident import library
from cluster.playback import PlayedDeployment
from faults import scenario_drill
from faults.drill import DrillReport, Progress
from faults.states import Phase
from rca_tui.drill.waiting import waits
from rca_tui.game import Game, NoTruth

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from faults.scenario import Scenario

NAME = "a drill"
"""Of a recording that is played: its own may tell what happened."""
AFTERMATH = 20.0
"""Seconds after a live fault that are recorded."""


class Spoiled(RcaError):
    """A live drill that ended without an incident: there is no truth to compare a guess with."""


class Ground(ABC):
    """Attributes:
    deployment: what the player may look at.
    waits: why the fault of a live drill is late, in a sentence; empty where it is not.
    start: unix seconds of the telemetry from which on the player can look.
    """

    deployment: Deployment
    start: float
    waits: str = ""

    @abstractmethod
    def begin(self) -> None:
        """Let the baseline run."""

    @abstractmethod
    def fault_since(self) -> float | None:
        """Unix seconds of the telemetry since which the fault is in; None before it. Raises Spoiled."""

    @property
    def ended(self) -> bool:
        """Whether no more telemetry comes."""
        return False

    @abstractmethod
    def settle(self) -> str:
        """Undo what is in, and return the incident that holds the truth. Blocks. Raises Spoiled."""

    @abstractmethod
    def give_up(self) -> None:
        """Undo what is in, and save nothing. Blocks."""


class Recording(Ground):
    """A saved incident. Raises NoTruth, IncidentError, DeploymentError."""

    def __init__(self, game: Game) -> None:
        incident, truth = library.load_with_truth(game.incident)
        if truth is None:
            raise NoTruth(f"{game.incident} has no sealed truth: play one that `rca-tui drill` saved, or a shipped one")
        self.deployment = self._played = PlayedDeployment(incident, NAME, game.speed, held=True, at=time.time())
        self.start, self._name = self._played.start, game.incident
        self._injected_at = truth.injected_at + self._played.later

    def begin(self) -> None:
        self._played.begin()

    def fault_since(self) -> float | None:
        return self._injected_at if self._played.clock() >= self._injected_at else None

    @property
    def ended(self) -> bool:
        return self._played.ended

    def settle(self) -> str:
        return self._name

    def give_up(self) -> None:
        """Nothing is in."""


class Live(Ground):
    """A scenario on the running deployment: chance draws the fault, which is held until the guess or its deadline."""

    def __init__(self, deployment: Deployment, scenario: Scenario, save: Path) -> None:
        self.deployment, self.start = deployment, time.time()
        self._scenario, self._save = scenario, save
        self._over, self._cancelled = threading.Event(), threading.Event()
        self._since: float | None = None
        self._report: DrillReport | None = None
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="drill")

    def begin(self) -> None:
        self.start = time.time()
        self._thread.start()

    def fault_since(self) -> float | None:
        if not self._thread.is_alive():
            self._require()
        return self._since

    def settle(self) -> str:
        self._over.set()
        self._thread.join()
        return str(self._require())

    def give_up(self) -> None:
        self._cancelled.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        run: Callable[..., DrillReport] = scenario_drill.run
        try:
            self._report = run(
                self.deployment,
                self._scenario,
                armed=True,
                save=self._save,
                aftermath=AFTERMATH,
                progress=self._note,
                cancelled=self._cancelled.is_set,
                over=self._over.is_set,
            )
        except BaseException as error:  # the thread of the player raises it
            self._problem = error

    def _note(self, progress: Progress) -> None:
        self.waits = waits(progress, self.waits)
        if progress.phase is Phase.ACTIVE and self._since is None:
            self._since = time.time()

    def _require(self) -> Path:
        """Where the incident is. Raises what the drill raised, Spoiled."""
        if self._problem is not None:
            raise self._problem
        if self._report is None or self._report.saved is None:
            report = self._report
            why = "" if report is None else f" ({report.aborted or report.detail})"
            command = "" if report is None else report.command
            raise Spoiled(f"the drill ended early{why}: there is nothing to guess, play it again", command=command)
        return self._report.saved
