"""The embedded deployment behind the interface `cluster.deployment.Deployment`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from cluster.deployment import (
    Deployment,
    DeploymentError,
    DeploymentKind,
    HasAlerts,
    HasGateway,
    HasLoad,
    HasPods,
    Liveness,
    Samples,
    Status,
)
from cluster.local import layout, lifecycle, load_plan
from cluster.local.gateway import LocalGateway
from cluster.local.load_plan import LoadPlan
from cluster.local.pod import LocalPod
from cluster.local.state import LocalState
from cluster.text.times import span
from cluster.topology import Component, Edge, Kind, Relation, Topology, calls
from cluster.window import Window

if TYPE_CHECKING:
    import pandas as pd

    from cluster.prometheus.exposition import Exposition

FRESH_SECONDS = 5.0
# The exporter's newest sample; the newest sample of any target where the exporter's is out of the lookback.
_NEWEST = 'max(timestamp(pod_processes{job="exporter"})) or max(max_over_time(timestamp(up)[10m:5s]))'


class LocalDeployment(Deployment, HasAlerts, HasPods, HasGateway, HasLoad):
    """The deployment that `cluster.local.lifecycle.up` started. Also `HasExposition`."""

    kind = DeploymentKind.LOCAL
    name = "local"

    def __init__(self, state: LocalState) -> None:
        self.state = state
        self._pods: dict[str, LocalPod] = {}

    @classmethod
    def connect(cls) -> LocalDeployment:
        """The running deployment. Raises DeploymentError when there is none or it is still starting."""
        state = lifecycle.status()
        if state is None:
            raise DeploymentError("no deployment runs on this machine: `rca-tui up` starts one")
        if not state.ready:
            raise DeploymentError("the deployment is still starting: wait for `rca-tui up` to end")
        return cls(state)

    @property
    def instance(self) -> str:
        return self.state.id

    def topology(self) -> Topology:
        pods = (layout.GATEWAY, *self.state.serving)
        components = [Component(pod, layout.KINDS[pod], self._uid(pod), self._labels(pod)) for pod in pods]
        components.append(Component(layout.NODE, Kind.NODE, self._uid(layout.NODE)))
        on_node = [Edge(pod, layout.NODE, Relation.RUNS_ON) for pod in pods]
        edges = (*calls(layout.GATEWAY, self.state.serving), *on_node)
        return Topology(tuple(components), edges, front_door=layout.GATEWAY)

    def status(self) -> Status:
        if not self.state.alive():
            return Status(Liveness.DOWN, None, "the deployment is not running: `rca-tui up` starts it")
        dead = self._dead_programs()
        components = {pod: self._holds(pod) for pod in (layout.GATEWAY, *self.state.serving)} | {layout.NODE: True}
        for program in dead:
            pod = program.rpartition(" ")[2]
            if pod in components:
                components[pod] = False
        notes = [f"not running: {', '.join(dead)}"] if dead else []
        notes += [] if self.state.cgroups.parents else [f"no CPU limits: {self.state.cgroups.reason}"]
        newest = self._newest_sample()
        if newest is None:
            return Status(Liveness.DOWN, None, "; ".join(["Prometheus does not answer", *notes]), components)
        age = time.time() - newest
        if age < -FRESH_SECONDS:
            notes.insert(0, f"its newest sample is {span(-age)} ahead of this machine's clock: it was set back")
        liveness = Liveness.LIVE if abs(age) < FRESH_SECONDS else Liveness.STALE
        return Status(liveness, max(0.0, age), "; ".join(notes), components)

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        from cluster.local import telemetry

        return telemetry.read_samples(self.state.prometheus_url, self.topology(), window, step, signals)

    def spans(self, window: Window) -> pd.DataFrame:
        from cluster.local import telemetry

        return telemetry.read_spans(self.state.run_dir, self.topology().ids, window)

    def logs(self, window: Window) -> pd.DataFrame:
        from cluster.local import telemetry

        return telemetry.read_logs(self.state.run_dir, window)

    def exposition(self, window: Window) -> Exposition:
        from cluster.local import telemetry

        return telemetry.read_exposition(self.state.prometheus_url, window)

    def pending_since(self, labels: Mapping[str, str], at: float) -> float | None:
        from cluster.local import telemetry

        return telemetry.read_pending(self.state.prometheus_url, labels, at)

    def pod(self, component: str) -> LocalPod:
        if component not in self._pods:
            self._pods[component] = LocalPod(self.state, component)
        return self._pods[component]

    def gateway(self) -> LocalGateway:
        return LocalGateway(self.state, self.pod(layout.GATEWAY))

    def load(self) -> LoadPlan:
        """The load that is sent, whether or not a recording sets another rate meanwhile. Raises DeploymentError."""
        return load_plan.read(self.state.run_dir.load)

    def set_load(self, plan: LoadPlan) -> None:
        """Send another load from now on, until the deployment ends. Raises DeploymentError."""
        load_plan.write(self.state.run_dir.load, plan)
        self.state.run_dir.usual_load.unlink(missing_ok=True)

    def lend_load(self, plan: LoadPlan) -> None:
        """Send another load until `return_load`, which another process may call when this one dies.

        Raises DeploymentError.
        """
        if not self.state.run_dir.usual_load.exists():
            load_plan.write(self.state.run_dir.usual_load, self.load())
        load_plan.write(self.state.run_dir.load, plan)

    def return_load(self) -> bool:
        """Send the load from before `lend_load` again; False where none is lent. Raises DeploymentError."""
        if not self.state.run_dir.usual_load.exists():
            return False
        self.set_load(load_plan.read(self.state.run_dir.usual_load))
        return True

    def set_rate(self, rate: float | None) -> None:
        path = self.state.run_dir.rate
        try:
            if rate is None:
                path.unlink(missing_ok=True)
                return
            new = path.with_suffix(".new")
            new.write_text(str(rate))
            new.replace(path)
        except OSError as error:
            raise DeploymentError(f"the load cannot be changed: {error}") from None

    def close(self) -> None:
        """Nothing is held open."""

    def _uid(self, component: str) -> str:
        try:
            return self.pod(component).uid
        except DeploymentError:
            return ""  # nothing runs behind it now

    def _labels(self, pod: str) -> dict[str, str]:
        return {"address": layout.data_ip(pod), "engine": self.state.engine} if pod in layout.SERVING else {}

    def _holds(self, pod: str) -> bool:
        return self.state.holders[pod].alive()

    def _dead_programs(self) -> list[str]:
        try:
            health = json.loads(self.state.run_dir.health.read_text())
            return [name for name, program in health["programs"].items() if not program["alive"]]
        except (OSError, ValueError, LookupError):
            return []

    def _newest_sample(self) -> float | None:
        url = f"{self.state.prometheus_url}/api/v1/query?{urlencode({'query': _NEWEST})}"
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310  our own http address
                return float(json.load(answer)["data"]["result"][0]["value"][1])
        except (URLError, OSError, ValueError, LookupError, TypeError):
            return None
