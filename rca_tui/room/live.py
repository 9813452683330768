"""A scenario on a live deployment, for a room: the fault is really injected, and undone before the reveal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError
from cluster.errors import RcaError
from cluster.incident import library
from cluster.window import Window
from faults import scenario_drill
from faults.drill import Progress
from faults.states import Phase
from rca_tui.drill.waiting import waits
from rca_tui.room.pager import page_time
from rca_tui.room.rounds import Round

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.incident.model import Incident
    from faults.scenario import Scenario

AFTERMATH = 10.0
"""Seconds after the fault that are recorded: the room waits for them."""
LOOK = 3.0
"""Seconds between two looks at the front door."""


class Live(Round):
    """A scenario, injected when it begins.

    Args:
        connect: the deployment; called in the thread of the drill.
        loaded: sends the scenario's load meanwhile.
        components: ids of that deployment.
        guest: arguments of a player's app.
    """

    def __init__(
        self,
        name: str,
        scenario: Scenario,
        connect: Callable[[], AbstractContextManager[Deployment]],
        loaded: Callable[[Deployment, str], AbstractContextManager[None]],
        components: tuple[str, ...],
        guest: tuple[str, ...],
    ) -> None:
        self.name, self.scenario, self.components = name, scenario, components
        self._connect, self._loaded, self._guest = connect, loaded, guest
        self._over, self._cancelled = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._paged: float | None = None
        self._began = self._injected = self._looked = 0.0

    @property
    def arguments(self) -> tuple[str, ...]:
        return (*self._guest, "--drill", "--began", f"{self._began:.3f}")

    @property
    def paged(self) -> float | None:
        return self._paged

    @property
    def ended(self) -> bool:
        return self._thread is not None and not self._thread.is_alive()

    def arrived(self, recording: Incident, at: float) -> float:
        return at

    def begin(self, now: float) -> None:
        self.truth, self.problem, self.waits = None, "", ""
        self._paged, self._began, self._injected = None, now, 0.0
        self._over.clear()
        self._cancelled.clear()
        self._thread = threading.Thread(target=self._run, name="drill of a workshop")
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        if self._paged is None:  # nobody has guessed, and the fault may not even be in
            self._cancelled.set()

    def close(self) -> None:
        self._cancelled.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        path = library.new_path("workshop")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._connect() as deployment, self._loaded(deployment, self.scenario.load):
                report = scenario_drill.run(
                    deployment,
                    self.scenario,
                    armed=True,
                    save=path,
                    aftermath=AFTERMATH,
                    progress=lambda progress: self._follow(deployment, progress),
                    cancelled=self._cancelled.is_set,
                    over=self._over.is_set,
                )
            if report.saved is None:
                command = f": {report.command}" if report.command else ""
                self.problem = report.aborted or f"{report.state}, {report.detail}{command}"
            else:
                self._keep(report.saved)
        except (RcaError, OSError) as error:
            self.problem = str(error)

    def _keep(self, saved: Path) -> None:
        self.truth, self.incident = library.load_truth(str(saved)), library.name_of(saved)

    def _follow(self, deployment: Deployment, progress: Progress) -> None:
        """Called several times a second: the page comes while the fault is in."""
        now = time.time()
        self.waits = waits(progress, self.waits)
        if progress.phase is not Phase.ACTIVE or self._paged is not None:
            return
        self._injected = self._injected or now
        if now - self._looked < LOOK:
            return
        self._looked = now
        if now - self._injected >= self.scenario.page.latest or self._is_bad(deployment, now):
            self._paged = now

    def _is_bad(self, deployment: Deployment, now: float) -> bool:
        try:
            seen = Window(self._injected - self.scenario.baseline - 60, now)
            samples = deployment.samples(seen, deployment.step, ("latency_p90", "error_ratio"))
            return page_time(samples.metrics, deployment.topology().front_door, self._injected) is not None
        except DeploymentError:  # asked again in a few seconds
            return False
