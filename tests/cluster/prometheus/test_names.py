"""The contract of every table of metric names, with one exposition of its exporter in `fixtures/<module>.prom`.

An exposition is the text that the server prints. The scraper's labels are added: those of a serving pod, or of the
gateway where the first line says "Scraped from the gateway". An exposition that says "the increase per second" holds
what a scrape stores, the scraper's labels included, with rates in place of counts. Pods, nodes and addresses are those
of `mock_stack`; `component` is the local deployment's label.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import mock_stack
import numpy as np
import prometheus_data
import pytest
from prometheus_data import SECONDS, T0, level, steady

from cluster import signals
from cluster.kubernetes.identity import PodHistory
from cluster.kubernetes.metrics import Scraped, SeriesOwner, build_queries
from cluster.kubernetes.objects import parse_node, parse_pod
from cluster.kubernetes.settings import Labels, Metrics
from cluster.kubernetes.stack import Stack, build_stack
from cluster.kubernetes.target import Target
from cluster.prometheus import names
from cluster.prometheus.client import Prometheus, Series
from cluster.prometheus.names import CATALOG, Environment, Row
from cluster.prometheus.promql import Query, Rule, Source, Spelling, resolve
from cluster.prometheus.variants import known_names
from cluster.signals import Quantity, Signal
from cluster.text.metric_names import family
from cluster.topology import Topology
from cluster.window import Window

EXPOSITIONS = Path(__file__).parent / "fixtures"
WINDOW = Window(T0 + SECONDS - 5, T0 + SECONDS)
SPELLINGS = [spelling for row in CATALOG for spelling in names.table(row)]
RULES = [pytest.param(rule, id=f"{s.name} {rule.signal}") for s in SPELLINGS for rule in s.rules]

READ_AS_LEVELS = {"kube_pod_container_status_restarts_total"}  # counters that repeat a number of an object's status
FUNCTION = {
    Quantity.GAUGE: "last_over_time(",
    Quantity.RATE: "rate(",
    Quantity.QUANTILE: "histogram_quantile(",
    Quantity.RATIO: " > 0)",
}
# Bounds of a sensible value: a missing or a wrong factor of the unit is outside.
PLAUSIBLE = {
    "1": (0, 1e5),
    "1/s": (0, 1e4),
    "s": (1e-3, 100),
    "bytes": (1e6, 1e12),
    "bytes/s": (100, 1e9),
    "cores": (0.01, 100),
    "Hz": (1e8, 1e10),
    "W": (1, 1000),
    "°C": (10, 110),
}


@dataclass(frozen=True)
class Exposition:
    """The stored samples of one scrape: (metric, labels, value), and the type of each family."""

    samples: tuple[tuple[str, Mapping[str, str], float], ...]
    types: Mapping[str, str]

    def type_of(self, metric: str) -> str:
        return self.types.get(metric) or self.types[re.sub("_(bucket|count|sum|total)$", "", metric)]


SCRAPED = {
    "pod": {"component": "replica-0", "namespace": mock_stack.NAMESPACE, "pod": mock_stack.WORKER_PODS[0]},
    "gateway": {"component": "gateway", "namespace": mock_stack.NAMESPACE, "pod": mock_stack.GATEWAY_POD},
}
SINCE = 1000.0  # s in which the counts of a printed exposition came together


def read(module: str) -> Exposition:
    text = (EXPOSITIONS / f"{module}.prom").read_text()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    lines = re.findall(r"^([\w:]+)(?:\{(.*)\})? (\S+)$", text, re.MULTILINE)
    assert len(lines) == sum(line[:1] not in ("#", "") for line in text.splitlines()), "a line of another form"
    samples = [(m, dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(v)) for m, labels, v in lines]
    stored = "the increase per second" in text
    added = {} if stored else SCRAPED["gateway" if "Scraped from the gateway" in text else "pod"]
    found = Exposition(tuple((m, {**added, **labels}, v) for m, labels, v in samples), types)
    if stored:
        return found
    rates = ((m, labels, v if found.type_of(m) == "gauge" else v / SINCE) for m, labels, v in found.samples)
    return Exposition(tuple(rates), types)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prometheus that has scraped all exporters."""
    if missing := prometheus_data.missing_binaries():
        pytest.skip(f"not installed here: {', '.join(missing)} (Debian's package prometheus has both)")
    out = prometheus_data.Exposition()
    for row in CATALOG:
        exposition = read(row.module)
        for metric, labels, value in exposition.samples:
            grows = exposition.type_of(metric) != "gauge" and metric not in READ_AS_LEVELS
            out.add(metric, labels, steady(value) if grows else level(value))
    with prometheus_data.prometheus(tmp_path_factory.mktemp("exporters"), out) as url:
        yield url


