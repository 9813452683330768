"""Who is at fault, by contrast with the peers: the right answer for each thing that the method knows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from serving_incident import LEVELS, ONSET, incident, requests, slow, with_rates

from cluster.incident.model import Incident, Telemetry
from cluster.topology import Component, Kind, Topology, calls
from cluster.window import Onset, OnsetSource
from methods.answer.types import NoRanking, Ranking
from methods.peers.blocks import blocks_of
from methods.peers.evidence import Part, Weights, evidence_of
from methods.peers.hypotheses import NOBODY, Posterior, support
from methods.serving import Serving

REPLICAS = tuple(f"replica-{i}" for i in range(4))


def posterior(case: Incident, *without: Part) -> Posterior:
    blocks, weights = blocks_of(case), Weights(without=frozenset(without))
    assert blocks is not None
    return support(evidence_of(blocks, case.topology, weights), case.onset).posterior(weights)


def best(case: Incident, *without: Part) -> set[str]:
    return set(posterior(case, *without).best)


def rank(case: Incident) -> Ranking:
    outcome = Serving().rank(case, np.random.default_rng(0))
    assert isinstance(outcome, Ranking), outcome
    return outcome


def test_nothing_happened_is_nobody() -> None:
    for seed in range(5):
        assert posterior(incident(seed=seed)).nobody > 0.9


def test_a_replica_that_leaves_its_peers_is_at_fault() -> None:
    assert best(incident(slow("replica-2"))) == {"replica-2"}


def test_probabilities_sum_to_one() -> None:
    found = posterior(incident(slow("replica-2", by=1.3)))
    assert sum(found.probability.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("replicas", [2, 3, 12])
def test_any_number_of_peers(replicas: int) -> None:
    assert best(incident(slow("replica-1"), replicas)) == {"replica-1"}
    assert best(incident(replicas=replicas)) == set()


def test_one_replica_alone_is_held_to_its_past() -> None:
    assert best(incident(replicas=1)) == set()
    assert posterior(incident(slow("replica-0", by=20.0), 1)).of("replica-0") > posterior(incident(replicas=1)).of(
        "replica-0"
    )


def test_more_load_on_all_is_nobody() -> None:
    surge = requests(dict.fromkeys(REPLICAS, 3.0)) | slow(*REPLICAS, by=3.0)
    assert best(incident(surge)) == set()


def test_two_faulty_peers_are_both_named() -> None:
    assert best(incident(slow("replica-1", "replica-3"))) == {"replica-1", "replica-3"}


def test_a_ranking_says_how_many_are_at_fault() -> None:
    two = rank(incident(slow("replica-1", "replica-3")))
    assert set(two.blamed) == set(two.named or ()) == {"replica-1", "replica-3"}
    assert not any("share the first rank" in caveat for caveat in two.explanation.caveats)
    assert rank(incident(slow("replica-2"))).named == ("replica-2",)
    assert rank(incident()).blamed == ()


def test_calls_that_are_slower_than_the_callees_say_are_the_callers_doing() -> None:
    late = {("gateway", r, signal): 4.0 for r in REPLICAS for signal in ("latency_p90", "connect_time_p90")}
    assert best(incident(late)) == {"gateway"}
    assert best(incident(late), Part.GAPS) != {"gateway"}


def test_all_calls_slow_is_the_callers_doing_though_connecting_takes_as_long_as_before() -> None:
    late = {("gateway", r, "latency_p90"): 3.0 for r in REPLICAS} | {("gateway", "latency_p90"): 3.0}
    found = posterior(incident(late))
    assert set(found.best) == {"gateway"}
    assert found.nobody < 0.05


@pytest.mark.parametrize("edges", [True, False])
def test_calls_that_a_caller_gives_up_because_all_callees_are_late_are_nobodys_fault(edges: bool) -> None:
    surge = slow(*REPLICAS) | requests(dict.fromkeys(REPLICAS, 2.0)) | {("gateway", "latency_p90"): 4.0}
    failed = {("gateway", "error_rate"): 6.0} | {(r, "error_rate"): 0.0 for r in REPLICAS}
    if edges:
        failed |= {("gateway", r, "error_rate"): 1.5 for r in REPLICAS}
    given_up = {(r, "abort_rate"): 1.5 for r in REPLICAS}
    assert best(with_rates(incident(surge, edges=edges), failed | given_up)) == set()
    assert best(with_rates(incident(surge, edges=edges), failed)) == {"gateway"}


def test_requests_that_do_not_end_count_by_littles_law() -> None:
    # As many in flight as before, at a tenth of the rate: ten times the time, though no latency shows it.
    held = requests({"replica-1": 0.1})
    assert posterior(incident(held)).of("replica-1") > posterior(incident(held), Part.LITTLE).of("replica-1")


def test_a_lone_replica_that_falls_silent_is_at_fault() -> None:
    case = incident({("replica-0", signal): np.nan for signal in LEVELS}, 1, edges=False)
    metrics = case.telemetry.metrics.copy()
    metrics["gateway", "request_rate"] = 4.0
    silent = dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=metrics))
    assert posterior(silent).of("replica-0") > 0.8
    assert best(silent, Part.SILENCE) == set()


def test_one_slow_link_is_the_callees_not_the_callers() -> None:
    link = {("gateway", "replica-0", "connect_time_p90"): 60.0, ("gateway", "replica-0", "latency_p90"): 2.0}
    assert best(incident(link)) == {"replica-0"}


def test_a_replica_that_suffers_from_more_requests_is_the_senders_doing() -> None:
    # Requests are conserved: what replica-0 gains, the others lose.
    skewed = requests({"replica-0": 2.5, **dict.fromkeys(REPLICAS[1:], 0.5)}) | slow("replica-0")
    assert best(incident(skewed)) == {"gateway"}
    assert best(incident(skewed), Part.ROUTING) == {"replica-0"}


@pytest.mark.parametrize(("labels", "blamed"), [({}, "replica-2"), ({"address": "10.0.0.1:9113"}, "front-door")])
def test_a_front_door_that_merges_its_replicas_sends_nothing(labels: dict[str, str], blamed: str) -> None:
    case = incident(slow("replica-2") | requests({"replica-2": 3.0}), edges=False)
    replicas = [one.id for one in case.topology.components if one.kind is Kind.REPLICA]
    door = Component("front-door", Kind.GATEWAY, labels=labels)
    topology = Topology((door, *case.topology.of_kind(Kind.REPLICA)), calls(door.id, replicas), door.id)
    metrics = case.telemetry.metrics.rename(columns={"gateway": door.id}, level=0)
    telemetry = dataclasses.replace(case.telemetry, metrics=metrics)
    assert best(dataclasses.replace(case, topology=topology, telemetry=telemetry)) == {blamed}


def test_a_replica_that_suffers_and_gets_fewer_requests_is_at_fault_itself() -> None:
    avoided = requests({"replica-0": 0.4, **dict.fromkeys(REPLICAS[1:], 1.2)}) | slow("replica-0")
    assert best(incident(avoided)) == {"replica-0"}


def test_a_component_that_begins_to_work_left_no_normal() -> None:
    # A replica that was at zero while the others served, and now takes its part and more.
    case = incident(slow("replica-3", by=3.0))
    metrics, edges = case.telemetry.metrics.copy(), case.telemetry.edge_metrics.copy()
    metrics.iloc[:ONSET, metrics.columns.get_level_values(0) == "replica-3"] = 0.0
    edges.iloc[:ONSET, edges.columns.get_level_values(1) == "replica-3"] = 0.0
    fresh = dataclasses.replace(case, telemetry=Telemetry(metrics, edges))
    assert best(fresh) == set()


def test_of_two_replicas_that_feel_more_load_differently_none_is_at_fault() -> None:
    surge = requests({"replica-0": 2.5, "replica-1": 2.5}) | slow("replica-0", by=6.0) | slow("replica-1", by=14.0)
    assert best(incident(surge, 2)) == set()
    assert best(incident(slow("replica-1"), 2)) == {"replica-1"}


def test_requests_are_conserved_where_only_the_caller_counts_them() -> None:
    skewed = requests({"replica-0": 2.5, **dict.fromkeys(REPLICAS[1:], 0.5)}) | slow("replica-0")
    case = incident(skewed)
    metrics = case.telemetry.metrics.copy()
    metrics["replica-0", "request_rate"] = np.nan
    blind = dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=metrics))
    assert best(blind) == {"gateway"}


def test_the_only_measured_peer_is_no_control_where_callers_measure_all() -> None:
    # Three of four feel the load alike; of the fourth, a larger one, and of one of the three the engine is measured.
    case = incident(slow("replica-0", "replica-1", "replica-2"))
    metrics = case.telemetry.metrics.drop(columns=[(r, s) for r in ("replica-1", "replica-2") for s in LEVELS])
    case = dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=metrics))
    assert best(case) == set()


def test_silence_is_evidence() -> None:
    silent = {("replica-3", signal): np.nan for signal in LEVELS}
    assert best(incident(silent, edges=False)) == {"replica-3"}
    assert best(incident(silent, edges=False), Part.SILENCE) == set()


def test_a_replica_that_gets_better_is_not_at_fault() -> None:
    better = slow("replica-1", by=0.25)
    assert best(incident(better)) == set()
    assert best(incident(better), Part.HARM) == {"replica-1"}


def test_a_rate_of_few_events_varies_by_chance() -> None:
    # 0.1 requests a second: half an event in a block.
    def sparse(case: Incident) -> Incident:
        rng = np.random.default_rng(3)
        metrics = case.telemetry.metrics.copy()
        for replica in REPLICAS:
            metrics[replica, "request_rate"] = rng.poisson(0.1, len(metrics)).astype(float)
        return dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=metrics))

    case = sparse(incident(edges=False))
    assert posterior(case).nobody > posterior(case, Part.COUNTING).nobody
    assert best(case) == set()


def test_no_unit_matters() -> None:
    case = incident({("replica-1", "cpu_usage"): 5.0})
    metrics = case.telemetry.metrics.copy()
    other = metrics.rename(columns={"cpu_usage": "joules"}, level="signal")
    scaled = other.copy()
    scaled.loc[:, (slice(None), "joules")] *= 1e6

    def of(frame: object) -> Posterior:
        return posterior(dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=frame)))

    for hypothesis, probability in of(other).probability.items():
        assert of(scaled).probability[hypothesis] == pytest.approx(probability, rel=1e-6)


def test_an_operators_onset_counts_and_an_estimate_does_not() -> None:
    case = incident(slow("replica-1"))
    free = posterior(case).probability
    assert posterior(case.at(Onset(30.0, OnsetSource.ESTIMATED))).probability == free
    told = posterior(case.at(Onset(float(ONSET), OnsetSource.OPERATOR)))
    assert told.probability[NOBODY] < free[NOBODY]


def test_the_explanation_has_the_numbers_and_says_since_when() -> None:
    steps = rank(incident(slow("replica-2"))).explanation.steps
    assert [step.title for step in steps] == [
        "Who is at fault",
        "Control group and stretch",
        "Contrast of replica-2",
        "Flow of requests",
        "What is not measured",
    ]
    assert steps[0].claim.startswith("replica-2 is at fault with a probability of ")
    assert "latency_p90 598 ms → 2.41 s" in steps[2].claim
    assert steps[2].claim.endswith("since 00:02:00 UTC; peers unchanged.")
    assert steps[1].numbers["start"] == ONSET


def test_nobody_stands_in_the_first_step_and_in_a_caveat() -> None:
    explanation = rank(incident(edges=False)).explanation
    assert explanation.steps[0].claim.startswith("Nobody is at fault with ")
    assert explanation.steps[0].numbers["nobody"] > 0.9
    assert explanation.caveats[0].startswith("Nobody is most probably at fault")
    # A slow link shows only in what callers measure.
    assert "the time to open a connection" in explanation.caveats[1]


def test_the_gateways_own_steps() -> None:
    late = {("gateway", r, "latency_p90"): 3.0 for r in REPLICAS}
    step = next(s for s in rank(incident(late)).explanation.steps if s.title == "Calls beyond the callees")
    assert step.numbers["before"] == pytest.approx(0.01, abs=0.01)
    assert step.numbers["in the stretch"] == pytest.approx(0.61 * 3 - 0.6, abs=0.05)


def test_too_few_samples_is_no_ranking() -> None:
    case = incident()
    short = dataclasses.replace(case.telemetry, metrics=case.telemetry.metrics.iloc[:3])
    outcome = Serving().rank(dataclasses.replace(case, telemetry=short), np.random.default_rng(0))
    assert isinstance(outcome, NoRanking)
