"""The process that serves in a pod, and faults that signal it. Another process that got its pid is never signalled."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from abc import abstractmethod
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from cluster.deployment import DeploymentError
from cluster.local.processes import Process, identify
from faults.local.control.pod_fault import PodFault, pod_of
from faults.types import P, Plan, Readback

if TYPE_CHECKING:
    from cluster.deployment import Deployment

RESTART_PATIENCE = 15.0  # s, of each of several attempts to find that it answers again


class NotBackYet(DeploymentError):
    """Serve has not started another replica yet: Ray itself may be starting again, which takes minutes."""

    @property
    def passing(self) -> bool:
        return True


class ReplicaFault(PodFault[P]):
    """One signal to the process that serves in the pod.

    Attributes:
        number: the signal.
    """

    needs = ("a deployment on this machine",)
    number: ClassVar[signal.Signals]

    @abstractmethod
    def undo(self, process: Process) -> str:
        """The command with which a person undoes it."""

    def plan(self, deployment: Deployment, target: str, parameters: P, injection: str, seconds: float) -> Plan:
        process = serving(deployment, target)
        return self.make_plan(
            deployment,
            target,
            parameters,
            injection,
            actions=(f"kill -{self.number.name.removeprefix('SIG')} {process.pid}, the replica of {target}",),
            undo=self.undo(process),
            prior=asdict(process),
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        send(of(plan), self.number)


def serving(deployment: Deployment, target: str) -> Process:
    """The process that serves now; a plan keeps it as `prior`. Raises DeploymentError when there is none."""
    pid = pod_of(deployment, target).replica()
    process = None if pid is None else identify(pid)
    if process is None:
        raise DeploymentError(f"no replica serves in {target} now; see `rca-tui status`")
    return process


def of(plan: Plan) -> Process:
    """The process that the plan was made for."""
    return Process(int(plan.prior["pid"]), int(plan.prior["started"]))


def send(process: Process, number: signal.Signals) -> None:
    """Signal it if it is alive. Raises DeploymentError where that is not allowed."""
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


def replaced(deployment: Deployment, plan: Plan) -> Readback:
    """Clean when another replica answers after the one of the plan was killed, or when that one still lives."""
    if of(plan).alive():
        return Readback(True, f"the replica of {plan.target} was not killed")
    if pod_of(deployment, plan.target).answers():
        return Readback(True, f"{plan.target} answers again")
    return Readback(False, f"{plan.target} does not answer")


def wait_for_another(deployment: Deployment, plan: Plan) -> None:
    """Wait until Serve has started another replica. Raises NotBackYet where it has not in time."""
    until = time.monotonic() + RESTART_PATIENCE
    while not replaced(deployment, plan).clean:
        if time.monotonic() > until:
            raise NotBackYet(f"no replica answers in {plan.target} yet")
        time.sleep(0.5)
