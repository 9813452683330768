"""A store that answers in part, and a scrape that fails, never make a component look guilty."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from serving_incident import ONSET, SAMPLES, incident, slow

from cluster.incident.model import Incident
from cluster.prometheus.client import Prometheus
from cluster.prometheus.promql import Query
from cluster.prometheus.samples import Targets, read
from cluster.provenance import Origin
from cluster.signals import SIGNALS
from cluster.topology import Kind
from cluster.window import Onset, OnsetSource
from methods import catalog
from methods.answer.types import Ranking
from methods.verdict.decision import decide
from methods.verdict.types import Answer
from tests.cluster.http_server import Handler, server

SHARD = ("replica-2",)
SAID = {
    "VictoriaMetrics": {"isPartial": True},
    "Thanos": {"warnings": ["receive series from Addr: 10.0.0.7:10901: rpc error: code = Unavailable"]},
    "Mimir": {"infos": ["partial data: 1 of 3 store-gateways did not answer"]},
}
SERVING = frozenset({Kind.REPLICA})


def store(case: Incident, said: dict[str, Any], signals: frozenset[str], lost: str) -> Any:
    """Answers each query with the case's series; of some signals without the shard's, or with half of their values."""
    metrics, edges = case.telemetry.metrics, case.telemetry.edge_metrics

    def answering(handler: Handler) -> None:
        where, _, signal = handler.query["query"].partition("/")
        frame = metrics if where == "own" else edges
        result = []
        partial = where == "own" and signal in signals
        for column in frame.columns[frame.columns.get_level_values("signal") == signal]:
            values = frame[column].to_numpy(copy=True)
            if partial and column[0] in SHARD:
                values[ONSET:] *= np.nan if lost == "series" else 0.5
            points = [[t, repr(float(v))] for t, v in enumerate(values) if np.isfinite(v)]
            names = {"component": column[0], **({"upstream": column[1]} if where == "edge" else {})}
            result.append({"metric": names, "values": points})
        answer = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        handler.reply(200, json.dumps(answer | (said if partial else {})).encode())

    return answering


def through(case: Incident, answering: Any, targets: Targets | None = None) -> Incident:
    own = case.telemetry.metrics.columns.get_level_values("signal").unique()
    called = case.telemetry.edge_metrics.columns.get_level_values("signal").unique()
    queries = [Query(s, f"own/{s}", ("component",), SIGNALS[s].kinds, metrics=(f"vllm:{s}",), scrape=1.0) for s in own]
    queries += [Query(s, f"edge/{s}", ("component", "upstream"), SERVING, edge=True) for s in called]
    with server(answering) as url, Prometheus(url) as client:
        found = read(client, case.topology, queries, case.window, 1.0, targets=targets or Targets())
    telemetry = dataclasses.replace(case.telemetry, metrics=found.metrics, edge_metrics=found.edge_metrics)
    return dataclasses.replace(case, telemetry=telemetry, notes=found.notes, provenance=found.provenance)


@pytest.mark.parametrize("lost", ["series", "half of the values"])
@pytest.mark.parametrize("said", SAID)
@pytest.mark.parametrize("signals", ["queue_length", "cpu_usage latency_p90 queue_length request_rate"])
def test_a_dropped_shard_blames_nobody(said: str, lost: str, signals: str) -> None:
    of_shard = frozenset(signals.split())
    case = through(incident(), store(incident(), SAID[said], of_shard, lost))
    assert case.provenance.origin("replica-2", "queue_length") is Origin.PARTIAL
    assert case.telemetry.metrics["replica-2", "queue_length"].isna().all()
    assert any("answered in part" in note for note in case.notes)
    assert decide(case).answer is not Answer.COMPONENTS


def test_a_trouble_is_still_found_in_what_is_whole() -> None:
    troubled = incident(slow("replica-1"))
    case = through(troubled, store(troubled, SAID["Thanos"], frozenset({"cpu_usage"}), "series"))
    assert decide(case).named == ("replica-1",)


@pytest.mark.parametrize("method", ["nsigma", "baro", "mmbaro"])
def test_to_a_method_a_partial_signal_is_one_that_was_not_measured(method: str) -> None:
    case = through(incident(), store(incident(), SAID["VictoriaMetrics"], frozenset({"queue_length"}), "series"))
    kept = case.telemetry.metrics.columns.get_level_values("signal") != "queue_length"
    absent = dataclasses.replace(case.telemetry, metrics=case.telemetry.metrics.loc[:, kept])
    without, onset = dataclasses.replace(case, telemetry=absent), Onset(float(ONSET), OnsetSource.GIVEN)
    ranked, expected = (catalog.load(method).rank(one.at(onset), np.random.default_rng(0)) for one in (case, without))
    assert isinstance(ranked, Ranking) and isinstance(expected, Ranking)
    assert [(c.component, c.score) for c in ranked.components] == [(c.component, c.score) for c in expected.components]


def test_a_scrape_that_fails_while_the_gateway_sees_answers_is_no_dead_replica() -> None:
    """vLLM answers 500 on /metrics and 200 on requests: `up` is 0."""
    calm = incident()
    silent = incident({("replica-2", s): np.nan for s in calm.telemetry.metrics["replica-2"].columns})
    answering = store(silent, {}, frozenset(), "series")
    told = through(silent, answering, Targets(failing=frozenset({"replica-2"})))
    assert told.provenance.origin("replica-2", "cpu_usage") is Origin.SCRAPE_FAILED
    assert decide(told).answer is not Answer.COMPONENTS
    untold = through(silent, answering)
    assert untold.provenance.origin("replica-2", "cpu_usage") is Origin.STALE
    assert decide(untold).named == ("replica-2",)


def test_infos_about_the_query_are_no_partial_answer() -> None:
    info = {"infos": ['PromQL info: metric might not be a counter, name does not end in _total: "ray_x"']}
    case = through(incident(), store(incident(), info, frozenset({"queue_length"}), "none"))
    assert case.provenance.origin("replica-2", "queue_length") is Origin.MEASURED
    assert case.provenance.of("replica-0", "cpu_usage").metrics == ("vllm:cpu_usage",)
    assert len(case.telemetry.metrics) == SAMPLES
