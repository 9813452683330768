"""The deployment on this machine or elsewhere: its health, its load."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from shapes.base import Answer, Part, Shape, old


class HealthChange(Shape):
    signal: str
    kind: str = Field(description="stall, down, routing, latency, waiting, errors, load, calls, connecting, cpu …")
    callee: str = Field(description="of routing: to whom more is sent; empty for the others")
    caller: str = Field(description="who measured it, of the calls to the component; empty for its own signals")
    now: float = Field(description="in the signal's unit")
    before: float = Field(description="what was normal")
    since: float = Field(description="unix seconds")
    explained: float = Field(description="share that something else explains, from 0 to 1")
    explained_by: Literal["", "callees", "caller", "routing", "load", "itself"] = Field(
        description="what explains it; `itself`: its own signal tells as much of what its callers measure"
    )
    explained_by_callees: float = old("explained")
    explained_by_routing: bool = old("explained_by")


class HealthEvent(Shape):
    event: str = Field(description="restarted or replaced")
    time: float = Field(description="unix seconds")


class Health(Shape):
    state: Literal["trouble", "silent", "changed", "normal", "unknown"]
    severity: float = Field(description="for sorting: the worst is the greatest")
    since: float | None = Field(description="unix seconds")
    sentence: str
    changes: list[HealthChange] = Field(description="the strongest first")
    events: list[HealthEvent]


class State(Part):
    status: Literal["UP", "DOWN"]
    health: Health | None = Field(description="null where it cannot be read")


class Origin(Part):
    signal: str
    origin: Literal[
        "measured",
        "not exported",
        "known under no name",
        "not comparable",
        "partial",
        "stale",
        "scrape failed",
    ]
    metrics: list[str] = Field(description="names it is read from; of one known under no name, the nearest")
    query: str = Field(description="PromQL")
    interval: float | None = Field(description="seconds between two scrapes")
    reason: str


class LoadShape(Shape):
    shape: Literal["constant", "bursty", "diurnal", "trace"]
    rate: float = Field(description="requests per second on average")
    max_tokens: int = Field(description="tokens of an answer, of a trace on average")
    trace: str | None = Field(description="name of the trace's file")
    sentence: str
    notes: list[str] = Field(description="how the trace was fitted to this machine")


class Load(Answer, LoadShape):
    """The load that runs, after a change the new one."""


class Status(Answer):
    """Exit code 1 when it is DOWN."""

    status: Literal["LIVE", "STALE", "DOWN"]
    liveness: Literal["LIVE", "STALE", "DOWN"] = old("status")
    data_age: float | None = Field(description="seconds")
    message: str
    components: list[State] = Field(description="the worst first")
    provenance: list[Origin] = Field(description="of each signal of each component; empty when nothing answers")
    to_recover: list[str] = Field(description="injections that are not undone")
    gateway: str | None = Field(default=None, description="address, of the deployment on this machine")
    prometheus: str | None = None
    engine: str | None = None
    rate: float | None = Field(default=None, description="requests per second of the load, on average")
    load: LoadShape | None = None


class Up(Answer):
    gateway: str
    prometheus: str
    engine: str
    replicas: int = Field(description="degree of data parallelism: pods that serve")
    rate: float
    load: LoadShape
    seconds: float
    phases: dict[str, float]


class Smoke(Answer):
    slo: dict[str, float] = Field(description="what a good request keeps, in seconds")
    saturation: list[dict[str, Any]] = Field(
        description="by `replicas`: the lowest `rate` whose queue grows, the highest before it, the best throughput"
    )
    runs: list[dict[str, Any]] = Field(description="TTFT, ITL, throughput and goodput, by `replicas` and `rate`")
    kept: str = Field(description="the file with every request")


class Down(Answer):
    ended: bool = Field(description="whether there was something to stop")
