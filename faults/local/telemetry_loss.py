"""Telemetry loss: Prometheus cannot scrape a pod that serves as well as before.

The pod drops what it would answer to Prometheus (a blackhole route to its address on the management link), so each
scrape times out: the signals that the pod exports itself stop, those of Ray and of its engine. What others measure of
it goes on: CPU and memory, which the exporter of the machine reads, and its edge, which the gateway measures. Users
notice nothing.

No component is at fault, and the right answer is "none": silence is neither a dead replica nor a healthy one.

On Kubernetes it is not available: Chaos Mesh would have to know where Prometheus scrapes from, which a cluster that is
read through its API does not tell.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError
from cluster.local import layout
from faults.local.control.pod_fault import PodFault, pod_of, run
from faults.types import Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment, Pod

ROUTE = ("blackhole", f"{layout.management_ip(layout.NODE)}/32")
ADD, DELETE = (["ip", "route", verb, *ROUTE] for verb in ("add", "del"))


class TelemetryLossParameters(Parameters):
    """None: the pod is scraped or it is not."""


class TelemetryLoss(PodFault[TelemetryLossParameters]):
    name = "telemetry-loss"
    summary = "Prometheus cannot scrape the pod, which serves as well as before: its own signals stop."
    needs = ("a deployment on this machine", "ip on PATH")
    programs = (("ip", "iproute2"),)
    effects = (
        Effect(Role.TARGET, "token_rate", Direction.LOST, 2.0),
        Effect(Role.TARGET, "latency_p90", Direction.LOST, 2.0),
    )

    @property
    def parameters(self) -> type[TelemetryLossParameters]:
        return TelemetryLossParameters

    def plan(
        self, deployment: Deployment, target: str, parameters: TelemetryLossParameters, injection: str, seconds: float
    ) -> Plan:
        pod = pod_of(deployment, target)
        if _dropped(pod):
            raise DeploymentError(f"{target} drops what it would answer to Prometheus already: undo that first")
        plan = self.make_plan(
            deployment,
            target,
            parameters,
            injection,
            actions=(f"in the pod of {target}: {' '.join(ADD)}",),
            undo=pod.manual_command(DELETE),
        )
        return dataclasses.replace(plan, faulty=())

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        run(pod_of(deployment, plan.target), *ADD)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        pod = pod_of(deployment, plan.target)
        if _dropped(pod):
            run(pod, *DELETE)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        if _dropped(pod_of(deployment, plan.target)):
            return Readback(False, f"{plan.target} drops what it would answer to Prometheus")
        return Readback(True, f"{plan.target} answers to Prometheus")


def _dropped(pod: Pod) -> bool:
    shown = json.loads(run(pod, "ip", "-json", "route", "show", "type", *ROUTE) or "[]")
    return bool(shown)
