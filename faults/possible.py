"""Which faults a deployment can have, for who has to name one: the same for all of a kind, whatever is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.deployment import Plays
from cluster.topology import Kind
from faults import catalog

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.incident.model import Incident


def in_kind(kind: str, gpus: bool) -> tuple[str, ...]:
    """Names of the faults of a kind of deployment, with or without a GPU.

    Those of all kinds where it has none of its own, and of endpoints: what is wrong there is seldom a drill.
    """
    every = [entry for entry in catalog.entries() if gpus or not entry.gpu]
    own = [entry for entry in every if kind in entry.deployments and kind != "endpoints"]
    return tuple(entry.name for entry in own or every)


def in_incident(incident: Incident) -> tuple[str, ...]:
    """Those that a recording can have."""
    return in_kind(incident.deployment, incident.has_gpus)


def in_deployment(deployment: Deployment) -> tuple[str, ...]:
    """Those that a live deployment can have, or a recording that is played. Raises DeploymentError."""
    if isinstance(deployment, Plays):
        return in_kind(deployment.origin, deployment.gpus)
    gpus = bool(deployment.topology().of_kind(Kind.GPU)) or any(
        catalog.availability(entry.name, deployment).ok for entry in catalog.entries() if entry.gpu
    )
    return in_kind(deployment.kind, gpus)
