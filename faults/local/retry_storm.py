"""Retry storm: clients try again what is not answered soon, and their retries keep up the overload that made them.

A metastable failure (Bronson et al., HotOS 2021; Huang et al., OSDI 2022): a short burst of requests is the trigger.
It ends after a few seconds, and the overload does not: answers take longer than clients wait, so each client sends its
request again, and the former attempt is still worked on, as behind a proxy that does not pass on that its client has
gone. Only less load ends it: undoing the fault sheds those clients. With `attempts=1` the same trigger passes by
itself.

No component is at fault, and the right answer is "none": the queues of all replicas grow alike, while the number of
users is almost the usual one. Attempts in flight are bounded, so that the usual requests are slow rather than lost.

Chaos Mesh sends no requests, so it is not available on Kubernetes.
"""

from __future__ import annotations

from pydantic import Field

from cluster.topology import Kind
from faults.local.control.request_fault import RequestFault
from faults.requests.stream import Retries, Stream
from faults.types import Direction, Effect, Parameters, Role


class RetryStormParameters(Parameters):
    """Defaults add little to the usual four requests a second while all is well, and far too much once it is not."""

    rate: float = Field(default=1.0, ge=0.2, le=10, description="requests of these clients, each counted once [1/s]")
    attempts: int = Field(default=8, ge=1, le=20, description="attempts at each request [1]")
    patience: float = Field(default=2.0, ge=0.5, le=20, description="time from one attempt to the next [s]")
    burst: float = Field(default=12.0, ge=1, le=30, description="requests while the trigger lasts [1/s]")
    trigger: float = Field(default=5.0, ge=1, le=60, description="how long the trigger lasts [s]")
    in_flight: int = Field(default=24, ge=4, le=200, description="attempts in flight at most [1]")
    max_tokens: int = Field(default=8, ge=1, le=256, description="tokens that each generates [1]")


class RetryStorm(RequestFault[RetryStormParameters]):
    name = "retry-storm"
    summary = "Clients retry what is not answered soon: the overload outlives its trigger, until it is shed."
    targets = frozenset({Kind.GATEWAY})
    culprit = False
    effects = (
        Effect(Role.FRONT_DOOR, "request_rate", Direction.UP, 1.3),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 2.0),
        Effect(Role.EDGES, "latency_p90", Direction.UP, 1.3),
    )

    @property
    def parameters(self) -> type[RetryStormParameters]:
        return RetryStormParameters

    def stream(self, parameters: RetryStormParameters) -> Stream:
        retries = Retries(parameters.attempts, parameters.patience, 1 / parameters.burst, parameters.trigger)
        return Stream(4, parameters.max_tokens, parameters.in_flight, 1 / parameters.rate, retries=retries)
