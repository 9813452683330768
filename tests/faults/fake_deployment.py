"""A deployment that is a folder: its pods are processes of this machine, its telemetry is made up and always fine."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.deployment import Completed, Deployment, DeploymentError, HasPods, Liveness, Samples, Status
from cluster.local.layout import ENV_TAG
from cluster.topology import Component, Kind, Topology, calls
from cluster.window import Window
from faults.journal import Header
from faults.local.control import tags

if TYPE_CHECKING:  # pandas costs a second, and most of the processes that the tests start need none of it
    import pandas as pd


SERVING = ("head", "replica-0", "replica-1")


class FakePod:
    def __init__(self, component: str, folder: Path) -> None:
        self.component = component
        self._folder = folder

    @property
    def uid(self) -> str:
        return _state(self._folder).get("uids", {}).get(self.component, f"{self.component}-1")

    def run(self, argv: Sequence[str], timeout: float = 10.0) -> Completed:
        raise NotImplementedError

    def spawn(self, argv: Sequence[str], tag: str) -> None:
        subprocess.Popen(
            list(argv),
            env={**os.environ, ENV_TAG: tag},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def tagged(self, tag: str) -> list[int]:
        return tags.anywhere(tag)

    def pids(self) -> list[int]:
        raise NotImplementedError

    def cpu_quota(self) -> dict[str, str]:
        raise DeploymentError("these pods have no CPU limit")


class FakeDeployment(Deployment, HasPods):
    """Its state is `deployment.json` in its folder, so that every process sees the same one."""

    kind = "fake"  # type: ignore[assignment]
    name = instance = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = str(folder)
        self.instance = str(_state(folder)["instance"])

    @classmethod
    def start(cls, folder: Path, **state: object) -> FakeDeployment:
        (folder / "deployment.json").write_text(json.dumps({"instance": "first", "latency": 0.5} | state))
        return cls(folder)

    def set(self, **state: object) -> None:
        whole = json.dumps(_state(self.folder) | state)
        (self.folder / "new.json").write_text(whole)
        (self.folder / "new.json").rename(self.folder / "deployment.json")

    def topology(self) -> Topology:
        replicas = (Component(name, Kind.REPLICA, f"{name}-1") for name in SERVING[1:])
        components = (Component("gateway", Kind.GATEWAY), Component("head", Kind.HEAD), *replicas)
        return Topology(components, calls("gateway", SERVING), "gateway")

    def status(self) -> Status:
        state = _state(self.folder)
        liveness = Liveness(state.get("liveness", "LIVE"))
        alive = {name: name not in state.get("dead", []) for name in ("gateway", *SERVING)}
        return Status(liveness, state.get("age", 1.0), components=alive, fresh=state.get("fresh", 0.0))

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        """All latencies are `latency` of the state file, ten times that in the stretches of `raised`."""
        import numpy as np
        import pandas as pd

        state = _state(self.folder)
        times = pd.Index(np.arange(window.start, window.end, state.get("step", step)), dtype="float64", name="time")
        missing = int(state.get("missing", 0))
        latency = np.full(len(times), float(state["latency"]))
        latency[: min(missing, len(latency))] = np.nan
        raised = [(start, end or np.inf) for start, end in state.get("raised", [])]
        for start, end in raised:
            latency[(times >= start) & (times < end)] *= state.get("factor", 10)
        columns = {("gateway", "latency_p90"): latency}
        columns[("gateway", "error_ratio")] = np.full(len(times), float(state.get("errors", 0.0)))
        for name in SERVING:
            columns[(name, "latency_p90")] = latency
        edges = {("gateway", name, "latency_p90"): latency for name in SERVING}
        return Samples(
            pd.DataFrame(columns, index=times).rename_axis(columns=["component", "signal"]),
            pd.DataFrame(edges, index=times).rename_axis(columns=["source", "target", "signal"]),
        )

    def spans(self, window: Window) -> pd.DataFrame:
        from cluster.incident.model import empty_spans

        return empty_spans()

    def logs(self, window: Window) -> pd.DataFrame:
        from cluster.incident.model import empty_logs

        return empty_logs()

    def close(self) -> None:
        pass

    def pod(self, component: str) -> FakePod:
        if _state(self.folder).get("unreachable"):
            raise DeploymentError("the pods cannot be reached")
        return FakePod(component, self.folder)


def connect(header: Header) -> FakeDeployment | None:
    folder = Path(header.name)
    if not (folder / "deployment.json").exists():
        return None
    deployment = FakeDeployment(folder)
    return deployment if deployment.instance == header.instance else None


def wait_for(condition: object, seconds: float = 60.0) -> bool:
    assert callable(condition)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


def _state(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / "deployment.json").read_text()))
    except FileNotFoundError:
        raise DeploymentError(f"no deployment in {folder}") from None
