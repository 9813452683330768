from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.alerts import DEFAULT_FOR, EPISODE, EVALUATED_EVERY, LARGEST, LONGEST, AlertError, AlertGroup, parse
from cluster.topology import Component, Kind, Topology

FIRED = datetime(2026, 11, 28, 3, 2, tzinfo=UTC)
SLOW = "histogram_quantile(0.9, sum by (le) (rate(gateway_request_duration_seconds_bucket[2m]))) > 2"


def alert(**changes: Any) -> dict[str, Any]:
    """One alert as a webhook of version 4 carries it."""
    return {
        "status": "firing",
        "labels": {"alertname": "GatewaySlow", "severity": "page", "job": "exporter"},
        "annotations": {"summary": "p90 of the gateway is above 2 s"},
        "startsAt": FIRED.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr="
        "histogram_quantile%280.9%2C+sum+by+%28le%29+%28rate%28gateway_request_duration_seconds_bucket%5B2m%5D"
        "%29%29%29+%3E+2&g0.tab=1",
        "fingerprint": "1a30ba71cca2921f",
    } | changes


def webhook(*alerts: dict[str, Any], **changes: Any) -> bytes:
    whole = {
        "receiver": "rca",
        "status": "firing",
        "alerts": list(alerts),
        "groupLabels": {"alertname": "GatewaySlow"},
        "commonLabels": {"alertname": "GatewaySlow", "severity": "page"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.org:9093",
        "version": "4",
        "groupKey": '{}/{severity="page"}:{alertname="GatewaySlow"}',
        "truncatedAlerts": 0,
    }
    return json.dumps(whole | changes).encode()


def listed(**changes: Any) -> dict[str, Any]:
    """One alert as /api/v2/alerts lists it."""
    status = {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}
    more = {"updatedAt": FIRED.isoformat(), "receivers": [{"name": "rca"}], "status": status}
    return alert(endsAt=(FIRED + timedelta(minutes=4)).isoformat()) | more | changes


def read(*alerts: dict[str, Any]) -> AlertGroup:
    return parse(json.dumps(list(alerts)))


def at(seconds: float) -> str:
    return (FIRED + timedelta(seconds=seconds)).isoformat()


def test_a_webhook_is_one_group_and_says_when_it_began() -> None:
    group = parse(webhook(alert()))
    (one,) = group.alerts
    assert group.key == '{}/{severity="page"}:{alertname="GatewaySlow"}'
    assert (one.name, one.fingerprint, one.expression) == ("GatewaySlow", "1a30ba71cca2921f", SLOW)
    assert (one.starts, one.ends, one.waited, one.window) == (FIRED.timestamp(), None, DEFAULT_FOR, 120.0)
    moment = group.moment
    # Nothing says how long the rule waited: not at all, or as long as is usual.
    assert moment.latest == FIRED.timestamp()
    assert moment.likely == FIRED.timestamp() - DEFAULT_FOR - 120
    assert moment.earliest == moment.likely - EVALUATED_EVERY
    assert moment.until == FIRED.timestamp()
    assert group.firing


def test_the_list_of_the_api_is_read_too_and_its_end_ahead_is_no_end() -> None:
    group = read(listed())
    assert group.key == ""
    assert group.firing
    assert group.moment == parse(webhook(alert())).moment


def test_the_payload_that_alertmanager_documents_is_read() -> None:
    payload = {
        "receiver": "webhook",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "Test", "dc": "eu-west-1", "instance": "localhost:9090", "job": "prometheus24"},
                "annotations": {"description": "some description"},
                "startsAt": "2018-08-03T09:52:26.739266876+02:00",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://example.com:9090/graph?g0.expr=go_memstats_alloc_bytes+%3E+0\u0026g0.tab=1",
            }
        ],
        "groupLabels": {"alertname": "Test", "job": "prometheus24"},
        "commonLabels": {"alertname": "Test"},
        "commonAnnotations": {"description": "some description"},
        "externalURL": "http://example.com:9093",
        "version": "4",
        "groupKey": '{}:{alertname="Test", job="prometheus24"}',
    }
    (one,) = parse(json.dumps(payload)).alerts
    assert one.starts == pytest.approx(1533282746.739, abs=1e-3)
    assert one.expression == "go_memstats_alloc_bytes > 0"
    assert one.window == 0.0


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"annotations": {"for": "2m"}}, 120),
        ({"labels": {"alertname": "x", "for": "1h30m"}}, 5400),
        ({"annotations": {"for": "0"}}, 0),
        ({"annotations": {"description": "Instance a has been down for over 5m. Job: http"}}, 300),
        ({"annotations": {"description": "the queue is full for more than 15 minutes."}}, 900),
        ({"annotations": {"message": "Pod is not ready for longer than 1 hour"}}, 3600),
        ({"annotations": {"summary": "waiting for 3 replicas"}}, DEFAULT_FOR),
        ({"annotations": {"for": "9999d"}}, LONGEST),
        ({}, DEFAULT_FOR),
    ],
)
def test_what_says_how_long_the_condition_had_been_true(changes: dict[str, Any], seconds: float) -> None:
    one = parse(webhook(alert(**changes))).alerts[0]
    assert one.waited == seconds
    assert one.latest == one.starts - (0 if one.assumed else seconds)
    assert one.assumed == (changes in ({}, {"annotations": {"summary": "waiting for 3 replicas"}}))


