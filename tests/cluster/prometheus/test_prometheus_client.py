from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from http_server import Handler, server
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_data import PODS, SECONDS, T0

from cluster.deployment import DeploymentError
from cluster.http import Login
from cluster.prometheus.client import POINTS_PER_QUERY, Prometheus, grid
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.promql import Query, Source, resolve
from cluster.prometheus.samples import as_samples
from cluster.topology import Kind, Topology
from cluster.window import Window

SERVING = frozenset({Kind.HEAD, Kind.REPLICA})
WINDOW = Window(T0, T0 + SECONDS)


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> bytes:
    result = [{"metric": labels, "values": values} for labels, values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


def query(signal: str = "queue_length", expr: str = "up") -> Query:
    return Query(signal, expr, ("component",), SERVING)


def ask(url: str, *queries: Query, window: Window = WINDOW, step: float = 1.0, deadline: float = 10.0):
    with Prometheus(url, deadline=deadline) as client:
        return client.range(queries or (query(),), window, step)


# The grid.


@given(
    start=st.floats(0, 4e9, allow_nan=False),
    steps=st.floats(0.001, 300),
    step=st.sampled_from([0.1, 0.25, 0.5, 1.0, 5.0, 15.0]),
)
@settings(deadline=None)
def test_the_grid_has_one_row_a_step_in_the_half_open_window(start: float, steps: float, step: float) -> None:
    end = start + steps * step
    if not start < end:
        return
    times = grid(Window(start, end), step)
    assert abs(len(times) - steps) <= 1
    assert ((times >= start - step / 500) & (times < end + step / 500)).all()
    assert np.allclose(times / step, np.rint(times / step), atol=1e-4)
    assert (np.diff(times) > 0).all()


def test_a_window_on_the_grid_has_its_start_and_not_its_end() -> None:
    assert grid(Window(T0, T0 + 3), 1.0).tolist() == [T0, T0 + 1, T0 + 2]
    assert grid(Window(T0 + 0.5, T0 + 3.5), 1.0).tolist() == [T0 + 1, T0 + 2, T0 + 3]


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan"), float("inf")])
def test_a_step_must_be_positive(step: float) -> None:
    with pytest.raises(ValueError, match="step"):
        grid(WINDOW, step)


# Against the real server.


def test_all_local_signals_of_a_window_as_frames(prometheus_url: str, topology: Topology) -> None:
    with Prometheus(prometheus_url) as client:
        queries, missing = resolve(None, Source(spellings(Environment.LOCAL)), client.names(WINDOW))
        samples = as_samples(topology, queries, client.range(queries, WINDOW, 1.0), missing)
    assert samples.metrics.index.tolist() == [T0 + i for i in range(SECONDS)]
    assert samples.edge_metrics.index.equals(samples.metrics.index)
    assert samples.metrics.columns.is_unique
    assert ("gateway", "latency_p90") in samples.metrics.columns
    assert ("replica-1", "latency_p90") in samples.metrics.columns
    assert set(samples.edge_metrics.columns.droplevel("signal")) == {("gateway", pod) for pod in PODS}
    assert {c for c, _ in samples.metrics.columns} == set(topology.ids)
    assert samples.metrics["replica-1"].iloc[90].isna().all()
    # What is expected and silent is a column of gaps and a note.
    assert samples.metrics["head", "cpu_throttled"].isna().all()
    assert "cpu_throttled: no samples of head" in samples.notes


def test_half_second_steps_are_not_rounded(prometheus_url: str) -> None:
    answer = ask(prometheus_url, query(expr="vector(time())"), window=Window(T0 + 0.3, T0 + 2), step=0.5)
    assert answer.times.tolist() == [T0 + 0.5, T0 + 1, T0 + 1.5]
    assert answer.series[0]["",].tolist() == [T0 + 0.5, T0 + 1, T0 + 1.5]


def test_more_steps_than_the_server_allows_are_split_without_seam(prometheus_url: str) -> None:
    steps = 2 * POINTS_PER_QUERY + 5
    answer = ask(prometheus_url, query(expr="vector(time())"), window=Window(T0, T0 + steps))
    assert answer.notes == ()
    assert np.array_equal(answer.series[0]["",], answer.times)
    assert len(answer.times) == steps


def test_a_query_that_fails_leaves_gaps_and_a_note(prometheus_url: str, topology: Topology) -> None:
    bad = query("running_requests", "sum(")
    answer = ask(prometheus_url, query(expr='sum by (component) (ray_llm_slots{component!="head"})'), bad)
    samples = as_samples(topology, [query(), bad], answer)
    assert samples.metrics["replica-0", "queue_length"].notna().any()
    assert samples.metrics["replica-0", "running_requests"].isna().all()
    assert any(note.startswith("running_requests: a query to Prometheus failed, HTTP 400") for note in samples.notes)


def test_a_window_without_samples_is_all_gaps(prometheus_url: str, topology: Topology) -> None:
    window = Window(T0 - 7 * 86400, T0 - 7 * 86400 + 5)
    answer = ask(prometheus_url, query(expr="sum by (component) (ray_llm_slots)"), window=window)
    metrics = as_samples(topology, [query()], answer).metrics
    assert metrics.shape == (5, 4)
    assert metrics.isna().all().all()


def test_without_queries_the_answer_is_empty(prometheus_url: str, topology: Topology) -> None:
    with Prometheus(prometheus_url) as client:
        samples = as_samples(topology, [], client.range([], WINDOW, 1.0), ["kv_usage"])
    assert samples.metrics.shape == (SECONDS, 0)
    assert samples.metrics.columns.names == ["component", "signal"]
    assert samples.notes == ("not measured here: kv_usage",)


# Against servers that misbehave.

SECRET = "s3cr3t-token"
BAD = {
    "login": (401, b"no", "text/plain", "refuses the login"),
    "rights": (403, b"no", "text/plain", "refuses the login"),
    "broken": (500, b'{"status":"error","error":"boom\\u001b[31m"}', "application/json", r"HTTP 500 \(boom \[31m\)"),
    "gateway": (502, b"<html>Bad Gateway</html>", "text/html", "HTTP 502"),
    "html": (200, b"<html>Sign in</html>", "text/html", "not JSON"),
    "list": (200, b"[]", "application/json", "form"),
    "no data": (200, b'{"status":"success"}', "application/json", "form"),
    "wrong data": (200, b'{"data":{"result":[{"metric":7,"values":[]}]}}', "application/json", "form"),
    "wrong pairs": (200, b'{"data":{"result":[{"metric":{},"values":[[1,2,3]]}]}}', "application/json", "form"),
    "no number": (200, b'{"data":{"result":[{"metric":{},"values":[[1,"x"]]}]}}', "application/json", "form"),
    "deep": (200, b"[" * 100_000, "application/json", "form|not JSON"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_answer_is_one_sentence_without_secrets(case: str) -> None:
    status, body, kind, expected = BAD[case]
    with server(lambda handler: handler.reply(status, body, kind)) as url:
        secret = url.replace("http://", f"http://user:{SECRET}@")
        client = Prometheus(Login(secret, {"Authorization": f"Bearer {SECRET}"}))
        calls = [lambda: client.range([query()], WINDOW, 1.0), lambda: client.names(WINDOW)]
        for call in calls:
            with pytest.raises(DeploymentError, match=expected) as caught:
                call()
            text = str(caught.value)
            assert url.removeprefix("http://") in text
            assert SECRET not in text
            assert text.isprintable()


def test_a_refused_connection() -> None:
    with server(lambda handler: None) as url:
        pass
    with pytest.raises(DeploymentError, match="the connection failed; check the address"):
        ask(url)


def test_a_login_is_sent() -> None:
    seen = []

    def answering(handler: Handler) -> None:
        seen.append(handler.headers["Authorization"])
        handler.reply(200, matrix())

    with server(answering) as url, Prometheus(Login(url, {"Authorization": "Bearer x"})) as client:
        client.range([query()], WINDOW, 1.0)
    assert seen == ["Bearer x"]


@pytest.mark.parametrize("silence", ["before the answer", "within the body"])
def test_the_deadline_ends_a_silent_server(silence: str) -> None:
    """The server says nothing more until the call is over: without a deadline this test would not end."""
    over = threading.Event()

    def answering(handler: Handler) -> None:
        if silence == "within the body":
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b"{")
            handler.wfile.flush()
        over.wait(60)

    with server(answering) as url:
        try:
            with pytest.raises(DeploymentError, match="too long"):
                ask(url, *(query() for _ in range(9)), deadline=0.2)
        finally:
            over.set()


def test_the_deadline_ends_a_server_that_sends_byte_by_byte() -> None:
    over = threading.Event()

    def answering(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    with server(answering) as url:
        try:
            with pytest.raises(DeploymentError, match="too long"):
                ask(url, deadline=0.3)
        finally:
            over.set()


@pytest.mark.slow
def test_one_slow_query_does_not_cost_the_others() -> None:
    over = threading.Event()

    def answering(handler: Handler) -> None:
        if handler.query["query"] == "slow":
            over.wait(60)
        else:
            handler.reply(200, matrix(({"component": "head"}, [(float(handler.query["start"]), "3")])))

    slow = query("running_requests", "slow")
    with server(answering) as url:
        try:
            answer = ask(url, slow, query(), deadline=3.0)
        finally:
            over.set()
    assert answer.series[0] == {}
    assert answer.series[1]["head",][0] == 3
    assert answer.notes == ("running_requests: a query to Prometheus failed, it took too long",)


def test_a_server_without_tls_and_one_that_redirects_for_ever_are_told_as_such() -> None:
    with server(lambda handler: handler.reply(200, b"{}")) as url, pytest.raises(DeploymentError, match="is no TLS at"):
        ask(url.replace("http:", "https:"))

    def again(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", handler.path)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with server(again) as url, pytest.raises(DeploymentError, match="redirects without end"):
        ask(url)


def test_an_endless_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.http.LARGEST_ANSWER", 500)
    with (
        server(lambda handler: handler.reply(200, b" " * 5000)) as url,
        pytest.raises(DeploymentError, match="larger than 500 B"),
    ):
        ask(url)


def test_values_that_are_not_finite_are_gaps_and_times_off_the_grid_go_to_their_step() -> None:
    values = [(T0 + 0.0004, "1"), (T0 + 1, "NaN"), (T0 + 2, "+Inf"), (T0 + 3, "4"), (T0 + 500, "9"), (T0 - 5, "9")]
    with server(lambda handler: handler.reply(200, matrix(({"component": "head"}, values)))) as url:
        series = ask(url, window=Window(T0, T0 + 5)).series[0]["head",]
    np.testing.assert_array_equal(series, [1, np.nan, np.nan, 4, np.nan])


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metric", "values", "component"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(result=json_values)
@settings(deadline=None)
def test_any_result_is_read_or_refused(result: object) -> None:
    from cluster.prometheus.client import QueryError, _series

    try:
        series = _series(result, [], ["component"], float(T0), 1.0, 5)
    except QueryError:
        return
    assert all(values.shape == (5,) for values in series.values())


def test_a_server_that_evaluates_the_rule_knows_since_when_its_condition_is_true(prometheus_url: str) -> None:
    labels = {"alertname": "Slow", "pod": "replica-1", "cluster": "added by the Alertmanager"}
    with Prometheus(prometheus_url) as server:
        assert server.pending_since(labels, T0 + 90.0) == T0 + 40
        assert server.pending_since({**labels, "pod": "replica-2"}, T0 + 90.0) == T0 + 10
        assert server.pending_since({**labels, "pod": "head"}, T0 + 90.0) is None
        assert server.pending_since({"alertname": 'x"} or vector(1) or {a="'}, T0 + 90.0) is None
        assert server.pending_since({}, T0 + 90.0) is None


@pytest.mark.parametrize(
    "said", [{"isPartial": True}, {"warnings": ["1 of 2 stores is away"]}, {"infos": ["partial: a shard"]}]
)
def test_24_names_and_values_in_part_are_told(said: dict[str, object]) -> None:
    data = {"names": ["up"], "query": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "3"]}]}}

    def answering(handler: Handler) -> None:
        asked = "names" if "/label/" in handler.path else "query"
        more = said if asked == "names" else {}
        handler.reply(200, json.dumps({"status": "success", "data": data[asked], **more}).encode())

    with server(answering) as url, Prometheus(url) as client:
        assert client.scalar("up") == 3.0 and client.partial == ""
        assert client.names(WINDOW) == {"up"}
        assert client.partial in ("isPartial", "1 of 2 stores is away", "partial: a shard")
