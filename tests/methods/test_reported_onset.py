from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from synthetic_incident import make_incident

from cluster.incident.model import Incident
from cluster.moment import Moment, since
from cluster.window import Onset, OnsetSource
from methods.peers.blocks import blocks_of
from methods.peers.evidence import Weights, evidence_of
from methods.peers.hypotheses import support
from methods.telemetry.onset import estimate
from methods.telemetry.reported_onset import with_reported_onset


@pytest.fixture(scope="module")
def incident() -> Incident:
    return make_incident().at(None)


@pytest.fixture(scope="module")
def begun(incident: Incident) -> float:
    onset = estimate(incident).onset
    assert onset is not None
    return onset.time


def steady(incident: Incident) -> Incident:
    """The same, but users notice nothing."""
    metrics = incident.telemetry.metrics.copy()
    metrics["gateway", "latency_p90"] = 0.5 + 0.01 * np.sin(np.arange(len(metrics)))
    metrics["gateway", "error_ratio"] = 0.0
    return dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, metrics=metrics))


def alert(earliest: float, latest: float) -> Moment:
    return Moment(earliest, latest, latest + 300, "the alert Slow", earliest)


def test_the_sli_says_when_within_what_the_alert_allows(incident: Incident, begun: float) -> None:
    located, doubts = with_reported_onset(incident, alert(begun - 50, begun + 20))
    assert located.onset == Onset(begun, OnsetSource.ESTIMATED)
    assert doubts == ()


def test_without_an_onset_in_the_sli_the_alert_s_own_time_is_taken_and_said(incident: Incident) -> None:
    start = incident.window.start
    located, doubts = with_reported_onset(steady(incident), alert(start + 100, start + 150))
    assert located.onset == Onset(start + 100, OnsetSource.NOTICED)
    assert len(doubts) == 1
    assert "shows no onset" in doubts[0]
    assert "the baseline holds it, too" in doubts[0]


def test_a_baseline_that_holds_the_trouble_is_said(incident: Incident) -> None:
    start = incident.window.start
    located, doubts = with_reported_onset(incident, alert(start - 900, start - 300))
    assert located.onset is None
    assert located.onset_searched
    assert doubts[0].startswith("The baseline holds the trouble: ")


def test_an_sli_that_was_bad_before_the_alert_allows_is_said(incident: Incident, begun: float) -> None:
    end = incident.window.end
    located, doubts = with_reported_onset(incident, alert(begun + 90, end - 1))
    assert located.onset == Onset(begun + 90, OnsetSource.NOTICED)
    assert "it got worse at" in doubts[0]
    assert "already, so that the baseline holds trouble" in doubts[0]


def test_trouble_that_came_later_does_not_hide_the_one_of_the_alert(incident: Incident, begun: float) -> None:
    metrics = incident.telemetry.metrics.copy()
    later = metrics.index > begun + 90
    metrics.loc[later, ("gateway", "latency_p90")] *= 30
    worse = dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, metrics=metrics))
    located, doubts = with_reported_onset(worse, alert(begun - 10, begun + 10))
    assert located.onset is not None
    assert abs(located.onset.time - begun) < 10
    assert doubts == ()


def test_a_short_baseline_is_said(incident: Incident, begun: float) -> None:
    metrics = incident.telemetry.metrics
    short = dataclasses.replace(
        incident,
        window=dataclasses.replace(incident.window, start=begun - 20),
        telemetry=dataclasses.replace(incident.telemetry, metrics=metrics[metrics.index >= begun - 20]),
    )
    _, doubts = with_reported_onset(short, alert(begun - 10, begun + 10))
    assert any("the baseline is short" in doubt for doubt in doubts)


def slow_between(incident: Incident, first: float, last: float) -> Incident:
    """The same, with an earlier trouble."""
    metrics = incident.telemetry.metrics.copy()
    metrics.loc[first:last, ("gateway", "latency_p90")] = 20.0
    return dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, metrics=metrics))


def test_trouble_that_was_over_before_is_left_out_and_said() -> None:
    incident = make_incident(samples=400, onset_at=300)
    start = incident.window.start
    found = estimate(incident.at(None)).onset
    assert found is not None
    begun = found.time
    twice = slow_between(incident, start + 100, start + 150)
    located, doubts = with_reported_onset(twice, alert(begun - 50, begun + 20))
    assert start + 150 <= located.window.start <= start + 170
    assert located.telemetry.metrics.index[0] > located.window.start
    assert located.onset is not None
    assert abs(located.onset.time - begun) < 10
    assert len(doubts) == 1
    assert doubts[0].startswith("An earlier trouble, ")
    assert with_reported_onset(incident, alert(begun - 50, begun + 20))[0].window == incident.window


def test_trouble_that_pauses_for_less_than_a_baseline_is_one() -> None:
    incident = make_incident(samples=400, onset_at=300)
    start = incident.window.start
    flaps = slow_between(incident, start + 220, start + 260)
    located, _ = with_reported_onset(flaps, alert(start + 280, start + 320))
    assert located.window == incident.window


def test_nobody_noticed_anything_and_nothing_happened(incident: Incident) -> None:
    located, doubts = with_reported_onset(steady(incident), since(incident.window.end, 100))
    assert (located.onset, located.onset_searched, doubts) == (None, True, ())


def test_trouble_that_is_older_than_what_was_asked_for_and_goes_on_is_said(begun: float) -> None:
    incident = make_incident(seconds=120).at(None)
    asked = since(incident.window.end, incident.window.end - begun - 100.0)
    found, doubts = with_reported_onset(incident, asked)
    assert found.onset is not None and abs(found.onset.time - begun) < 5.0
    assert any("no onset in what was asked for" in doubt and "reaches into it" in doubt for doubt in doubts)


def test_trouble_that_was_over_before_what_was_asked_for_is_left_out(incident: Incident, begun: float) -> None:
    asked = since(incident.window.end, 20.0)
    found, doubts = with_reported_onset(incident, asked)
    assert found.onset is None and found.window.start > begun
    assert any("An earlier trouble" in doubt and "left out" in doubt for doubt in doubts)


def test_an_alert_s_time_is_a_weaker_prior_than_an_operator_s() -> None:
    incident = make_incident(samples=900, onset_at=600)
    begun, wrong = incident.window.start + 600, incident.window.start + 5
    blocks = blocks_of(incident)
    assert blocks is not None
    evidence = evidence_of(blocks, incident.topology, Weights())

    def found(onset: Onset | None) -> float:
        return support(evidence, onset).evidence[frozenset({"replica-1"})]

    right, given = found(Onset(begun, OnsetSource.NOTICED)), found(Onset(begun, OnsetSource.OPERATOR))
    assert found(Onset(wrong, OnsetSource.NOTICED)) < found(None) < right < given
    assert found(Onset(wrong, OnsetSource.OPERATOR)) < found(Onset(wrong, OnsetSource.NOTICED))
