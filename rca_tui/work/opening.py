"""What the app can open: a saved incident, the deployment on this machine, a cluster. `connect` blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster.deployment import Deployment


@dataclass(frozen=True, slots=True)
class Source:
    """Something that can be opened.

    Attributes:
        name: shown until the deployment tells its own.
        connect: returns the deployment; blocks, and raises an `RcaError` where there is none.
        live: faults may be injected into it, if at all.
    """

    name: str
    connect: Callable[[], Deployment]
    live: bool = True


def incident(name_or_path: str) -> Source:
    """A saved incident, by the name that the library lists or by its path."""

    def connect() -> Deployment:
        from cluster.incident import library
        from cluster.replay import ReplayDeployment

        return ReplayDeployment(library.load(name_or_path), name_or_path)

    return Source(name_or_path, connect, live=False)


def local() -> Source:
    """The deployment that runs on this machine."""

    def connect() -> Deployment:
        from cluster.local.deployment import LocalDeployment

        return LocalDeployment.connect()

    return Source("local", connect)


def cluster(context: str) -> Source:
    """The deployment in the cluster of a kubeconfig context."""

    def connect() -> Deployment:
        from cluster.kubernetes.deployment import KubernetesDeployment

        return KubernetesDeployment.connect(context)

    return Source(context, connect)


def local_runs() -> bool:
    """Whether a deployment runs, or is starting, on this machine."""
    from cluster.local import lifecycle

    return lifecycle.status() is not None


def why_not_local() -> str:
    """Why no deployment can be started on this machine, empty where one can. Blocks: it tries to make a sandbox."""
    from cluster.deployment import DeploymentError
    from cluster.local import preflight
    from cluster.local.options import Options

    try:
        preflight.check(Options())
    except DeploymentError as error:
        return str(error)
    return ""