@pytest.fixture(scope="module")
def stack() -> Stack:
    """The reference deployment."""
    ray = {mock_stack.HEAD_POD: ("head", "headgroup")} | dict.fromkeys(mock_stack.WORKER_PODS, ("worker", "replicas"))
    objects = [mock_stack.nginx_pod(mock_stack.GATEWAY_POD), *(mock_stack.ray_pod(n, *kind) for n, kind in ray.items())]
    for one in objects:
        one["metadata"] |= {"uid": one["metadata"]["name"], "namespace": mock_stack.NAMESPACE}
    nodes = {name: parse_node(mock_stack.node_object(name)) for name in mock_stack.NODES}
    target = Target(mock_stack.SERVICE, "uid", mock_stack.NAMESPACE, Labels(), (mock_stack.CLUSTER,))
    return build_stack(target, [parse_pod(one) for one in objects], nodes, PodHistory(None))


def ask(url: str, queries: list[Query]) -> list[tuple[Query, Series]]:
    with Prometheus(url) as client:
        answer = client.range(queries, WINDOW, 1.0)
    assert answer.notes == (), "Prometheus parses every query"
    return list(zip(queries, answer.series, strict=True))


def check(answers: list[tuple[Query, Series]], topology: Topology) -> None:
    """Every query has a sensible value of a component, or of a call, that it is about."""
    for query, series in answers:
        owned = {ids: values for ids, values in series.items() if topology.component(ids[-1]).kind in query.kinds}
        assert owned, f"{query.signal} of {', '.join(query.kinds)}: no series of such a component"
        for ids, values in owned.items():
            assert not query.edge or ids[0] in topology.callers(ids[1])
            low, high = PLAUSIBLE[signals.UNITS[query.signal]]
            high = 1 if "share" in signals.signal(query.signal).measures else high
            assert np.isfinite(values).all() and ((low <= values) & (values <= high)).all(), (query.signal, values)


def test_every_row_has_its_table_and_its_exposition() -> None:
    modules = {row.module for row in CATALOG}
    assert len(modules) == len(CATALOG) and all(row.environments for row in CATALOG)
    assert {file.stem for file in Path(names.__file__).parent.glob("[!_]*.py")} == modules
    assert {file.stem for file in EXPOSITIONS.iterdir()} == modules
    assert len({spelling.name for spelling in SPELLINGS}) == len(SPELLINGS)


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda s: s.name)
def test_a_metric_that_is_renamed_is_no_known_one(spelling: Spelling) -> None:
    renamed = frozenset(f"{family(metric)}_v2" for metric in spelling.metrics)
    known = [s.name for s in SPELLINGS if known_names((s,), renamed)]
    assert not known, "a pattern of names that are not read hides the new name of one that was"


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda s: s.name)
def test_no_signal_of_a_kind_is_measured_twice(spelling: Spelling) -> None:
    rules = [(rule.signal, kind, rule.edge) for rule in spelling.rules for kind in rule.kinds]
    assert len(rules) == len(set(rules))


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_measures_a_signal_of_the_vocabulary_as_its_quantity_says(rule: Rule) -> None:
    signal: Signal = signals.signal(rule.signal)
    assert rule.metrics
    assert signal.on_edges if rule.edge else rule.kinds <= signal.kinds
    # A level may be the ratio of two levels, as the busy slots of all slots.
    assert FUNCTION[signal.quantity] in rule.expr
    if signal.quantity is Quantity.QUANTILE:
        percent = re.search(r"_p(\d+)$", signal.name)
        assert percent and set(re.findall(r"quantile\(([\d.]+),", rule.expr)) == {str(int(percent[1]) / 100)}


@pytest.mark.parametrize("row", CATALOG, ids=lambda row: row.module)
def test_counters_are_read_by_rate_and_levels_are_not(row: Row) -> None:
    exposition = read(row.module)
    exported = {metric for metric, _, _ in exposition.samples}
    for rule in (rule for spelling in names.table(row) for rule in spelling.rules):
        assert rule.metrics & exported, f"{rule.signal}: the exposition has none of its metrics"
        for function, metric in re.findall(r"(rate|last_over_time)\(([\w:]+)\{", rule.expr):
            if metric in exported and metric not in READ_AS_LEVELS:
                assert (exposition.type_of(metric) == "gauge") is (function == "last_over_time"), metric


@pytest.mark.parametrize("row", [r for r in CATALOG if Environment.LOCAL in r.environments], ids=lambda r: r.module)
def test_the_local_deployment_reads_what_the_table_promises(row: Row, server: str, topology: Topology) -> None:
    for spelling in names.table(row):
        queries, missing = resolve(None, Source((spelling,)), spelling.metrics)
        assert not missing
        check(ask(server, queries), topology)


@pytest.mark.parametrize(
    "row", [r for r in CATALOG if Environment.KUBERNETES in r.environments], ids=lambda r: r.module
)
def test_a_cluster_reads_what_the_table_promises(row: Row, server: str, stack: Stack) -> None:
    for spelling in names.table(row):
        scraped = Scraped(spelling.metrics, {spelling.name: 1.0}, 0.0)
        queries, _ = build_queries(stack, scraped, Metrics(url=server, scrape=1.0), None)
        assert {q.signal for q in queries} == {rule.signal for rule in spelling.rules}
        owner = SeriesOwner(stack)
        check([(query, owner.rename(query, series)) for query, series in ask(server, queries)], stack.topology)
        assert not owner.unknown_pods
