"""Back to the deployment on this machine, and to the processes that outlive it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError
from faults.local.control import tags

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from faults.journal import Header


def connect(header: Header) -> Deployment | None:
    """The deployment that runs now; None when it is not the instance that was injected into."""
    from cluster.local.deployment import LocalDeployment

    try:
        deployment = LocalDeployment.connect()
    except DeploymentError:
        return None
    if deployment.instance != header.instance:
        deployment.close()
        return None
    return deployment


def end_orphans(header: Header) -> str:
    """Kill the processes of this machine that carry the injection's tag."""
    left = tags.kill(lambda: tags.anywhere(header.injection))
    return f"kill -9 {' '.join(str(pid) for pid in left)}" if left else ""
