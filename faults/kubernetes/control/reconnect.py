"""Back to the deployment in a cluster, by the context that its name begins with.

The kubeconfig has the login, the journal has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from faults.journal import Header


def connect(header: Header) -> Deployment | None:
    """Never None: a fault in a cluster does not end with the deployment that it was aimed at.

    A deployment that was created again meanwhile serves as well, since the plan names what it touched.
    """
    from cluster.kubernetes.deployment import KubernetesDeployment

    return KubernetesDeployment.connect(header.name.rpartition("/")[0])


def end_orphans(header: Header) -> str:
    """An injection into a cluster starts nothing on this machine."""
    return ""
