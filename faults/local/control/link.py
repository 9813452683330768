"""The data link of a pod: its end inside the pod, where packets are shaped, and its end outside, on the bridge.

The management link, over which Prometheus scrapes, is never touched: a network fault must not hide itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cluster.deployment import DeploymentError
from cluster.local import layout
from faults.local.control.pod_fault import node_of, pod_of, run

if TYPE_CHECKING:
    from cluster.deployment import Deployment, Pod

HANDLE = "7ca:"  # of each queueing discipline that we add: it tells ours from others
DEVICE = layout.DATA_LINK
BRIDGE = layout.DATA_BRIDGE


def outer(target: str) -> str:
    """Name of the end outside the pod."""
    return layout.host_link(target, DEVICE)


# -- inside the pod: what leaves it ---------------------------------------------------------------------------------


def shape_argv(discipline: str) -> list[str]:
    """The command that puts a discipline (`tbf rate …`) on what leaves the pod."""
    return ["tc", "qdisc", "add", "dev", DEVICE, "root", "handle", HANDLE, *discipline.split()]


UNSHAPE = ["tc", "qdisc", "del", "dev", DEVICE, "root", "handle", HANDLE]


def unshaped(deployment: Deployment, target: str) -> Pod:
    """The pod, if nothing shapes its link now. Raises DeploymentError otherwise: we could not restore it."""
    pod = pod_of(deployment, target)
    if found := [one["kind"] for one in _disciplines(pod) if one["handle"] != "0:"]:
        raise DeploymentError(f"{DEVICE} of {target} is shaped already ({', '.join(found)}): remove that first")
    return pod


def shaped(pod: Pod) -> Mapping[str, Any] | None:
    """Our discipline as `tc` shows it, None when there is none. Raises DeploymentError."""
    return next((one for one in _disciplines(pod) if one["handle"] == HANDLE), None)


def unshape(pod: Pod) -> None:
    """Remove our discipline, if it is there. Raises DeploymentError."""
    if shaped(pod) is not None:
        run(pod, *UNSHAPE)


def _disciplines(pod: Pod) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(pod, "tc", "-json", "qdisc", "show", "dev", DEVICE))
    return found


# -- outside the pod: the bridge ------------------------------------------------------------------------------------


def unplug_argv(target: str) -> list[str]:
    """The command that takes the link off the bridge: it stays up, and no frame passes in either direction."""
    return ["ip", "link", "set", outer(target), "nomaster"]


def plug_argv(target: str) -> list[str]:
    """The command that puts it back."""
    return ["ip", "link", "set", outer(target), "master", BRIDGE]


def cable_ends(target: str) -> tuple[str, str]:
    """Names of the link between a cable and the bridge: its end on the bridge, and the end of the cable."""
    return f"{target}-x", f"{target}-y"


def exists(node: Pod, name: str) -> bool:
    """Whether there is such a link beside the pods. Raises DeploymentError."""
    return any(one["ifname"] == name for one in json.loads(run(node, "ip", "-json", "link", "show")))


def plugged(deployment: Deployment, target: str) -> bool:
    """Whether the link is on the bridge. Raises DeploymentError."""
    (link,) = json.loads(run(node_of(deployment), "ip", "-json", "link", "show", "dev", outer(target)))
    return bool(link.get("master") == BRIDGE)
