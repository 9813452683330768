"""The process that serves in a pod: found, and signalled without ever hitting another one that was given its pid."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError
from cluster.local.processes import Process, identify
from faults.local.control.on_pod import pod_of

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from faults.types import Plan


def serving(deployment: Deployment, target: str) -> Process:
    """The one that serves now; a plan keeps it as its `prior`. Raises DeploymentError when there is none."""
    pid = pod_of(deployment, target).replica()
    process = None if pid is None else identify(pid)
    if process is None:
        raise DeploymentError(f"no replica serves in {target} now; see `rca-tui status`")
    return process


def of(plan: Plan) -> Process:
    """The one that the plan was made for."""
    return Process(int(plan.prior["pid"]), int(plan.prior["started"]))


def send(process: Process, number: signal.Signals) -> None:
    """Signal it, if it still lives. Raises DeploymentError where that is not allowed."""
    try:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(process.pid)
            try:
                if process.alive():
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)
    except PermissionError as error:
        raise DeploymentError(f"process {process.pid} may not be signalled: {error.strerror}") from None
