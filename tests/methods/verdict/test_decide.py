"""The verdict: an answer of each kind, and what it says for and against it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping

import numpy as np
import pytest
from altered import with_telemetry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_incident import LEVELS, ONSET, incident, requests, slow

from cluster.display import document, to_html, to_text
from cluster.incident.model import Incident, Telemetry
from cluster.topology import Component, Kind, Topology, calls
from cluster.window import EARLIEST, LATEST, Window
from methods.answer.types import ComponentScore, Explanation, Family, NoRanking, Ranking, Reason, Step
from methods.running.runner import Result
from methods.verdict.as_json import verdict_json
from methods.verdict.decision import decide
from methods.verdict.types import Answer, Strength, Trouble

REPLICAS = tuple(f"replica-{i}" for i in range(4))
SURGE = requests(dict.fromkeys(REPLICAS, 3.0)) | slow(*REPLICAS, by=3.0) | {("gateway", "latency_p90"): 3.0}


def blames(method: str, component: str) -> Result:
    explanation = Explanation((Step("Largest deviation", f"{component} deviates most."),))
    return Result(method, Family.METRIC, Ranking((ComponentScore(component, 1.0, 1),), explanation), 0.1)


def renamed(case: Incident, names: Mapping[str, str]) -> Incident:
    """The same incident with other component ids."""
    metrics, edges = case.telemetry.metrics.copy(), case.telemetry.edge_metrics.copy()
    for frame in (metrics, edges):
        frame.columns = frame.columns.set_levels(
            [[names.get(str(v), v) for v in level] for level in frame.columns.levels], verify_integrity=False
        )
    ids = [names.get(c, c) for c in case.topology.ids]
    topology = Topology(
        tuple(dataclasses.replace(c, id=i) for c, i in zip(case.topology.components, ids, strict=True)),
        calls(ids[0], ids[1:]),
        ids[0],
    )
    return dataclasses.replace(case, topology=topology, telemetry=Telemetry(metrics, edges))


def test_the_replica_that_leaves_its_peers_is_named() -> None:
    verdict = decide(incident(slow("replica-2")))
    assert verdict.answer is Answer.COMPONENTS
    assert verdict.named == ("replica-2",)
    assert verdict.strength is Strength.STRONG


def test_the_headline_is_one_sentence_in_signals() -> None:
    headline = decide(incident(slow("replica-2")), [blames("baro", "replica-2")]).headline
    assert headline.startswith("replica-2, strong: ")
    assert "latency p90 598 ms → 2.41 s" in headline
    assert "queue 1 → 4.03" in headline
    assert headline.endswith("UTC, peers unchanged.")
    assert " since 00:0" in headline
    assert "baro" not in headline
    assert "\n" not in headline


def test_two_faulty_replicas_are_both_named() -> None:
    verdict = decide(incident(slow("replica-1", "replica-3")))
    assert set(verdict.named) == {"replica-1", "replica-3"}
    assert "replica-1: " in verdict.headline
    assert "replica-3: " in verdict.headline


def test_nothing_happened_is_nobody() -> None:
    verdict = decide(incident())
    assert (verdict.answer, verdict.kind) == (Answer.NOBODY, Trouble.NONE)
    assert verdict.named == ()
    assert verdict.onset is None
    assert verdict_json(verdict)["components"] == []


def test_more_load_on_all_is_nobody_and_an_overload() -> None:
    verdict = decide(incident(SURGE))
    assert (verdict.answer, verdict.kind) == (Answer.NOBODY, Trouble.OVERLOAD)
    assert "users sent more, requests 16 → 4" in verdict.headline
    assert any("rate" in action.command for action in verdict.actions)


def test_users_who_wait_without_more_load_speak_against_nobody() -> None:
    verdict = decide(incident(slow(*REPLICAS, by=3.0) | {("gateway", "latency_p90"): 3.0}))
    assert verdict.answer is Answer.NOBODY
    assert any("without sending more" in e.sentence for e in verdict.opposing)


def test_it_cannot_tell_where_what_would_tell_was_not_measured() -> None:
    verdict = decide(incident(slow(*REPLICAS, by=3.0) | {("gateway", "latency_p90"): 3.0}, edges=False))
    assert (verdict.answer, verdict.kind) == (Answer.UNKNOWN, Trouble.UNKNOWN)
    assert "was not measured: what callers measure of their calls" in verdict.headline
    assert verdict.probability == 0.0
    assert verdict.unknown


def test_with_one_replica_there_is_nothing_to_compare_with_and_it_says_so() -> None:
    """Its users wait longer, and send no more; whether it is the replica's fault, its peers would tell."""
    waiting = incident({("gateway", "latency_p90"): 2.0}, replicas=1)
    verdict = decide(waiting)
    assert verdict.answer is Answer.UNKNOWN
    assert "no component has a peer to be compared with" in verdict.headline
    for factors in ({}, {("gateway", "latency_p90"): 2.0} | requests({"replica-0": 2.0})):
        nobody = decide(incident(factors, replicas=1))
        assert nobody.answer is Answer.NOBODY
        assert not [word for word in ("peers", "alike") if word in f"{nobody.headline}{nobody.supporting}"]


