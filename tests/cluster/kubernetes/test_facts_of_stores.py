"""How stores of logs and traces differ by what feeds them and by release: facts 25 to 27, spelled as they do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from mock_api import MockApi
from mock_stack import NAMESPACE, SERVING
from mock_telemetry import Telemetry, serving

from cluster.kubernetes.deployment import KubernetesDeployment
from cluster.spans import row, with_phases
from cluster.window import Window

T0 = 1_700_000_000.0
WINDOW = Window(T0, T0 + 60)
POD = SERVING["ray-replicas-1"]
OTLP = {"service_name": "vllm", "service_namespace": "llm", "k8s_cluster_name": "prod"}
BY_POD = {"k8s_namespace_name": NAMESPACE, "k8s_pod_name": POD}


@pytest.fixture
def held() -> Telemetry:
    return Telemetry()


@pytest.fixture
def connect(stack: MockApi, held: Telemetry, configure: Callable[[str], None]) -> Iterator[Callable[..., object]]:
    opened: list[KubernetesDeployment] = []
    with serving(held) as url:

        def make(kind: str = "tempo") -> KubernetesDeployment:
            configure(f'[contexts.mock.loki]\nurl = "{url}"\n[contexts.mock.traces]\nkind = "{kind}"\nurl = "{url}"\n')
            opened.append(KubernetesDeployment.connect("mock"))
            return opened[-1]

        yield make
        for one in opened:
            one.close()


@pytest.mark.parametrize("metadata", [(), ("k8s_pod_name",), ("k8s_namespace_name", "k8s_pod_name", "severity_text")])
def test_25_loki_fed_by_otlp_indexes_what_it_likes(held: Telemetry, connect, metadata: tuple[str, ...]) -> None:
    held.metadata = frozenset(metadata)
    held.lines = [
        (T0 + 1, {**OTLP, **BY_POD, "severity_text": "Warning"}, "one"),
        (T0 + 2, {**OTLP, **BY_POD, "k8s_namespace_name": "other"}, "not here"),
    ]
    found = connect().logs(WINDOW)
    assert found[["component", "severity", "message"]].values.tolist() == [["ray-replicas-1", "WARNING", "one"]]


def test_25_two_agents_feed_one_loki(held: Telemetry, connect) -> None:
    held.lines = [
        (T0 + 1, {**OTLP, **BY_POD}, "by OTLP"),
        (T0 + 2, {"namespace": NAMESPACE, "pod": SERVING["ray-head"]}, "by Promtail"),
    ]
    assert connect().logs(WINDOW)["component"].tolist() == ["ray-replicas-1", "ray-head"]


def test_25_no_line_of_the_namespace_is_told(held: Telemetry, connect) -> None:
    held.lines = [(T0 + 1, {"app": "vllm"}, "no namespace anywhere")]
    found = connect().logs(WINDOW)
    assert found.empty
    assert found.attrs["notes"] == [f"logs: Loki has no line of the namespace {NAMESPACE}; it has app"]


def test_26_tempo_2_wraps_the_trace_and_tells_a_partial_one(held: Telemetry, connect) -> None:
    held.tempo = 2
    for number in (1, 2):
        held.request(number, T0 + number, POD, 0.5)
    found = connect().spans(WINDOW)
    assert found["component"].tolist() == ["gateway", "ray-replicas-1"] * 2
    assert "traces: Tempo gave some in part, too big" in found.attrs["notes"]
    assert not [path for path, _, _ in held.requests if path.startswith("/api/traces")]


def test_26_jaeger_2_answers_in_otlp_by_its_documented_api(held: Telemetry, connect) -> None:
    held.jaeger = 3
    held.request(1, T0 + 10, POD, 0.5)
    held.request(2, T0 + 10.2, SERVING["ray-head"], 0.7, error=True)
    found = connect("jaeger").spans(WINDOW)
    assert found["component"].tolist() == ["gateway", "ray-replicas-1", "gateway", "ray-head"]
    assert found["trace_id"].tolist()[:2] == [f"{1:032x}"] * 2
    assert found["parent_id"][1] == found["span_id"][0] == f"{3:016x}"
    assert found["error"].tolist() == [False, False, True, True]
    assert found["duration"][1] == pytest.approx(0.5, abs=1e-5)
    assert held.requests[-1][1]["query.start_time_min"].endswith("Z")


def test_27_the_engines_one_span_has_its_phases_within(held: Telemetry, connect) -> None:
    held.request(1, T0 + 10, POD, 1.0)
    held.traces[f"{1:032x}"][1] |= {
        "name": "llm_request",
        "latency": {
            "gen_ai.latency.time_in_queue": 0.2,
            "gen_ai.latency.time_to_first_token": 0.5,
            "gen_ai.latency.time_in_model_prefill": 0.3,
            "gen_ai.latency.time_in_model_decode": 0.5,
            "gen_ai.latency.e2e": 1.0,
        },
    }
    found = connect().spans(WINDOW).set_index("operation")
    assert found.loc[["queue", "prefill", "decode"], "duration"].tolist() == pytest.approx([0.2, 0.3, 0.5])
    assert found.loc["decode", "start"] == pytest.approx(T0 + 10.505, abs=1e-5)
    assert set(found.loc[["queue", "prefill", "decode"], "parent_id"]) == {found.loc["llm_request", "span_id"]}
    assert set(found["component"]) == {"gateway", "ray-replicas-1"}


@pytest.mark.parametrize(
    ("latencies", "expected"),
    [
        (
            {"time_in_queue": "0.5", "time_to_first_token": "1.5", "e2e": "4"},
            {"queue": 0.5, "prefill": 1, "decode": 2.5},
        ),
        ({"time_in_queue": "nan", "e2e": "4"}, {}),
        ({"time_in_queue": "9e99"}, {"queue": 4.0}),
        ({}, {}),
    ],
)
def test_27_phases_end_within_their_span(latencies: dict[str, str], expected: dict[str, float]) -> None:
    whole = row("a", "b", None, "llm_request", 100.0, 4.0, False)
    found = list(with_phases(whole, {f"gen_ai.latency.{name}": value for name, value in latencies.items()}))
    assert {one["operation"]: one["duration"] for one in found[1:]} == expected
