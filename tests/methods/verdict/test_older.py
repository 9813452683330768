"""Trouble that is older than the recording, and trouble of several links: who stands apart from its peers."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from altered import with_telemetry
from serving_incident import ONSET, SAMPLES, incident, requests, slow, with_rates

from cluster.incident import library
from cluster.incident.model import Incident
from cluster.window import Window
from methods.verdict.as_json import verdict_json
from methods.verdict.decision import decide
from methods.verdict.types import Answer, Strength, Trouble

REPLICAS = tuple(f"replica-{i}" for i in range(4))
TWO_LINKS = {
    ("gateway", replica, signal): by
    for replica in ("replica-1", "replica-3")
    for signal, by in (("connect_time_p90", 60.0), ("latency_p90", 3.0))
}


def from_the_start(factors: Mapping[tuple[str, ...], float], replicas: int = 4) -> Incident:
    """Without the time before the onset."""
    return incident(factors, replicas).within(Window(float(ONSET), float(SAMPLES)))


def since_injection(name: str, seconds: float, until: float = 1e9) -> Incident:
    whole, truth = library.load_with_truth(name)
    assert truth is not None
    return whole.within(Window(truth.injected_at + seconds, truth.injected_at + until)).at(None)


def test_who_stands_apart_from_its_peers_at_the_first_sample_is_named() -> None:
    verdict = decide(from_the_start(slow("replica-2", by=8.0)))
    assert verdict.named == ("replica-2",)
    assert verdict.onset is None
    assert "latency p90 4.82 s against 599 ms of its peers" in verdict.headline
    assert verdict.headline.endswith(" from the first sample on.")
    assert any("replica-2 stood apart from its peers at the first sample already" in each for each in verdict.unknown)
    assert verdict_json(verdict)["onset"] is None


def test_of_two_replicas_who_stands_apart_is_open() -> None:
    verdict = decide(from_the_start(slow("replica-1"), replicas=2))
    assert not verdict.named or verdict.strength is not Strength.STRONG


def test_a_change_within_the_recording_is_told_as_one() -> None:
    verdict = decide(incident(slow("replica-2")))
    assert verdict.onset == pytest.approx(ONSET, abs=5.0)
    assert "→" in verdict.headline


@pytest.mark.parametrize("seconds", [10.0, 25.0])
@pytest.mark.parametrize("name", ["drill-03", "drill-15", "drill-23", "drill-26", "drill-33", "drill-98"])
def test_a_drill_that_is_recorded_from_its_fault_on_has_its_cause(name: str, seconds: float) -> None:
    _, truth = library.load_with_truth(name)
    assert truth is not None
    assert decide(since_injection(name, seconds, 70.0)).named == truth.components


@pytest.mark.parametrize("name", ["drill-14", "drill-36"])
def test_a_gateway_that_was_slow_at_the_first_sample_is_not_nobody(name: str) -> None:
    verdict = decide(since_injection(name, 25.0, 110.0))
    assert verdict.answer is Answer.UNKNOWN
    assert "as long as the callees say from the first sample on" in verdict.headline
    assert "not recorded" in verdict.headline


def test_requests_that_fail_from_the_first_sample_on_are_not_nobodys() -> None:
    case = with_rates(incident(), {("gateway", "error_rate"): 3.0}).within(Window(float(ONSET), float(SAMPLES)))
    verdict = decide(case)
    assert verdict.answer is Answer.UNKNOWN
    assert "of the requests fail at gateway from the first sample on" in verdict.headline


def test_two_slow_links_of_four_are_not_the_callers() -> None:
    verdict = decide(incident(TWO_LINKS))
    assert set(verdict.named) == {"replica-1", "replica-3"}
    assert verdict.kind is Trouble.LINK_SLOW


@pytest.mark.parametrize("missing", ["head", "replica-2"])
def test_a_slow_gateway_is_found_where_a_callee_is_not_measured(missing: str) -> None:
    """It opens connections late, to some of its callees: not the doing of one of them."""
    whole = library.load("drill-14").at(None)
    metrics, edges = whole.telemetry.metrics, whole.telemetry.edge_metrics
    kept = [column for column in metrics.columns if column[0] != missing]
    calls = [column for column in edges.columns if missing not in column]
    assert decide(with_telemetry(whole, metrics=metrics[kept], edge_metrics=edges[calls])).named == ("gateway",)


def test_what_waited_at_a_frozen_replica_was_not_sent_too_much() -> None:
    """It answers everything at once when it goes on, and nobody measured the calls."""
    verdict = decide(
        with_telemetry(since_injection("drill-25", 10.0), edge_metrics=incident(edges=False).telemetry.edge_metrics)
    )
    assert verdict.named == ("replica-0",)


def test_more_requests_on_all_from_the_first_sample_on_blame_nobody() -> None:
    assert not decide(from_the_start(requests(dict.fromkeys(REPLICAS, 3.0)))).named


def test_a_short_past_is_no_calm_of_the_caller() -> None:
    whole, truth = library.load_with_truth("drill-01")
    assert truth is not None
    short = whole.within(Window(truth.injected_at - 15, truth.injected_at + 60)).at(None)
    coarse = {"metrics": short.telemetry.metrics.iloc[::5], "edge_metrics": short.telemetry.edge_metrics.iloc[::5]}
    unknown = decide(with_telemetry(short, **coarse)).unknown
    assert "Whether gateway felt it: 4 samples before the onset do not tell what is normal for it." in unknown


def test_a_crash_that_no_signal_shows_is_told_beside_nobody() -> None:
    """The replica was started anew within nine seconds: users did not notice, and its operator wants to know."""
    whole, truth = library.load_with_truth("drill-53")
    assert truth is not None
    verdict = decide(whole.within(Window(truth.injected_at - 3, truth.injected_at + 60)).at(None))
    assert verdict.answer is Answer.NOBODY
    told = [evidence.sentence for evidence in verdict.opposing]
    assert any("crashed" in sentence for sentence in told)
    assert any(sentence.split(": ")[1] == "replica-0" for sentence in told)
