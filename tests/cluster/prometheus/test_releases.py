"""The tables of names beside what published releases define: `python -m tests.drift` wrote the fixtures."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

import pytest

from cluster.prometheus.promql import Source, resolve
from tests.drift import reading
from tests.drift.packages import RELEASES
from tests.drift.releases import FOLDER, TABLES, Exported, read

KEPT = [read(file) for file in sorted(FOLDER.glob("*.json"))]
ENGINE = {"latency_p90", "ttft_p90", "queue_length", "running_requests", "kv_usage", "token_rate", "prompt_tokens_p90"}
MEASURED = {
    "vllm": {*ENGINE, "request_rate", "inter_token_p90", "preemption_rate"},
    "sglang": {*ENGINE, "request_rate", "inter_token_p90"},
    "lmdeploy": {*ENGINE, "request_rate", "inter_token_p90", "tpot_p90", "queue_time_p90", "decode_time_p90"},
    "ray": {"request_rate", "error_rate", "latency_p90", "running_requests", "router_queue", "gcs_memory"},
}
LATER = {  # signal -> the first of the releases that has it
    "vllm": {"tpot_p90": "0.11.0", "decode_time_p90": "0.6.6", "batch_tokens_p90": "0.6.6", "queue_time_p90": "0.6.6"},
    "sglang": {"tpot_p90": "0.5.23", "queue_time_p90": "0.5.2", "preemption_rate": "0.5.8", "abort_rate": "0.5.2"},
}
each = pytest.mark.parametrize("kept", KEPT, ids=lambda kept: str(kept.release).replace(" ", "-"))


def test_every_release_is_kept() -> None:
    assert {one.release for one in KEPT} == set(RELEASES)
    counts = {package: sum(r.package == package for r in RELEASES) for package in TABLES}
    assert counts["vllm"] >= 6 and counts["sglang"] >= 3 and counts["ray"] >= 4


@each
def test_every_name_of_a_release_is_known(kept: Exported) -> None:
    assert kept.unknown() == ()


@each
def test_a_release_measures_what_it_exports(kept: Exported) -> None:
    own = [release for release in RELEASES if release.package == kept.release.package]
    later = {
        signal
        for signal, first in LATER.get(kept.release.package, {}).items()
        if own.index(kept.release) >= [r.version for r in own].index(first)
    }
    measured = set(kept.measured())
    assert MEASURED[kept.release.package] | later <= measured
    assert not (set(LATER.get(kept.release.package, {})) - later) & measured


@pytest.mark.parametrize("way", ["ray_{}", "ray_{}_", "kserve_{}", "{}_", "acme_{}_"])
@pytest.mark.parametrize("kept", [k for k in KEPT if k.release.package != "ray"], ids=lambda kept: str(kept.release))
def test_another_prefix_or_an_escaped_colon_measures_the_same(kept: Exported, way: str) -> None:
    pattern, escaped = way.removesuffix("_") if way.endswith("_") else way, way.endswith("_")
    names = {pattern.format(name) for name in kept.series()}
    names = {name.replace(":", "_") for name in names} if escaped else names
    queries, _ = resolve(None, Source(TABLES[kept.release.package]), names)
    assert {query.signal for query in queries} == set(kept.measured())
    assert all(metric in names for query in queries for metric in query.metrics)


@each
def test_labels_that_rules_match_are_labels_of_the_release(kept: Exported) -> None:
    done = kept.metrics.get("vllm:request_success") or kept.metrics.get("lmdeploy:request_success_total")
    if done and done.labels:
        assert "finished_reason" in done.labels


def test_metrics_are_read_from_source_and_not_run() -> None:
    text = """
labels = ["model_name"]
def build(cls, more):
    names = labels + ["engine"]
    raise SystemExit
    cls._gauge_cls(name="vllm:running", documentation="x", labelnames=names)
    Counter("vllm:done", "y", labelnames=[*names, "finished_reason"])
    Histogram(name=more, documentation="z")
    Gauge(name="other:thing", documentation="")
"""
    ast.parse(text)
    found = reading.metrics("vllm", [(PurePosixPath("vllm/v1/metrics.py"), text), (PurePosixPath("x/y.py"), text)])
    assert [(m.name, m.kind, m.labels) for m in found.values()] == [
        ("vllm:done", "counter", ("engine", "finished_reason", "model_name")),
        ("vllm:running", "gauge", ("engine", "model_name")),
    ]
