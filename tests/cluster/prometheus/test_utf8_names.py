"""Names that Prometheus 3 allows: as they are, or as its schemes escape them for those that know no such names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster import imports
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.promql import Source, resolve
from cluster.prometheus.rules import selector
from cluster.prometheus.targets import targets_of
from cluster.prometheus.variants import known_names
from cluster.text.metric_names import unescaped

TABLES = spellings(Environment.ENDPOINTS)
SOURCE = Source(TABLES, carries_ids=False, component="instance", matchers='job="llm",')
DOTTED = "vllm.num_requests_waiting"
DOUBLED = "vllm:num__requests__waiting"
VALUES, DOTS = "U__vllm_2e_num__requests__waiting", "vllm_dot_num__requests__waiting"


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("vllm:num_requests_waiting", 'vllm:num_requests_waiting{job="llm",}'),
        ("vllm_num_requests_waiting", 'vllm_num_requests_waiting{job="llm",}'),
        (DOTTED, '{"vllm.num_requests_waiting",job="llm",}'),
        (VALUES, f'{VALUES}{{job="llm",}}'),
        (DOTS, f'{DOTS}{{job="llm",}}'),
        (DOUBLED, f'{DOUBLED}{{job="llm",}}'),
        ("acme.vllm.num_requests_waiting", '{"acme.vllm.num_requests_waiting",job="llm",}'),
    ],
)
def test_a_name_is_read_however_it_is_written(name: str, series: str) -> None:
    queries, missing = resolve(["queue_length"], SOURCE, {name})
    assert [query.expr for query in queries] == [f"sum by (instance) (last_over_time({series}[2500ms]))"]
    assert queries[0].metrics == (name,)
    assert not missing
    assert known_names(TABLES, frozenset({name})) == {name}


def test_pods_that_write_it_in_different_ways_are_all_read() -> None:
    (query,), _ = resolve(["queue_length"], SOURCE, {DOTTED, VALUES, DOTS, "vllm_num_requests_waiting"})
    assert set(query.metrics) == {DOTTED, VALUES, DOTS, "vllm_num_requests_waiting"}
    assert query.expr.count("last_over_time") == 4


def test_a_quantile_and_the_copies_of_a_store_are_read_by_quoted_names() -> None:
    names = {"vllm.time_to_first_token_seconds_bucket"}
    (query,), _ = resolve(["ttft_p90"], replace(SOURCE, duplicates="replica"), names)
    assert 'max without (replica) (rate({"vllm.time_to_first_token_seconds_bucket",job="llm",}[10000ms]))' in query.expr


@pytest.mark.parametrize("suffix", ["", "_seconds"])
@pytest.mark.parametrize("part", ["", "_bucket"])
@pytest.mark.parametrize(
    "stem", ["gen_ai.server.", "gen_ai_server_", "U__gen__ai_2e_server_2e_", "acme_gen_ai_server_"]
)
def test_27_opentelemetrys_metrics_with_and_without_suffixes(stem: str, part: str, suffix: str) -> None:
    separate = "." if stem.endswith(".") else "_2e_" if stem.startswith("U__") else "_"
    under = "__" if stem.startswith("U__") else "_"
    first = under.join(("time", "to", "first", "token")) + suffix.replace("_", under) + part.replace("_", under)
    whole = separate.join(("request", "duration")) + suffix.replace("_", under) + part.replace("_", under)
    queries, _ = resolve(["ttft_p90", "latency_p90"], SOURCE, {stem + first, stem + whole})
    assert {query.signal: query.metrics for query in queries} == {
        "ttft_p90": (stem + first,),
        "latency_p90": (stem + whole,),
    }


@pytest.mark.parametrize(
    ("escaped", "name"),
    [
        ("U__a_2e_b__c", "a.b_c"),
        ("U___1f600_", "\U0001f600"),
        ("U___ffffff_", "_"),
        ("a_dot_b__c", "a.b_c"),
        ("vllm:num__requests__waiting", "vllm:num_requests_waiting"),
        ("vllm:e2e__request__latency__seconds_bucket", "vllm:e2e_request_latency_seconds_bucket"),
        ("a_dot_b__seconds_count", "a.b_seconds_count"),
        ("one_plain__name", "one_plain__name"),
        ("U__", ""),
    ],
)
def test_unescaped(escaped: str, name: str) -> None:
    assert unescaped(escaped) == name


def test_a_selector_quotes_what_needs_it() -> None:
    assert selector("a:b", 'c="d"') == 'a:b{c="d"}'
    assert selector('a"\\\n.b') == '{"a\\"\\\\\\n.b",}'


def test_a_dotted_name_that_no_table_knows_is_told_as_one() -> None:
    class Server:
        asked = ""

        def instant(self, query: str, at: float) -> dict[Any, float]:
            if "__name__" not in query:
                return {}
            self.asked = query
            return {(("__name__", "acme.requests.waiting"), ("instance", "a:1")): 1.0}

    server: Any = Server()
    names = frozenset({"acme.requests.waiting", "acme.evil\x1b[2J.requests.waiting"})
    found = targets_of(server, TABLES, (), names, "instance", {"a:1": "replica-1"}, "", 0.0)
    assert found.unknown == {"replica-1": frozenset({"acme.requests.waiting"})}
    assert r'__name__=~"acme\\.requests\\.waiting"' in server.asked


def test_an_imported_dotted_name_is_measured(tmp_path: Path) -> None:
    values = [[1_700_000_000 + 5 * n, "4"] for n in range(10)]
    result = [
        {"metric": {"__name__": name, "k8s.pod.name": pod}, "values": values}
        for name, pod in ((DOTTED, "a"), (VALUES, "b"))
    ]
    (tmp_path / "x.json").write_text(
        json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})
    )
    incident, _ = imports.read(tmp_path)
    assert incident.telemetry.series("a", "queue_length").iloc[-1] == 4.0
    assert incident.telemetry.series("b", "queue_length").iloc[-1] == 4.0
