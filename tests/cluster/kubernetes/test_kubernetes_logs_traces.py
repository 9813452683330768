"""Loki and the trace stores, against servers with their documented answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mock_api import MockApi
from mock_stack import GATEWAY_POD, NAMESPACE, SERVING
from mock_telemetry import Telemetry, serving

from cluster.deployment import DeploymentError
from cluster.incident.model import LOG_COLUMNS, SPAN_COLUMNS
from cluster.kubernetes import logs
from cluster.kubernetes.deployment import KubernetesDeployment
from cluster.kubernetes.sources import JsonClient
from cluster.kubernetes.traces import jaeger, tempo
from cluster.window import Window

T0 = 1_700_000_000.0
WINDOW = Window(T0, T0 + 60)
HEAD = {"namespace": NAMESPACE, "pod": SERVING["ray-head"]}


@pytest.fixture
def held() -> Iterator[Telemetry]:
    yield Telemetry()


@pytest.fixture
def url(held: Telemetry) -> Iterator[str]:
    with serving(held) as address:
        yield address


Connect = Callable[[str], KubernetesDeployment]


@pytest.fixture
def connect(stack: MockApi, url: str, configure: Callable[[str], None]) -> Iterator[Connect]:
    """The deployment with its logs, and its traces in a store of that kind."""
    opened: list[KubernetesDeployment] = []

    def make(kind: str = "tempo") -> KubernetesDeployment:
        configure(
            f'[contexts.mock.loki]\nurl = "{url}"\ntenant = "llm-team"\n'
            f'[contexts.mock.traces]\nkind = "{kind}"\nurl = "{url}"\n'
        )
        opened.append(KubernetesDeployment.connect("mock"))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def test_log_lines_by_time_with_component_and_severity(held: Telemetry, connect: Connect) -> None:
    held.lines += [
        (T0 + 2, HEAD, "plain words\n"),
        (T0 + 1, {**HEAD, "detected_level": "warn"}, "by label"),
        (T0 + 3, {"namespace": NAMESPACE, "pod": GATEWAY_POD}, '{"log": "by record", "level": "error"}'),
        (T0 + 4, HEAD, "ERROR 12:00:00 by word"),
        (T0 + 5, {"namespace": NAMESPACE, "pod": "stranger"}, "not ours"),
        (T0 + 6, {"namespace": "other", "pod": SERVING["ray-head"]}, "not here"),
        (T0 + 61, HEAD, "too late"),
    ]
    found = connect("tempo").logs(WINDOW)
    assert list(found.columns) == list(LOG_COLUMNS)
    assert found[["time", "component", "severity", "message"]].values.tolist() == [
        [T0 + 1, "ray-head", "WARNING", "by label"],
        [T0 + 2, "ray-head", "INFO", "plain words"],
        [T0 + 3, "gateway", "ERROR", "by record"],
        [T0 + 4, "ray-head", "ERROR", "ERROR 12:00:00 by word"],
    ]
    assert found.attrs["notes"] == ["logs: 1 lines of other pods in the namespace were left out"]
    assert all(headers["X-Scope-OrgID"] == "llm-team" for path, _, headers in held.requests if "loki" in path)


def test_long_logs_are_read_page_after_page_up_to_a_limit(
    held: Telemetry, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "PAGE", 10)
    # Four lines share each moment, so pages end in the middle of one.
    held.lines = [(T0 + number // 4, HEAD, f"line {number}") for number in range(55)]
    deployment = connect("tempo")
    assert len(deployment.logs(WINDOW)) == 55
    monkeypatch.setattr(logs, "LARGEST", 30)
    cut = deployment.logs(WINDOW)
    assert 30 <= len(cut) < 55
    assert "only the first" in cut.attrs["notes"][0]


@pytest.mark.parametrize("kind", ["tempo", "jaeger", "deepflow"])
def test_spans_of_each_store_are_the_same(held: Telemetry, connect: Connect, kind: str) -> None:
    held.request(1, T0 + 10, SERVING["ray-replicas-1"], 0.5)
    held.request(2, T0 + 20, SERVING["ray-head"], 0.7, error=True)
    held.request(3, T0 + 30, "stranger", 0.1)
    held.request(4, T0 + 90, SERVING["ray-head"], 0.1)
    found = connect(kind).spans(WINDOW)
    assert list(found.columns) == list(SPAN_COLUMNS)
    assert found["component"].tolist() == ["gateway", "ray-replicas-1", "gateway", "ray-head", "gateway"]
    assert found["trace_id"].tolist()[:2] == [f"{1:032x}"] * 2
    assert found["parent_id"].isna().tolist() == [True, False, True, False, True]
    assert found["parent_id"][1] == found["span_id"][0] == f"{3:016x}"
    assert found["duration"][1] == pytest.approx(0.5, abs=1e-5)
    assert found["start"][1] == pytest.approx(T0 + 10.005, abs=1e-5)
    assert found["error"].fillna(False).tolist() == [False, False, True, True, False]
    assert any("belong to no component" in note for note in found.attrs["notes"])


def test_some_failed_traces_are_a_note_and_all_of_them_an_error(held: Telemetry, connect: Connect) -> None:
    for number in range(1, 5):
        held.request(number, T0 + number, SERVING["ray-head"], 0.5)
    held.broken[rf"/api/traces/{2:x}$"] = (500, "text/plain", b"boom")
    deployment = connect("tempo")
    found = deployment.spans(WINDOW)
    assert found["trace_id"].nunique() == 3
    assert any(note.startswith("traces: 1 of 4 could not be read") for note in found.attrs["notes"])
    held.broken["/api/traces/"] = (500, "text/plain", b"boom")
    with pytest.raises(DeploymentError, match=r"Tempo at .* HTTP 500"):
        deployment.spans(WINDOW)


BROKEN = {
    "html": ((200, "text/html", b"<html>Log in</html>"), "not JSON"),
    "login": ((401, "text/plain", b"no"), "refuses the login"),
    "form": ((200, "application/json", b'{"data": {"result": [{"values": [[1]]}]}, "traces": [7]}'), "not in .* form"),
    "list": ((200, "application/json", b"[1]"), "not in .* form|does not answer"),
    "slow down": ((429, "application/json", b'{"message": "too many"}'), "HTTP 429 .too many"),
}


@pytest.mark.parametrize("kind", ["tempo", "jaeger", "deepflow"])
@pytest.mark.parametrize("what", BROKEN)
def test_malformed_answers_are_one_sentence(held: Telemetry, connect: Connect, kind: str, what: str) -> None:
    broken, says = BROKEN[what]
    deployment = connect(kind)
    held.broken["."] = broken
    for read in (deployment.logs, deployment.spans):
        if what == "form" and kind == "deepflow" and read == deployment.spans:
            says = "does not answer as DeepFlow"
        with pytest.raises(DeploymentError, match=says) as refused:
            read(WINDOW)
        assert "\n" not in str(refused.value)


def test_without_sources_the_error_names_the_setting(deployment: KubernetesDeployment) -> None:
    with pytest.raises(DeploymentError, match=r"no Loki.*kubernetes\.toml"):
        deployment.logs(WINDOW)
    with pytest.raises(DeploymentError, match=r"no Tempo, Jaeger or DeepFlow.*kubernetes\.toml"):
        deployment.spans(WINDOW)
    with pytest.raises(DeploymentError, match=r"no Prometheus.*kubernetes\.toml"):
        deployment.samples(WINDOW, 5.0)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "result", "stream", "values", "batches", "resource", "attributes", "scopeSpans", "spans",
                 "startTimeUnixNano", "endTimeUnixNano", "traceId", "spanId", "key", "value", "status", "processes",
                 "references", "tags", "traceID", "spanID", "startTime", "duration"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(answer=anything)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_any_answer_is_read_or_refused(deployment: KubernetesDeployment, answer: object) -> None:
    stack = deployment.stack()
    client = JsonClient("Tempo", _login(), 1.0)
    for read in (
        lambda: [logs._line(*one) for one in logs._entries(answer)],
        lambda: list(tempo._spans(stack, answer, [])),
        lambda: list(jaeger._spans(stack, answer)),
    ):
        try:
            client.read(read)
        except DeploymentError as error:
            assert "form" in str(error)


def _login() -> object:
    from cluster.http import Login

    return Login("http://127.0.0.1:1")