def test_without_what_engines_say_it_cannot_tell_that_nobody_is_at_fault() -> None:
    waiting = incident({("gateway", "latency_p90"): 2.0})
    metrics = waiting.telemetry.metrics
    pods = [key for key in metrics.columns if key[0] == "gateway" or key[1] in ("cpu_usage", "memory_working_set")]
    verdict = decide(with_telemetry(waiting, metrics=metrics[pods]))
    assert verdict.answer is Answer.UNKNOWN
    assert "what callees say of their own requests" in verdict.headline


def test_who_is_slower_than_its_peers_from_the_start_speaks_against_nobody() -> None:
    """That may be usual for it: nothing else of it stands apart."""
    metrics = incident().telemetry.metrics.copy()
    metrics["replica-2", "latency_p90"] *= 4.0
    verdict = decide(with_telemetry(incident(), metrics=metrics))
    assert verdict.answer is Answer.NOBODY
    (told,) = [each for each in verdict.opposing if "replica-2 is slower than its peers" in each.sentence]
    assert re.search(r"latency p90 2\.\d+ s, theirs [56]\d\d ms\.", told.sentence), told.sentence
    assert not [each for each in decide(incident()).opposing if "slower than its peers" in each.sentence]


def test_who_was_slow_before_speaks_against_who_is_named() -> None:
    later = incident(slow("replica-1", by=10.0))
    metrics, edges = later.telemetry.metrics.copy(), later.telemetry.edge_metrics.copy()
    metrics["replica-2", "latency_p90"] *= 5.0
    edges["gateway", "replica-2", "latency_p90"] *= 5.0
    verdict = decide(with_telemetry(later, metrics=metrics, edge_metrics=edges))
    assert verdict.named == ("replica-1",)
    assert any("replica-2 is slower than its peers already before the onset" in e.sentence for e in verdict.opposing)


def test_it_cannot_tell_from_too_few_samples() -> None:
    case = incident()
    short = Telemetry(case.telemetry.metrics.iloc[:3], case.telemetry.edge_metrics.iloc[:3])
    verdict = decide(dataclasses.replace(case, telemetry=short), [blames("baro", "gateway")])
    assert verdict.answer is Answer.UNKNOWN
    assert verdict.headline.startswith("Cannot tell: too few samples")
    assert verdict.methods == ("baro",)


def test_it_cannot_tell_where_there_is_no_component() -> None:
    verdict = decide(dataclasses.replace(incident(), topology=Topology((), (), None)))
    assert verdict.answer is Answer.UNKNOWN
    assert verdict.headline == "Cannot tell: there is no component that could be at fault."


def test_it_cannot_tell_in_a_window_of_all_times() -> None:
    verdict = decide(dataclasses.replace(incident(), window=Window(EARLIEST, LATEST)))
    assert verdict.answer is Answer.UNKNOWN


def test_the_last_year_of_the_calendar_is_as_good_as_any() -> None:
    case = incident(slow("replica-2"))
    frames = (case.telemetry.metrics, case.telemetry.edge_metrics)
    start = LATEST - 300.0
    shifted = [frame.set_axis(frame.index + start, axis=0) for frame in frames]
    verdict = decide(dataclasses.replace(case, window=Window(start, start + 240), telemetry=Telemetry(*shifted)))
    assert verdict.named == ("replica-2",)
    assert verdict.actions


