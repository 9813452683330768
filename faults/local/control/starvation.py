"""Too little CPU, in slices: busy loops use up the CPU limit of a pod, and its processes wait for the next period.

Where a pod needs little CPU (a gateway, a proxy), lowering its limit has no effect down to the point where it stops.
With busy loops that use up the limit, each step of a request waits for the next period instead: the delay follows from
the period and hardly from the machine.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from cluster.deployment import DeploymentError
from faults.local.control import tags
from faults.local.control.pod_fault import pod_of
from faults.local.control.process_fault import lifetime
from faults.local.control.stressor import stress_argv
from faults.types import Availability, Plan, Readback

if TYPE_CHECKING:
    from cluster.deployment import Deployment

LOOPS = 2  # with one, a pod with a limit of more than a core would keep a part of it


def available(deployment: Deployment, component: str) -> Availability:
    """Whether the pod of the component has a CPU limit that can be set."""
    try:
        pod_of(deployment, component).cpu_quota()
    except DeploymentError as error:
        return Availability(False, str(error))
    return Availability(True)


def data(deployment: Deployment, component: str, cores: float, period: float, seconds: float) -> dict[str, Any]:
    """`data` of a plan. Raises DeploymentError."""
    argv = stress_argv(lifetime(seconds), "--cpu", str(LOOPS))
    return {"pod": component, "loops": list(argv), "quota": pod_of(deployment, component).cpu_quota(cores, period)}


def actions(data: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"in the pod of {data['pod']}: {shlex.join(data['loops'])}",
        *(echo(path, content) for path, content in data["quota"].items()),
    )


def inject(deployment: Deployment, plan: Plan) -> None:
    pod = pod_of(deployment, str(plan.data["pod"]))
    pod.spawn(list(plan.data["loops"]), plan.injection)
    pod.set_cpu_quota(plan.data["quota"])


def revert(deployment: Deployment, plan: Plan) -> None:
    """The limit first, because a killed process needs CPU time to end. Then kill all with the injection's tag."""
    pod = pod_of(deployment, str(plan.data["pod"]))
    pod.set_cpu_quota(plan.prior["quota"])
    if left := tags.kill(lambda: pod.tagged(plan.injection)):
        raise DeploymentError(f"{len(left)} processes in {pod.component} do not die: {left}")


def readback(deployment: Deployment, plan: Plan) -> Readback:
    pod = pod_of(deployment, str(plan.data["pod"]))
    running, limit = len(pod.tagged(plan.injection)), pod.cpu_limit()
    shown = "unlimited" if limit is None else f"limited to {limit:g} cores"
    clean = not running and pod.cpu_quota() == plan.prior["quota"]
    return Readback(clean, f"{pod.component} is {shown}, {running} processes of the fault run there")


def echo(path: str, content: str) -> str:
    """The command with which a person writes it."""
    return f"echo {shlex.quote(content)} > {shlex.quote(path)}"
