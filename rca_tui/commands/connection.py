"""The deployment that commands talk to: the one on this machine, or with `--context NAME` one in a cluster.

`--context` is accepted before the command and after it, as kubectl does. The libraries that connect are heavy: they
are imported when a command connects.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.text.times import span
from cluster.window import Window
from rca_tui.commands import completion
from rca_tui.commands.errors import BadInput, say

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.incident.model import Incident

SAMPLES = 240
"""Samples that are read back by default: 4 minutes at one a second."""
OPTION = "--context"
InCluster = Annotated[
    str | None,
    typer.Option(
        OPTION,
        metavar="NAME",
        help="A kubeconfig context: the deployment in that cluster. Also accepted before the command.",
        autocompletion=completion.contexts,
        show_default=False,
    ),
]
"""The option of a command that works on a deployment in a cluster, too; the command passes it to `choose_also`."""
_CHOSEN: ContextVar[str | None] = ContextVar("context", default=None)


def chosen() -> str | None:
    """The kubeconfig context that `--context` names, None for this machine."""
    return _CHOSEN.get()


def choose(context: str | None) -> None:
    """Start a command: what stands before its name decides what `chosen` returns."""
    _CHOSEN.set(context)


def choose_also(context: str | None) -> None:
    """Add what stands after the name of the command. Raises BadInput where the two differ."""
    if context is None:
        return
    before = chosen()
    if before not in (None, context):
        raise BadInput(f"--context is given twice, as {before!r} and as {context!r}: give it once")
    _CHOSEN.set(context)


def connect(context: str | None) -> Deployment:
    """Connect to the deployment of a kubeconfig context, of this machine for None. Raises DeploymentError."""
    from rca_tui.work import opening

    return (opening.local() if context is None else opening.cluster(context)).connect()


@contextmanager
def connected() -> Iterator[Deployment]:
    """The chosen deployment. Raises DeploymentError when there is none."""
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
