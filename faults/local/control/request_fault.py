"""Base of faults that are requests: `faults.requests.traffic` in the pod of the clients."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from cluster.local import layout
from faults.local.control.process_fault import ProcessFault
from faults.requests.stream import Stream
from faults.types import P, Plan

if TYPE_CHECKING:
    from cluster.deployment import Deployment


class RequestFault(ProcessFault[P]):
    """Real requests to the target, from where the users of the deployment send theirs."""

    needs = ("a deployment on this machine",)
    culprit: ClassVar[bool] = True
    """Whether the target is to blame."""

    @abstractmethod
    def stream(self, parameters: P) -> Stream: ...

    def plan(self, deployment: Deployment, target: str, parameters: P, injection: str, seconds: float) -> Plan:
        plan = super().plan(deployment, target, parameters, injection, seconds)
        return plan if self.culprit else dataclasses.replace(plan, faulty=())

    def runs_in(self, target: str) -> str:
        return layout.CLIENT

    def argv(self, target: str, parameters: P, lifetime: int) -> tuple[str, ...]:
        return self.stream(parameters).argv((f"http://{layout.data_ip(target)}:{layout.SERVE_PORT}",), lifetime)
