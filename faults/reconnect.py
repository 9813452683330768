"""From a journal back to the deployment that it speaks of, in a process that knows nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from faults.journal import Header


def connect(header: Header) -> Deployment | None:
    """The deployment that was injected into, or None when that instance of it certainly is no more.

    Raises DeploymentError when it cannot be told.
    """
    connector = CONNECTORS.get(header.kind)
    if connector is None:
        raise DeploymentError(f"no way back to a deployment of kind {header.kind!r}")
    return connector(header)


def _local(header: Header) -> Deployment | None:
    from cluster.local.deployment import LocalDeployment

    try:
        deployment = LocalDeployment.connect()
    except DeploymentError:
        return None
    if deployment.instance != header.instance:
        deployment.close()
        return None
    return deployment


def _kubernetes(header: Header) -> Deployment | None:
    """By the context that the name begins with: the kubeconfig has the login, the journal has none.

    Never None: what was let into a cluster does not end with the deployment that it was aimed at. One that was made
    anew meanwhile serves as well, since the plan names what it touched.
    """
    from cluster.kubernetes.deployment import KubernetesDeployment

    return KubernetesDeployment.connect(header.name.rpartition("/")[0])


CONNECTORS: dict[str, Callable[[Header], Deployment | None]] = {"local": _local, "kubernetes": _kubernetes}
