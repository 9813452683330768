"""The deployment that commands talk to: the one on this machine, or that of `rca-tui --context NAME`.

What it connects with is heavy, and imported only when it connects.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from cluster.text.times import span
from cluster.window import Window
from rca_tui.commands.errors import say

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.incident.model import Incident

SAMPLES = 240
"""How many samples are read back by default: 4 minutes at one a second."""
_CHOSEN: ContextVar[str | None] = ContextVar("context", default=None)


def chosen() -> str | None:
    """The kubeconfig context that `--context` names, None for this machine."""
    return _CHOSEN.get()


def choose(context: str | None) -> None:
    """What `chosen` says for the rest of this command."""
    _CHOSEN.set(context)


def connect(context: str | None) -> Deployment:
    """The deployment of a kubeconfig context, of this machine for None. Raises DeploymentError when there is none."""
    if context is not None:
        from cluster.kubernetes.deployment import KubernetesDeployment

        return KubernetesDeployment.connect(context)
    from cluster.local.deployment import LocalDeployment

    return LocalDeployment.connect()


@contextmanager
def connected() -> Iterator[Deployment]:
    """The deployment that was chosen. Raises DeploymentError when there is none."""
    deployment = connect(chosen())
    try:
        yield deployment
    finally:
        deployment.close()


@contextmanager
def connected_or_none() -> Iterator[Deployment | None]:
    from cluster.local import lifecycle

    if chosen() is None and lifecycle.status() is None:
        yield None
        return
    with connected() as deployment:
        yield deployment


def last(deployment: Deployment, seconds: float | None) -> Incident:
    """The last seconds of a live deployment as an incident; `SAMPLES` samples for None. Raises DeploymentError."""
    from cluster.capture import capture

    seconds = SAMPLES * deployment.step if seconds is None else seconds
    say(f"reading the last {span(seconds)} of {deployment.name}")
    now = time.time()
    return capture(deployment, Window(now - seconds, now))
