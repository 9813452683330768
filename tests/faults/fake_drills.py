"""Drills on the fake deployment, with a fault that makes it slow."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from fake_deployment import FakeDeployment
from fake_fault import UNDO, FakeFault

from faults import drill
from faults.drill import Progress
from faults.engine import Engine
from faults.states import Phase
from faults.types import Direction, Effect, Plan, Role


class Slow(FakeFault):
    """Raises every latency of the fake deployment while it is in."""

    effects = (
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 2.0),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 2.0),
    )
    lands = True

    def inject(self, deployment: Any, plan: Plan) -> None:
        super().inject(deployment, plan)
        if self.lands:
            deployment.set(raised=[(time.time(), None)])

    def revert(self, deployment: Any, plan: Plan) -> None:
        super().revert(deployment, plan)
        if self.lands:
            deployment.set(raised=[(start, end or time.time()) for start, end in _raised(deployment)])


def _raised(deployment: FakeDeployment) -> list[tuple[float, float | None]]:
    state = json.loads((deployment.folder / "deployment.json").read_text())
    return [tuple(pair) for pair in state.get("raised", [])]


class Drills:
    def __init__(self, folder: Path, fault: FakeFault) -> None:
        self.folder = folder
        self.deployment = FakeDeployment.start(folder, step=0.1)
        self.fault = fault
        undo = dataclasses.replace(UNDO, load=lambda name, kind: fault)
        self.engine = Engine(self.deployment, armed=True, folder=folder / "journal", undo=undo)
        self.said: list[Progress] = []

    @property
    def phase(self) -> Phase | None:
        return self.said[-1].phase if self.said else None

    def run(self, **named: Any) -> drill.DrillReport:
        times = {"baseline": 1.0, "seconds": 1.0, "aftermath": 1.0} | named
        return drill.run(
            self.deployment, self.fault, "replica-1", armed=True, progress=self.said.append, engine=self.engine, **times
        )
