"""Base of network-delay and network-loss: a worse link out of the pod, by netem or by our own cable.

netem, the network emulator of the kernel, is used where the kernel has it, as Chaos Mesh does; elsewhere
`faults.local.control.cable` replaces the link beside the pods. Both act on what leaves the pod, so that a delay of d
adds d to a round trip, and neither touches the management link.
"""

from __future__ import annotations

import sys
import time
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError
from faults.local.control import cable, link, tags
from faults.local.control.pod_fault import PodFault, node_of, pod_of, run
from faults.types import P, Plan, Readback

if TYPE_CHECKING:
    from cluster.deployment import Deployment, Pod

NETEM, CABLE = "netem", "cable"
OWN_TIMEOUT = 20.0  # s past the deadline after which the cable removes itself if nothing else did
PLUG_PATIENCE = 10.0  # s


@dataclass(frozen=True, slots=True)
class Wire:
    """Delay and jitter of each packet in ms, loss in percent of the packets."""

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0


class Impairment(PodFault[P]):
    needs = ("a deployment on this machine", "tc and ip on PATH", "netem in the kernel, else packet sockets")
    programs = (("tc", "iproute2"), ("ip", "iproute2"))

    @abstractmethod
    def wire(self, parameters: P) -> Wire:
        """What the link becomes."""

    def plan(self, deployment: Deployment, target: str, parameters: P, injection: str, seconds: float) -> Plan:
        pod, node, wire = link.unshaped(deployment, target), node_of(deployment), self.wire(parameters)
        if has_netem(pod):
            argv = link.shape_argv(f"netem delay {wire.delay:g}ms {wire.jitter:g}ms loss {wire.loss:g}%")
            by, where, undo = NETEM, f"in the pod of {target}", pod.manual_command(link.UNSHAPE)
        else:
            argv = _cable_argv(target, wire, seconds)
            by, where = CABLE, "beside the pods"
            remove = [["ip", "link", "del", link.cable_ends(target)[0]], link.plug_argv(target)]
            undo = "; ".join([tags.kill_line(injection), *(node.manual_command(command) for command in remove)])
        return self.make_plan(
            deployment,
            target,
            parameters,
            injection,
            actions=(f"{where}: {' '.join(argv)}",),
            undo=undo,
            data={"by": by, "argv": argv},
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        if plan.data["by"] == NETEM:
            run(pod_of(deployment, plan.target), *plan.data["argv"])
            return
        node = node_of(deployment)
        node.spawn(plan.data["argv"], plan.injection)
        until = time.monotonic() + PLUG_PATIENCE
        while link.plugged(deployment, plan.target):
            if time.monotonic() > until:
                raise DeploymentError(f"the cable for {plan.target} did not plug itself in")
            time.sleep(0.05)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        if plan.data["by"] == NETEM:
            link.unshape(pod_of(deployment, plan.target))
            return
        node = node_of(deployment)
        if left := tags.kill(lambda: node.tagged(plan.injection)):
            raise DeploymentError(f"the cable of {plan.target} does not die: {left}")
        far, _ = link.cable_ends(plan.target)
        if link.exists(node, far):
            run(node, "ip", "link", "del", far)
        run(node, *link.plug_argv(plan.target))

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        if plan.data["by"] == NETEM:
            found = link.shaped(pod_of(deployment, plan.target))
            return Readback(found is None, f"netem is {'off' if found is None else 'on'} in {plan.target}")
        node = node_of(deployment)
        running, plugged = bool(node.tagged(plan.injection)), link.plugged(deployment, plan.target)
        if not running and not plugged:
            raise DeploymentError(f"the cable of {plan.target} died, and the pod is cut off")
        if running or link.exists(node, link.cable_ends(plan.target)[0]):
            return Readback(False, f"a cable stands in the data link of {plan.target}")
        return Readback(True, f"the data link of {plan.target} is on the bridge, without a cable")


def has_netem(pod: Pod) -> bool:
    """Whether the kernel has netem: tried in a network namespace that ends at once."""
    probe = ["unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]
    return pod.run(probe).code == 0


def _cable_argv(target: str, wire: Wire, seconds: float) -> list[str]:
    far, near = link.cable_ends(target)
    return [
        *(sys.executable, "-I", "-S", str(Path(cable.__file__).absolute())),
        *("--inner", link.outer(target), "--far", far, "--near", near, "--bridge", link.BRIDGE),
        *("--delay", f"{wire.delay:g}", "--jitter", f"{wire.jitter:g}", "--loss", f"{wire.loss:g}"),
        *("--seconds", f"{seconds + OWN_TIMEOUT:g}"),
    ]