def test_alerts_of_one_group_are_one_incident_from_its_first_on() -> None:
    second = alert(startsAt=at(90), fingerprint="b", labels={"alertname": "Errors"}, annotations={"for": "1m"})
    group = parse(webhook(alert(annotations={"for": "5m"}), second))
    assert [one.name for one in group.alerts] == ["GatewaySlow", "Errors"]
    assert group.moment.latest == FIRED.timestamp() - 300
    assert group.moment.until == FIRED.timestamp() + 90
    assert group.title == "GatewaySlow, Errors"


def test_an_alert_that_has_been_firing_for_days_is_another_incident() -> None:
    old = listed(startsAt=at(-20 * 86400), labels={"alertname": "Watchdog"}, fingerprint="w")
    before = listed(startsAt=at(-EPISODE + 1), fingerprint="b")
    group = read(old, listed(), before)
    assert group.left_out == 1
    assert [one.fingerprint for one in group.alerts] == ["b", "1a30ba71cca2921f"]


def test_what_is_silenced_or_resolved_does_not_count_while_another_fires() -> None:
    silenced = listed(startsAt=at(60), status={"state": "suppressed", "silencedBy": ["a"], "inhibitedBy": []})
    assert [one.starts for one in read(silenced, listed()).alerts] == [FIRED.timestamp()]
    resolved = alert(status="resolved", endsAt=at(600))
    group = parse(webhook(resolved))
    assert not group.firing
    assert group.alerts[0].ends == FIRED.timestamp() + 600


def test_a_server_that_knows_the_rule_says_how_long_it_waited() -> None:
    group = parse(webhook(alert(), alert(startsAt=at(30), labels={"alertname": "Errors"})))
    known = {"GatewaySlow": FIRED.timestamp() - 900, "Errors": None}
    asked = group.asked(lambda labels, fired: known[labels["alertname"]])
    assert [(one.waited, one.assumed) for one in asked.alerts] == [(900.0, False), (DEFAULT_FOR, True)]
    assert asked.moment.latest == FIRED.timestamp() - 900
    absurd = group.asked(lambda labels, fired: fired - 10 * LONGEST)
    assert [one.waited for one in absurd.alerts] == [DEFAULT_FOR, DEFAULT_FOR]


def test_labels_name_components_by_id_by_address_and_by_pod() -> None:
    replica = Component("replica-0", Kind.REPLICA, labels={"address": "10.0.0.7", "pod": "llm-a,llm-b", "node": "n1"})
    gpu = Component("replica-0-gpu-0", Kind.GPU, labels={"pod": "llm-a", "node": "n1"})
    topology = Topology(
        (Component("gateway", Kind.GATEWAY), replica, gpu, Component("n", Kind.NODE, labels={"node": "n1"}))
    )

    def named(**labels: str) -> tuple[str, ...]:
        return read(listed(labels={"alertname": "x", **labels})).components(topology)

    assert named(component="gateway") == ("gateway",)
    assert named(instance="10.0.0.7:8000") == ("replica-0",)
    assert named(pod="llm-b", instance="10.9.9.9:1") == ("replica-0",)
    assert named(node="n1") == ("n",)
    assert named(job="exporter") == ()


