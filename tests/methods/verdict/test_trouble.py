"""The kind of trouble, by its footprint; the fault catalogue expects what the footprints say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
from serving_incident import ONSET, SAMPLES, incident, requests, slow

from cluster.incident.model import Incident
from cluster.topology import Component, Kind, Topology, calls
from faults import catalog
from faults.types import Direction, Role
from methods.peers.account import Means
from methods.verdict.decision import decide
from methods.verdict.trouble import footprint, kind_of
from methods.verdict.types import Trouble

NAME = "replica-2"
NOTHING = {(NAME, "request_rate"): 0.0, ("gateway", NAME, "latency_p90"): 20.0}


def own(**factors: float) -> dict[tuple[str, ...], float]:
    return {(NAME, signal): factor for signal, factor in factors.items()}


def late(by: float) -> dict[tuple[str, ...], float]:
    return {("gateway", NAME, signal): by for signal in ("connect_time_p90", "latency_p90")}


@pytest.mark.parametrize(
    ("factors", "kind"),
    [
        (slow(NAME) | own(cpu_usage=2.0), Trouble.CPU),
        (slow(NAME) | own(memory_working_set=2.5), Trouble.MEMORY),
        (late(20.0), Trouble.LINK_SLOW),
        (NOTHING | own(cpu_usage=0.1), Trouble.STOPPED),
        (NOTHING | own(memory_working_set=0.6, cpu_usage=0.5), Trouble.RESTARTED),
        (slow(NAME), Trouble.QUEUE),
        (own(latency_p90=4.0) | {("gateway", NAME, "latency_p90"): 4.0}, Trouble.UNKNOWN),
    ],
    ids=lambda value: value.name if isinstance(value, Trouble) else "",
)
def test_the_kind_of_a_replicas_trouble(factors: Mapping[tuple[str, ...], float], kind: Trouble) -> None:
    verdict = decide(incident(factors))
    assert verdict.named == (NAME,)
    assert verdict.kind is kind


def test_who_waits_for_cpu_is_late_to_accept_calls_too() -> None:
    case = incident(late(20.0))
    metrics = case.telemetry.metrics.copy()
    for replica in case.topology.callees("gateway"):
        metrics[replica, "cpu_throttled"] = 0.2
    metrics.loc[ONSET:, (NAME, "cpu_throttled")] = 0.8
    starved = dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=metrics))
    assert decide(starved).kind is Trouble.CPU


@pytest.mark.parametrize(("each", "kind"), [(1.0, Trouble.PREFILL), (6.0, Trouble.CPU)])
def test_a_long_prompt_delays_the_first_token_and_too_little_cpu_each(each: float, kind: Trouble) -> None:
    case = incident(slow(NAME) | own(cpu_usage=2.0))
    metrics = case.telemetry.metrics.copy()
    for signal, level, factor in (("ttft_p50", 0.1, 8.0), ("tpot_p50", 0.02, each)):
        for replica in case.topology.callees("gateway"):
            metrics[replica, signal] = level
        metrics.loc[ONSET:, (NAME, signal)] = level * factor
    long = dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=metrics))
    assert decide(long).kind is kind


REPLICAS = tuple(f"replica-{i}" for i in range(4))
ALL_CALLS = {("gateway", r, "latency_p90"): 4.0 for r in REPLICAS} | {("gateway", "latency_p90"): 4.0}
ALL_CONNECTS = ALL_CALLS | {("gateway", r, "connect_time_p90"): 4.0 for r in REPLICAS}
NO_REQUESTS = {(name, "request_rate"): 0.0 for name in ("gateway", *REPLICAS)}


def door(**factors: float) -> dict[tuple[str, ...], float]:
    return {("gateway", signal): factor for signal, factor in factors.items()}


def test_calls_that_are_all_late_are_the_callers() -> None:
    verdict = decide(incident(ALL_CALLS))
    assert (verdict.named, verdict.kind) == (("gateway",), Trouble.CALLER)
    assert "longer than the callees say" in verdict.headline


def test_calls_that_a_slow_caller_does_not_delay_speak_against_it() -> None:
    """The links of three of four engines, say."""
    some = {("gateway", r, signal): 4.0 for r in REPLICAS[:3] for signal in ("latency_p90", "connect_time_p90")}
    verdict = decide(incident(some | {("gateway", "latency_p90"): 1.5}))
    assert verdict.named == ("gateway",)
    (told,) = [e.sentence for e in verdict.opposing if "take no longer" in e.sentence]
    spared = "The calls of gateway to replica-3 take no longer"
    assert told == f"{spared}: it may be replica-0, replica-1 and replica-2, or the way there."
    assert not [e for e in decide(incident(ALL_CALLS)).opposing if "take no longer" in e.sentence]


@pytest.mark.parametrize(
    ("factors", "kind"),
    [
        (ALL_CALLS | door(cpu_usage=8.0), Trouble.CPU),
        (ALL_CONNECTS | door(cpu_usage=8.0), Trouble.CPU),
        (ALL_CONNECTS, Trouble.LINK_SLOW),
        (ALL_CONNECTS | door(network_transmit=1.4), Trouble.LINK_LOSSY),
        (ALL_CALLS | door(memory_working_set=200.0), Trouble.MEMORY),
        (ALL_CALLS | door(memory_working_set=3.0), Trouble.CALLER),
        (ALL_CALLS | door(memory_limit_ratio=1.02), Trouble.CALLER),
        (ALL_CONNECTS | door(memory_limit_ratio=1.02), Trouble.LINK_SLOW),
        (ALL_CALLS | door(memory_working_set=1.5, memory_limit_ratio=1.5), Trouble.MEMORY),
        (ALL_CALLS | door(router_queue=20.0), Trouble.QUEUE),
        (door(latency_p90=20.0), Trouble.CALLER),
        (door(latency_p90=20.0, cpu_usage=8.0), Trouble.CPU),
    ],
    ids=lambda value: value.name if isinstance(value, Trouble) else "",
)
def test_the_kind_of_a_gateways_trouble(factors: Mapping[tuple[str, ...], float], kind: Trouble) -> None:
    """Its own signals tell. Some MiB more of its few are not short of memory: its callees have hundreds."""
    verdict = decide(_with_more_of_the_gateway(incident(factors), factors))
    assert verdict.named == ("gateway",)
    assert verdict.kind is kind
    assert verdict.actions


@pytest.mark.parametrize(
    ("factors", "kind"),
    [
        (door(cpu_usage=0.0, network_receive=0.1), Trouble.PROCESS_STOPPED),
        (door(cpu_usage=0.1, network_receive=0.0), Trouble.CUT_OFF),
        (door(cpu_usage=0.1, network_receive=0.1, memory_working_set=0.5), Trouble.PROCESS_RESTARTED),
    ],
    ids=lambda value: value.name if isinstance(value, Trouble) else "",
)
def test_the_kind_of_a_gateway_that_passes_nothing_on(factors: Mapping[tuple[str, ...], float], kind: Trouble) -> None:
    """Whether it is to blame is another question: users who ask for nothing any more look much the same."""
    factors = factors | NO_REQUESTS
    case = _with_more_of_the_gateway(incident(factors), factors)
    means = Means(case, float(ONSET), float(SAMPLES))
    assert kind_of(footprint(case.topology, "gateway", means, ()), routed=False) is kind


@pytest.mark.parametrize("kind", [Kind.GATEWAY, Kind.HEAD, Kind.SERVICE])
def test_what_has_no_engine_is_not_said_to_have_one(kind: Kind) -> None:
    """A head that passes requests on, between the front door and the replicas, and services of other stacks."""
    factors = door(cpu_usage=0.0) | NO_REQUESTS
    case = _with_more_of_the_gateway(incident(factors), factors)
    old = case.topology
    components = tuple(dataclasses.replace(c, kind=kind) if c.id == "gateway" else c for c in old.components)
    behind = Topology(
        (*components, Component("users", Kind.SERVICE)), (*old.edges, *calls("users", ["gateway"])), "users"
    )
    for topology in (Topology(components, old.edges, "gateway"), behind):
        print_ = footprint(topology, "gateway", Means(case, float(ONSET), float(SAMPLES)), ())
        assert kind_of(print_, routed=False) is Trouble.PROCESS_STOPPED


def test_a_head_that_calls_nobody_has_an_engine() -> None:
    """Ours has a replica of the model, too."""
    case = incident(NOTHING | own(cpu_usage=0.1))
    components = tuple(dataclasses.replace(c, kind=Kind.HEAD) if c.id == NAME else c for c in case.topology.components)
    verdict = decide(dataclasses.replace(case, topology=dataclasses.replace(case.topology, components=components)))
    assert (verdict.named, verdict.kind) == ((NAME,), Trouble.STOPPED)


def test_more_requests_take_more_of_a_gateways_cpu() -> None:
    more = {(name, "request_rate"): 3.0 for name in ("gateway", *REPLICAS)}
    case = incident(ALL_CALLS | more | door(cpu_usage=3.0))
    means = Means(case, float(ONSET), float(SAMPLES))
    assert kind_of(footprint(case.topology, "gateway", means, ()), routed=False) is Trouble.CALLER


def _with_more_of_the_gateway(case: Incident, factors: Mapping[tuple[str, ...], float]) -> Incident:
    """With memory, network and a queue of the gateway, too."""
    metrics, rng = case.telemetry.metrics.copy(), np.random.default_rng(2)
    levels = {"memory_working_set": 4e6, "network_receive": 2e4, "network_transmit": 2e4, "router_queue": 1.0}
    if full := factors.get(("gateway", "memory_limit_ratio")):  # it ends near its limit, wherever it began
        levels["memory_limit_ratio"] = 0.95 / full
    for signal, level in levels.items():
        values = level * (1 + 0.03 * rng.standard_normal(SAMPLES))
        values[ONSET:] *= factors.get(("gateway", signal), 1.0)
        metrics["gateway", signal] = values
    return dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=metrics))


def test_a_replica_that_gets_too_much_is_the_routers() -> None:
    shares = {NAME: 3.0, "replica-0": 0.3, "replica-1": 0.3, "replica-3": 0.4}
    verdict = decide(incident(slow(NAME, by=10.0) | requests(shares)))
    assert (verdict.named, verdict.kind) == (("gateway",), Trouble.ROUTING)
    assert verdict.headline.startswith(f"gateway, strong: requests to {NAME} 4 → ")
    assert [(hop.source, hop.target) for hop in verdict.path] == [("gateway", NAME)]


def test_a_signal_that_does_not_fit_the_kind_is_evidence_against() -> None:
    verdict = decide(incident(slow(NAME) | own(cpu_throttled=1.0, cpu_usage=0.3, memory_working_set=2.5)))
    assert verdict.kind is Trouble.MEMORY
    starved = decide(incident(slow(NAME, by=10.0) | own(cpu_usage=2.0, request_rate=1.0)))
    assert not [e for e in starved.opposing if "does not fit" in e.sentence]


@pytest.mark.parametrize(
    ("fault", "signal", "kind"),
    [
        ("cpu-stress", "cpu_throttled", Trouble.CPU),
        ("cpu-throttle", "cpu_throttled", Trouble.CPU),
        ("memory-stress", "memory_working_set", Trouble.MEMORY),
        ("network-delay", "connect_time_p90", Trouble.LINK_SLOW),
        ("kv-pressure", "queue_length", Trouble.QUEUE),
    ],
)
def test_a_footprint_looks_at_what_the_catalogue_expects(fault: str, signal: str, kind: Trouble) -> None:
    effects = catalog.load(fault, "local").effects
    assert any(
        (effect.signal, effect.direction) == (signal, Direction.UP) and effect.role in (Role.TARGET, Role.EDGE)
        for effect in effects
    )
    where = {Role.TARGET: (NAME,), Role.EDGE: ("gateway", NAME)}
    moves = {(*where[effect.role], effect.signal): 6.0 for effect in effects if effect.role in where}
    more = own(cpu_usage=2.0) if kind is Trouble.CPU else {}
    assert decide(incident(moves | more)).kind is kind


def test_the_headline_shows_a_signal_of_the_kind() -> None:
    factors = slow(NAME, by=8.0) | own(request_rate=0.3, memory_working_set=2.0)
    verdict = decide(incident(factors))
    assert verdict.kind is Trouble.MEMORY
    assert "memory 573 MiB → 1.12 GiB" in verdict.headline
