"""What the soaked app is connected to: the telemetry of scraped engines, and pods into which a fault is injected."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.deployment import Deployment, DeploymentKind, Samples, Status
from cluster.endpoints.deployment import ScrapedDeployment
from cluster.endpoints.watched import Watched
from cluster.incident import library
from cluster.topology import Kind, Topology
from cluster.window import Window
from faults import catalog
from faults.engine import Engine
from faults.preflight import Preflight

sys.path.append(str(Path(__file__).parents[1] / "faults"))

import fake_fault
from fake_deployment import FakeDeployment

FAULT = fake_fault.FakeStress.name


class World(FakeDeployment):
    """Telemetry of one deployment, pods of the fake one."""

    kind = DeploymentKind.ENDPOINTS

    def __init__(self, folder: Path, telemetry: Deployment) -> None:
        super().__init__(folder)
        self._telemetry = telemetry

    def topology(self) -> Topology:
        return self._telemetry.topology()

    def status(self) -> Status:
        return self._telemetry.status()

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        return self._telemetry.samples(window, step, signals)


class Stress(fake_fault.FakeStress):
    """A fault of real processes, on a deployment whose kind the app knows."""

    deployments = frozenset({DeploymentKind.ENDPOINTS})


@dataclass(frozen=True, slots=True)
class Engines:
    """A process that serves the engines of a recording, each under the path of its component."""

    address: str
    components: tuple[str, ...]
    pid: int

    def hold(self) -> None:
        """They take connections, and answer nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@contextmanager
def engines(incident: str, speed: float, port: int = 0) -> Iterator[Engines]:
    """Those of a recording, at so many times its speed, on a free port unless one is given."""
    command = [sys.executable, "-m", "tests.soak.engines", incident, f"{speed:g}", str(port)]
    serving = tuple(one.id for one in library.load(incident).topology.of_kind(Kind.HEAD, Kind.REPLICA))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Engines(f"127.0.0.1:{int(process.stdout.readline())}", serving, process.pid)
        finally:
            process.kill()


@contextmanager
def world(folder: Path, incident: str, speed: float) -> Iterator[World]:
    """One in the folder, over the engines of that recording."""
    with engines(incident, speed) as served:
        targets: list[dict[str, Any]] = [
            {"targets": [served.address], "labels": {"component": one, "__metrics_path__": f"/{one}"}}
            for one in served.components
        ]
        (folder / "targets.json").write_text(json.dumps(targets))
        FakeDeployment.start(folder)
        yield World(folder, ScrapedDeployment(Watched((str(folder / "targets.json"),))))


def with_stress(put: Callable[[Any, str, object], None] = setattr) -> None:
    """Let the catalogue of this process have the fault, too."""
    load = catalog.load
    put(catalog, "load", lambda name, kind=None: Stress() if name == FAULT else load(name, kind))


def engine(deployment: Deployment, armed: bool, folder: Path | None = None) -> Engine:
    """One that waits neither for a steady state nor for a healthy one: the recording holds a fault of its own."""
    return Engine(
        deployment,
        armed,
        folder=folder,
        undo=fake_fault.UNDO,
        watchdog_command=fake_fault.WATCHDOG,
        assess=lambda *arguments, **named: Preflight((), None),
    )