def test_the_expression_says_which_signals_are_meant() -> None:
    assert read(listed()).signals() == ("latency_p50", "latency_p90")
    total = listed(generatorURL="http://p/graph?g0.expr=vllm%3Ae2e_request_latency_seconds_sum+%3E+1")
    assert "latency_p90" in read(total).signals()
    assert read(listed(generatorURL="http://[oops")).signals() == ()


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"3", "neither an object nor a list"),
        (b"{}", "alerts: it is missing"),
        (b"[]", "there is no alert in this payload"),
        (b'[{"labels": {}}]', r"alerts\.0\.startsAt: it is missing"),
        (b'[{"startsAt": "2026-11-28T03:02:00"}]', "timezone"),
        (b'[{"startsAt": "2026-11-28T03:02:00Z", "labels": {"a": 1}}]', r"alerts\.0\.labels\.a: must be text"),
        (b" " * (LARGEST + 1), "more than 4 MiB"),
    ],
)
def test_what_is_no_alert_is_refused_in_one_sentence(payload: bytes, why: str) -> None:
    with pytest.raises(AlertError, match=why) as caught:
        parse(payload)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_hostile_text_is_cut_and_harmless_in_the_title() -> None:
    group = read(listed(labels={"alertname": "\x1b[31m\u202e[red]" + "x" * 10_000}, annotations={"a": "y" * 100_000}))
    assert len(group.alerts[0].annotations["a"]) < 5_000
    assert "\x1b" not in group.title
    assert len(group.title) <= 80


text = st.text(max_size=60)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)
keys = st.sampled_from(["alerts", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "status", "groupKey"])
times = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))


@given(st.dictionaries(keys, json_values, max_size=8) | st.lists(st.dictionaries(keys, json_values, max_size=8)))
def test_any_json_is_read_or_refused(payload: Any) -> None:
    try:
        group = parse(json.dumps(payload))
    except AlertError:
        return
    assert group.alerts


@given(
    st.lists(
        st.builds(
            lambda starts, ends, said, name, source, state: listed(
                startsAt=starts.isoformat(),
                endsAt=ends.isoformat(),
                annotations={"for": said, "summary": said},
                labels={"alertname": name},
                generatorURL=source,
                status={"state": state},
            ),
            times,
            times,
            st.sampled_from(["", "0", "5m", "90d", "for over 3 hours", "for 99999999h"]) | text,
            text,
            text | st.just("http://p/graph?g0.expr=rate%28a%5B9999w%5D%29"),
            st.sampled_from(["active", "resolved", "suppressed", "firing"]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_every_moment_is_in_order_and_bounded(alerts: list[dict[str, Any]]) -> None:
    group = read(*alerts)
    moment = group.moment
    assert moment.latest - moment.earliest <= 2 * LONGEST + EPISODE * len(alerts) + EVALUATED_EVERY
    assert [one.starts for one in group.alerts] == sorted(one.starts for one in group.alerts)
    assert len(group.alerts) + group.left_out == len(alerts)


def test_29_a_webhook_of_version_4_began_before_its_starts_at() -> None:
    payload = {
        "version": "4",
        "groupKey": '{}:{alertname="LLMSlow"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "rca",
        "groupLabels": {"alertname": "LLMSlow"},
        "commonLabels": {"alertname": "LLMSlow", "pod": "vllm-1"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "LLMSlow", "pod": "vllm-1"},
                "annotations": {"for": "10m"},
                "startsAt": FIRED.isoformat(),
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://p:9090/graph?g0.expr=rate%28vllm%3Arequest_success_total%5B5m%5D%29+%3C+1",
                "fingerprint": "5ef77f1f8a3ecf8d",
            }
        ],
    }
    group = parse(json.dumps(payload))
    assert group.key == payload["groupKey"] and group.firing
    # startsAt is after the rule's `for`; the expression looks back over its range, too. The time of reading is no part.
    assert group.moment.until == FIRED.timestamp()
    assert group.moment.latest == FIRED.timestamp() - 600
    assert group.moment.earliest == FIRED.timestamp() - 600 - 300 - EVALUATED_EVERY
    topology = Topology((Component("vllm-1", Kind.REPLICA), Component("vllm-2", Kind.REPLICA)))
    assert group.components(topology) == ("vllm-1",)