def test_a_component_without_telemetry_is_named_as_not_known() -> None:
    case = incident(slow("replica-2"))
    more = Topology(
        (*case.topology.components, Component("replica-9", Kind.REPLICA)), calls("gateway", REPLICAS), "gateway"
    )
    verdict = decide(dataclasses.replace(case, topology=more))
    assert any("replica-9" in sentence for sentence in verdict.unknown)


def test_what_half_of_the_peers_lack_is_said_with_nobody_too() -> None:
    case = incident()
    gone = [("replica-1", s) for s in ("latency_p90", "queue_length")] + [("replica-3", "queue_length")]
    fewer = Telemetry(case.telemetry.metrics.drop(columns=gone), case.telemetry.edge_metrics)
    verdict = decide(dataclasses.replace(case, telemetry=fewer))
    assert verdict.answer is Answer.NOBODY
    told = [sentence for sentence in verdict.unknown if "as it was of peers" in sentence]
    assert told == [
        "Of replica-1 this was not measured, as it was of peers: latency, queue.",
        "Of replica-3 this was not measured, as it was of peers: queue.",
    ]
    assert not any("as it was of peers" in sentence for sentence in decide(case).unknown)


def test_users_wait_and_a_peer_is_measured_less_so_it_cannot_tell() -> None:
    """The crash of drill-61 without its replica's engine metrics: nobody was named, and it was called strong."""
    case = incident(slow(*REPLICAS, by=3.0) | {("gateway", "latency_p90"): 3.0})
    gone = [("replica-1", "queue_length")]
    fewer = Telemetry(case.telemetry.metrics.drop(columns=gone), case.telemetry.edge_metrics)
    verdict = decide(dataclasses.replace(case, telemetry=fewer))
    assert verdict.answer is Answer.UNKNOWN
    assert "queue of replica-1 (of peers it was)" in verdict.headline
    assert decide(case).answer is Answer.NOBODY


def test_trouble_that_no_sli_shows_is_found_and_dated() -> None:
    # No front door is known and none of its signals is there: a replica ends its work, and no user would tell.
    case = incident({("replica-1", s): 0.0 for s in ("cpu_usage", "request_rate", "queue_length")}, edges=False)
    own = case.telemetry.metrics.drop(columns="gateway", level=0)
    blind = dataclasses.replace(case, topology=dataclasses.replace(case.topology, front_door=None))
    verdict = decide(dataclasses.replace(blind, telemetry=Telemetry(own, case.telemetry.edge_metrics)))
    assert verdict.named == ("replica-1",)
    assert verdict.onset == pytest.approx(ONSET, abs=5.0)


def test_a_method_that_blames_another_dissents_with_its_own_reason() -> None:
    others = [
        blames("baro", "gateway"),
        blames("nsigma", "replica-2"),
        blames("microscope", "replica-0"),
        Result("rcd", Family.METRIC, NoRanking(Reason.NOT_APPLICABLE, "no"), 0.1),
    ]
    verdict = decide(incident(slow("replica-2")), others)
    dissent = [e.sentence for e in verdict.opposing if "blames" in e.sentence]
    assert dissent == [
        "microscope (one of the better methods) blames replica-0 first: replica-0 deviates most.",
        "baro blames gateway first: gateway deviates most.",
    ]
    assert any("1 of 3 other methods agree: nsigma" in e.sentence for e in verdict.supporting[:5])
    assert verdict.methods == ("baro", "microscope", "nsigma")


def test_with_nobody_the_methods_that_cannot_say_so_are_counted() -> None:
    verdict = decide(incident(SURGE), [blames("baro", "gateway"), blames("nsigma", "gateway")])
    assert verdict.opposing[-1].sentence == "The other methods cannot say nobody; they blame gateway (2)."


def test_the_answers_of_others_change_nobody_who_is_named() -> None:
    case = incident(slow("replica-2"))
    assert decide(case, [blames("baro", "gateway")]).suspects == decide(case).suspects


@pytest.mark.parametrize("case", [incident(slow("replica-2")), incident(SURGE), incident()])
def test_the_verdict_is_plain_json_and_shows_itself(case: Incident) -> None:
    verdict = decide(case, [blames("baro", "gateway")])
    plain = json.loads(json.dumps(verdict_json(verdict), allow_nan=False))
    assert set(plain) >= {"components", "nobody", "kind", "path", "for", "against", "unknown", "next", "actions"}
    assert verdict.headline.split(",")[0] in to_text(document(verdict), 200)
    assert "<p>" in to_html(document(verdict))


