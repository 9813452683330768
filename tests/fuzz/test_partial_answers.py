"""What a store marks as partial: a gap with its reason in every signal, and a note; never a value."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from cluster.deployment import DeploymentError, Samples
from cluster.http import Login
from cluster.kubernetes import logs, traces
from cluster.kubernetes.metrics import MetricsReader
from cluster.kubernetes.settings import Metrics, Traces
from cluster.provenance import Origin
from tests.fuzz.servers import _LOKI, _PROMETHEUS, _TEMPO, ANSWERS, DEADLINE, STACK, WINDOW, _client

PARTIAL: tuple[dict[str, Any], ...] = (
    {"isPartial": True},
    {"warnings": ["2 of 3 stores did not answer"]},
    {"infos": ["results may be incomplete"]},
    {"warnings": "one text"},
    {"isPartial": True, "warnings": [], "infos": ["PromQL info: metric might not be a counter"]},
)


def _samples(said: dict[str, Any]) -> Samples:
    answers = {**_PROMETHEUS, "/api/v1/query_range": {**_PROMETHEUS["/api/v1/query_range"], **said}}
    url = ANSWERS.give(json.dumps(answers).encode())
    reader = MetricsReader(Metrics(url=url), lambda: Login(url), DEADLINE)
    return reader.samples(STACK, WINDOW, 5.0, None)


def test_a_whole_answer_has_values() -> None:
    found = _samples({"infos": ["PromQL info: metric might not be a counter"]})
    assert np.isfinite(found.metrics.to_numpy()).any()


@pytest.mark.parametrize("said", PARTIAL, ids=str)
def test_no_partial_answer_reaches_a_method_as_complete(said: dict[str, Any]) -> None:
    try:
        found = _samples(said)
    except DeploymentError as error:
        assert "in part" in str(error)
        return
    for frame in (found.metrics, found.edge_metrics):
        assert not np.isfinite(frame.to_numpy(dtype=float)).any()
    assert any("in part" in note for note in found.notes)
    origins = {record.origin for record in found.provenance.records}
    assert Origin.PARTIAL in origins and Origin.MEASURED not in origins


def test_lines_and_traces_in_part_are_noted() -> None:
    cut = {**_LOKI, "/loki/api/v1/query_range": {**_LOKI["/loki/api/v1/query_range"], "warnings": ["a part is gone"]}}
    frame = logs.read(_client("Loki", json.dumps(cut).encode()), STACK, WINDOW)
    assert any("in part" in note for note in frame.attrs["notes"])
    client = _client("tempo", json.dumps(_TEMPO).encode())
    configured = Traces.model_validate({"kind": "tempo", "url": client.address})
    spans = traces.read(client, configured, STACK, WINDOW, DEADLINE)
    assert any("some in part" in note for note in spans.attrs["notes"])


def test_names_in_part_are_no_proof_that_a_metric_is_missing() -> None:
    path = "/api/v1/label"
    answers = {**_PROMETHEUS, path: {**_PROMETHEUS[path], "warnings": ["1 of 2 stores is away"]}}
    url = ANSWERS.give(json.dumps(answers).encode())
    found = MetricsReader(Metrics(url=url), lambda: Login(url), DEADLINE).samples(STACK, WINDOW, 5.0, None)
    assert "Prometheus answered in part about the metrics that it has: 1 of 2 stores is away" in found.notes
    origins = {record.origin for record in found.provenance.records}
    assert Origin.NOT_EXPORTED not in origins and Origin.PARTIAL in origins
