"""From a journal back to the deployment that it names, in a process that knows nothing else.

How depends on the kind of deployment: `faults.<kind>.control.reconnect` does it, and is imported when needed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from cluster.deployment import DeploymentError

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from faults.journal import Header

_MODULES = {kind: f"faults.{kind}.control.reconnect" for kind in ("local", "kubernetes", "endpoints")}


class WayBack(Protocol):
    """What the module of a kind has."""

    def connect(self, header: Header) -> Deployment | None:
        """The deployment that was injected into, or None when that instance of it certainly has ended.

        Raises DeploymentError when it cannot be told.
        """

    def end_orphans(self, header: Header) -> str:
        """End what an injection started and what outlives its deployment.

        Returns the command with which a person ends what is left, empty when nothing is.
        """


def connect(header: Header) -> Deployment | None:
    """`WayBack.connect` of the header's kind. Raises DeploymentError, also for an unknown kind."""
    return _way_back(header).connect(header)


def end_orphans(header: Header) -> str:
    """`WayBack.end_orphans` of the header's kind. Raises DeploymentError for an unknown kind."""
    return _way_back(header).end_orphans(header)


def _way_back(header: Header) -> WayBack:
    if header.kind not in _MODULES:
        raise DeploymentError(f"no way back to a deployment of kind {header.kind!r}")
    return cast("WayBack", importlib.import_module(_MODULES[header.kind]))
