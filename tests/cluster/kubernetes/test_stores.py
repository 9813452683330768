"""Stores that speak Prometheus's language with rules of their own: Mimir and Cortex, VictoriaMetrics, Thanos.

Each is a real Prometheus behind a server that adds what the store does otherwise, as its documentation says.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
import prometheus_data
import pytest
from cluster_series import Reference
from http_server import Handler, server
from mock_api import MockApi
from mock_stack import NAMESPACE, SERVING
from prometheus_data import T0, Exposition

from cluster.deployment import DeploymentError
from cluster.kubernetes.deployment import KubernetesDeployment
from cluster.provenance import Origin
from cluster.window import Window

pytestmark = pytest.mark.slow

SECONDS = 420
WINDOW = Window(T0 + 300, T0 + SECONDS)
SIGNALS = ["queue_length", "request_rate", "ttft_p90"]


@dataclass
class Store:
    """What the store adds.

    Attributes:
        prefix: of all paths; others are 404 pages.
        tenants: those that are let in; no header is 401 in plain text.
        known: endpoints of the API under /api/v1 that exist.
        said: added to answers of range queries.
        grid: a range query without `nocache` is moved to a multiple of its step, as VictoriaMetrics does it.
    """

    prefix: str = ""
    tenants: frozenset[str] = frozenset()
    known: tuple[str, ...] = ("query", "query_range", "label/", "series", "metadata", "targets")
    said: dict[str, object] = field(default_factory=dict)
    grid: bool = False
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def before(prometheus: str, store: Store) -> Iterator[str]:
    """The address of the store."""

    def answering(handler: Handler) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        store.asked.append((parts.path, dict(handler.headers) | query))
        path = parts.path.removeprefix(store.prefix)
        if not parts.path.startswith(f"{store.prefix}/api/v1/"):
            handler.reply(404, b"404 page not found", "text/plain")
        elif store.tenants and "X-Scope-OrgID" not in handler.headers:
            handler.reply(401, b"no org id\n", "text/plain")
        elif store.tenants and handler.headers["X-Scope-OrgID"] not in store.tenants:
            handler.reply(200, b'{"status":"success","data":{"resultType":"matrix","result":[]}}')
        elif not path.removeprefix("/api/v1/").startswith(store.known):
            handler.reply(404, b"404 page not found", "text/plain")
        else:
            if store.grid and path.endswith("query_range") and "nocache" not in query:
                step = float(query["step"])
                query |= {name: str(step * int(float(query[name]) / step) - step / 2) for name in ("start", "end")}
            handler.reply(*_forwarded(f"{prometheus}{path}?{urlencode(query)}", store.said))

    with server(answering) as url:
        yield url + store.prefix


def _forwarded(url: str, said: dict[str, object]) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            content = answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    return 200, json.dumps({**json.loads(content), **said}).encode() if "query_range" in url else content


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if missing := prometheus_data.missing_binaries():
        pytest.skip(f"not installed here: {', '.join(missing)} (Debian's package prometheus has both)")
    out = Exposition(T0, SECONDS)
    Reference(out)
    with prometheus_data.prometheus(tmp_path_factory.mktemp("stores"), out) as url:
        yield url


Read = Callable[..., KubernetesDeployment]


@pytest.fixture
def connect(stack: MockApi, configure: Callable[[str], None]) -> Iterator[Read]:
    opened: list[KubernetesDeployment] = []

    def make(url: str, more: str = "") -> KubernetesDeployment:
        configure(f'[contexts.mock.prometheus]\nurl = "{url}"\n{more}')
        opened.append(KubernetesDeployment.connect("mock"))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def whole(found: KubernetesDeployment) -> None:
    samples = found.samples(WINDOW, 5.0, SIGNALS)
    for component in SERVING:
        assert np.nanmedian(samples.metrics[component, "queue_length"]) == pytest.approx(0.5, rel=0.1)
        assert np.nanmedian(samples.metrics[component, "request_rate"]) == pytest.approx(2.0, rel=0.1)
    assert not any("failed" in note or "in part" in note for note in samples.notes)


MIMIR = ("query", "query_range", "label/", "series", "metadata")


@pytest.mark.parametrize("apart", [False, True], ids=["in the url", "as path"])
@pytest.mark.parametrize(("prefix", "tenant"), [("/prometheus", "team-a"), ("/api/prom", "anonymous")])
def test_24_mimir_and_cortex_want_a_tenant_and_their_prefix(
    prometheus: str, connect: Read, prefix: str, tenant: str, apart: bool
) -> None:
    store = Store(prefix, frozenset({tenant}), MIMIR)
    with before(prometheus, store) as url:
        more = f'tenant = "{tenant}"\n' + (f'path = "{prefix}"\n' if apart else "")
        found = connect(url.removesuffix(prefix) if apart else url, more)
        whole(found)
        assert found.exposition(WINDOW).intervals == {}, "it scrapes nothing itself"
    assert {headers["X-Scope-OrgID"] for _, headers in store.asked} == {tenant}
    assert all(path.startswith(f"{prefix}/api/v1/") for path, _ in store.asked)


def test_24_mimir_behind_a_service_is_reached_by_its_path(prometheus: str, stack: MockApi, configure) -> None:
    store = Store("/prometheus", frozenset({"team-a"}), MIMIR)
    stack.create("namespaces", "", {"metadata": {"name": "mimir"}})
    ports = {"ports": [{"port": 8080}]}
    stack.create("services", "mimir", {"metadata": {"name": "mimir-query-frontend"}, "spec": ports})
    with before(prometheus, store) as url:
        stack.backends["mimir", "mimir-query-frontend"] = url.removesuffix("/prometheus")
        configure(
            '[contexts.mock.prometheus]\nservice = "mimir/mimir-query-frontend:8080"\npath = "/prometheus"\n'
            'tenant = "team-a"\n'
        )
        found = KubernetesDeployment.connect("mock")
        try:
            whole(found)
        finally:
            found.close()
    assert all(path.startswith("/prometheus/api/v1/") for path, _ in store.asked)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("", r"wants a tenant \(X-Scope-OrgID\); set tenant for it in kubernetes.toml"),
        ('tenant = "other"\n', None),
    ],
)
def test_24_a_tenant_that_is_missing_is_one_sentence_and_another_one_has_nothing(
    prometheus: str, connect: Read, more: str, says: str | None
) -> None:
    with before(prometheus, Store("/prometheus", frozenset({"team-a"}), MIMIR)) as url:
        found = connect(url, more)
        with pytest.raises(DeploymentError, match=says or "not in Prometheus's form") as refused:
            found.samples(WINDOW, 5.0, SIGNALS)
        assert "\n" not in str(refused.value)


def test_24_a_wrong_prefix_is_told(prometheus: str, connect: Read) -> None:
    with before(prometheus, Store("/prometheus", frozenset({"team-a"}), MIMIR)) as url:
        found = connect(url.removesuffix("/prometheus"), 'tenant = "team-a"\n')
        with pytest.raises(DeploymentError, match="HTTP 404"):
            found.samples(WINDOW, 5.0, SIGNALS)


def test_24_victoria_metrics_is_asked_for_its_points_where_they_are(prometheus: str, connect: Read) -> None:
    """Without `nocache` it moves the grid; without a latency offset it repeats an old value up to now."""
    store = Store("/select/0/prometheus", grid=True)
    with before(prometheus, store) as url:
        whole(connect(url))
    ranges = [query for path, query in store.asked if path.endswith("query_range")]
    assert ranges and all(one["nocache"] == "1" and one["latency_offset"] == "1ms" for one in ranges)


@pytest.mark.parametrize(
    "said",
    [
        {"isPartial": True},
        {"warnings": ["1 of 2 stores is away"]},
        {"infos": ["partial data: 1 of 3 store-gateways did not answer"]},
    ],
    ids=["VictoriaMetrics", "Thanos", "Mimir"],
)
def test_24_an_answer_in_part_is_a_gap_with_its_reason(prometheus: str, connect: Read, said: dict[str, object]) -> None:
    with before(prometheus, Store(said=said)) as url:
        samples = connect(url).samples(WINDOW, 5.0, SIGNALS)
    assert samples.metrics.isna().all(axis=None)
    of_engines = [record for record in samples.provenance.records if set(record.components) <= set(SERVING)]
    assert {record.origin for record in of_engines if record.signal in SIGNALS} == {Origin.PARTIAL}
    assert any("in part" in note for note in samples.notes)


def test_24_a_store_of_several_clusters_is_asked_for_one(prometheus: str, connect: Read) -> None:
    store = Store()
    with before(prometheus, store) as url:
        found = connect(url, 'matchers = {cluster = "prod"}\n')
        samples = found.samples(WINDOW, 5.0, SIGNALS)
    assert samples.metrics.isna().all(axis=None), "no series of this store has that label"
    asked = [query["query"] for path, query in store.asked if path.endswith("query_range")]
    for expr in asked:
        selectors = re.findall(r"\{[^}]*\}", expr)
        assert selectors and all('cluster="prod"' in selector for selector in selectors), expr


def test_23_left_open_ranges_and_normal_bounds_change_no_value(prometheus: str, connect: Read) -> None:
    """Prometheus 3 leaves the sample at the left end of a range out: every window holds two samples without it."""
    store = Store()
    with before(prometheus, store) as url:
        found = connect(url)
        found.samples(WINDOW, 5.0, SIGNALS)
        intervals = found.metrics._scraped.intervals if found.metrics._scraped else {}
    slowest = max(intervals.values())
    asked = [query["query"] for path, query in store.asked if path.endswith("query_range")]
    windows = [int(found) / 1000 for expr in asked for found in re.findall(r"\[(\d+)ms\]", expr)]
    assert windows and min(windows) > 2 * min(intervals.values())
    assert max(windows) <= 2.5 * slowest + 60
    # A bound is never compared as a text: `le` is only grouped by.
    assert not [expr for expr in asked if re.search(r'le(=|!=|=~|!~)"', expr)]
    assert NAMESPACE in asked[0]