def test_of_two_at_fault_the_kind_is_that_of_the_stronger_whatever_their_names() -> None:
    starved = {("replica-1", "cpu_usage"): 3.0, **slow("replica-1", by=1.6)}
    case = incident(starved | slow("replica-3", by=9.0))
    swapped = renamed(case, {"replica-1": "replica-3", "replica-3": "replica-1"})
    one, other = decide(case), decide(swapped)
    assert set(one.named) == {"replica-1", "replica-3"}
    assert one.kind is other.kind
    assert (one.named[0] == "replica-3") == (other.named[0] == "replica-1")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(min_size=1, max_size=12).filter(lambda t: t not in REPLICAS and t != "gateway"))
def test_a_hostile_name_is_text_and_harmless_where_it_is_shown(name: str) -> None:
    verdict = decide(renamed(incident(slow("replica-2")), {"replica-2": name}))
    assert verdict.named == (name,)
    json.dumps(verdict_json(verdict), allow_nan=False)
    assert "\x1b" not in to_text(document(verdict), 200)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(sorted(LEVELS)), st.sampled_from([0.0, 0.1, 5.0, float("nan"), 1e12])))
def test_whatever_a_replica_does_there_is_a_verdict_without_nan(factors: Mapping[str, float]) -> None:
    case = incident({("replica-2", signal): factor for signal, factor in factors.items()})
    json.dumps(verdict_json(decide(case)), allow_nan=False)


NO_END = requests(dict.fromkeys(REPLICAS, 0.0)) | {("gateway", "request_rate"): 0.0, ("gateway", "cpu_usage"): 0.0}
NO_REQUESTS = NO_END | {(replica, "queue_length"): 0.0 for replica in REPLICAS}


@pytest.mark.parametrize("counted", ["at the front door", "by its callees", "by its callees, where its own is empty"])
def test_where_no_request_ends_any_more_nobody_is_not_the_answer(counted: str) -> None:
    """Users that went away look the same as a front door that passes nothing on."""
    case = incident(NO_REQUESTS)
    if counted != "at the front door":
        metrics = case.telemetry.metrics.copy()
        if counted == "by its callees":
            metrics = metrics.drop(columns=[("gateway", "request_rate")])
        else:
            metrics["gateway", "request_rate"] = np.nan
        case = dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=metrics))
    verdict = decide(case)
    assert (verdict.answer, verdict.named, verdict.onset) == (Answer.UNKNOWN, (), ONSET)
    assert verdict.headline == (
        "Cannot tell: no request ended at gateway since 00:02:00 UTC: its users went away, or it passes nothing on."
    )
    assert verdict.next[0] == "Ask gateway for a completion from where its users are."
    assert verdict.actions


def test_where_requests_wait_and_none_ends_the_users_have_not_gone_away() -> None:
    verdict = decide(incident(NO_END | {(replica, "queue_length"): 20.0 for replica in REPLICAS}))
    assert verdict.answer is Answer.UNKNOWN
    assert verdict.headline == (
        "Cannot tell: no request ended at gateway since 00:02:00 UTC, while requests wait or run at replica-0, "
        "replica-1, replica-2 and replica-3: they are stuck, or asked for more than they can do."
    )
    assert verdict.unknown[0] == "What holds up replica-0, replica-1, replica-2 and replica-3 alike."


def test_a_pause_as_there_was_before_is_the_users_own() -> None:
    case = incident(NO_REQUESTS)
    metrics = case.telemetry.metrics.copy()
    pauses = metrics.index.to_series().between(30, 29 + ONSET * 2 / 3)
    for component in ("gateway", *REPLICAS):
        metrics.loc[pauses, (component, "request_rate")] = 0.0
    paused = dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=metrics))
    assert decide(paused).answer is Answer.NOBODY


def test_few_requests_that_do_not_come_are_chance() -> None:
    case = incident()
    metrics = case.telemetry.metrics.copy()
    metrics.loc[ONSET : ONSET + 0.9, ("gateway", "request_rate")] = 0.0  # 16 of the 4 × 4 a second
    chance = dataclasses.replace(case, telemetry=dataclasses.replace(case.telemetry, metrics=metrics))
    assert decide(chance).answer is Answer.NOBODY
