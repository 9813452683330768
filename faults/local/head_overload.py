"""Head overload: all requests go through the head, and the head has too little CPU for them. Everything shifts.

Mode 12 of the field's list (head bottleneck, a common mode). In this deployment the gateway calls the proxy of each
pod, so that a slow head cannot slow down the others. Where requests enter through the head, as with the head service of
KubeRay or the `HeadOnly` proxies of Serve, it can. The fault creates that situation: the upstreams of the gateway lead
through a relay in the pod of the head, and the head gets its CPU in slices, most of which busy loops use up. All edges
shift, the latencies of the replicas do not, and the CPU of the head shows why. The replica on the head suffers most.
"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

from pydantic import Field

from cluster.deployment import HasGateway
from cluster.local import layout
from cluster.topology import Kind
from faults.local.control import routing, starvation, tags
from faults.local.control.pod_fault import PodFault, pod_of, run
from faults.local.control.process_fault import lifetime, script
from faults.local.control.stressor import PROGRAM
from faults.preflight import uid_of
from faults.types import Availability, Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment

FIRST_PORT = 8100
# The gateway must not use the relay before it listens on every port.
_WAIT = """import socket, sys, time
for port in sys.argv[2:]:
    while socket.socket().connect_ex((sys.argv[1], int(port))):
        time.sleep(0.05)"""


class HeadOverloadParameters(Parameters):
    """Defaults leave the head less than half of its limit, in slices almost a second apart."""

    cores: float = Field(default=0.3, ge=0.1, le=2, description="the head's CPU limit while active [cores]")
    period: float = Field(default=0.8, ge=0.1, le=1, description="time from one slice of CPU to the next [s]")


class HeadOverload(PodFault[HeadOverloadParameters]):
    name = "head-overload"
    summary = "All requests come in through the head, which has too little CPU: everything shifts together."
    needs = ("a deployment on this machine", "a cgroup (v1 or v2) per pod that may be written", f"{PROGRAM} on PATH")
    programs = ((PROGRAM, PROGRAM),)
    targets = frozenset({Kind.HEAD})
    blast_radius = 2
    effects = (
        Effect(Role.TARGET, "cpu_throttled", Direction.UP, 1.5),
        Effect(Role.EDGES, "latency_p90", Direction.UP, 1.5),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[HeadOverloadParameters]:
        return HeadOverloadParameters

    def available(self, deployment: Deployment) -> Availability:
        found = super().available(deployment)
        if not found.ok:
            return found
        if not isinstance(deployment, HasGateway):
            return Availability(False, f"{self.name} needs a gateway that this machine can configure")
        if len(_serving(deployment)) < 2:
            return Availability(False, f"{self.name} needs replicas beside the head")
        return starvation.available(deployment, layout.HEAD)

    def plan(
        self, deployment: Deployment, target: str, parameters: HeadOverloadParameters, injection: str, seconds: float
    ) -> Plan:
        ports = dict(zip(_serving(deployment), range(FIRST_PORT, FIRST_PORT + 1000), strict=False))
        relay = (
            *(*script("relay"), "--listen", layout.data_ip(target)),
            *("--seconds", str(lifetime(seconds))),
            *(f"{port}={layout.data_ip(pod)}:{layout.SERVE_PORT}" for pod, port in ports.items()),
        )
        detours = {pod: f"{layout.data_ip(target)}:{port}" for pod, port in ports.items()}
        slices = starvation.data(deployment, target, parameters.cores, parameters.period, seconds)
        prior = {"quota": pod_of(deployment, target).cpu_quota()}
        lines = (
            routing.gateway_of(deployment).manual_command(injection),
            *(starvation.echo(path, content) for path, content in prior["quota"].items()),
            tags.kill_line(injection),
        )
        return Plan(
            injection=injection,
            fault=self.name,
            target=target,
            components=(target, layout.GATEWAY),
            faulty=(target,),
            uids={component: uid_of(deployment, component) for component in (target, layout.GATEWAY)},
            parameters=parameters.model_dump(),
            actions=(
                f"in the pod of {target}: {shlex.join(relay)}",
                f"in the gateway's upstreams: {', '.join(detours.values())} for the pods; reload",
                *starvation.actions(slices),
            ),
            undo=" ; ".join(lines),
            prior=prior,
            data={
                **slices,
                "relay": list(relay),
                "ports": [str(port) for port in ports.values()],
                **routing.new_values(deployment, injection, detours=detours),
            },
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        pod = pod_of(deployment, plan.target)
        pod.spawn(list(plan.data["relay"]), plan.injection)
        run(pod, sys.executable, "-I", "-S", "-c", _WAIT, layout.data_ip(plan.target), *plan.data["ports"])
        routing.inject(deployment, plan)
        starvation.inject(deployment, plan)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        routing.revert(deployment, plan)  # first: once the relay is gone, nothing answers behind it
        starvation.revert(deployment, plan)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        both = (routing.readback(deployment, plan), starvation.readback(deployment, plan))
        return Readback(all(one.clean for one in both), "; ".join(one.detail for one in both))


def _serving(deployment: Deployment) -> tuple[str, ...]:
    return tuple(c.id for c in deployment.topology().of_kind(Kind.HEAD, Kind.REPLICA))
