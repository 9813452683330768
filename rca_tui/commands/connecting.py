"""The deployment on this machine, for commands that talk to it. Imported inside commands only: it is heavy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster.deployment import Deployment


@contextmanager
def connected() -> Iterator[Deployment]:
    """The deployment that runs here. Raises DeploymentError when there is none."""
    from cluster.local.deployment import LocalDeployment

    deployment = LocalDeployment.connect()
    try:
        yield deployment
    finally:
        deployment.close()


@contextmanager
def connected_or_none() -> Iterator[Deployment | None]:
    from cluster.local import lifecycle

    if lifecycle.status() is None:
        yield None
        return
    with connected() as deployment:
        yield deployment
