"""The kind of trouble, by its footprint; the fault catalogue expects what the footprints say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest
from serving_incident import ONSET, incident, requests, slow

from faults import catalog
from faults.types import Direction, Role
from methods.verdict.decide import decide
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


def test_calls_that_are_all_late_are_the_callers() -> None:
    replicas = [f"replica-{i}" for i in range(4)]
    calls = {("gateway", r, signal): 4.0 for r in replicas for signal in ("latency_p90", "connect_time_p90")}
    verdict = decide(incident(calls))
    assert (verdict.named, verdict.kind) == (("gateway",), Trouble.CALLER)
    assert "longer than the callees say" in verdict.headline


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
