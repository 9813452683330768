"""What fuzzing has found, each as the small input that showed it."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from cluster.deployment import DeploymentError
from cluster.incident import container
from cluster.kubernetes import logs, settings
from cluster.kubernetes.discovery import _of_service
from cluster.kubernetes.identity import PodHistory
from cluster.kubernetes.kubeconfig import Kubeconfig
from cluster.kubernetes.objects import parse_pod, well_formed
from cluster.kubernetes.settings import Labels
from cluster.kubernetes.sources import JsonClient
from cluster.kubernetes.traces import jaeger
from cluster.spans import row
from faults import catalog
from faults.errors import BadParameters
from tests.fuzz.servers import ANSWERS, STACK, WINDOW, _client, _kubernetes


def test_names_of_unknown_settings_and_parameters_are_shown_harmless(tmp_path: Path) -> None:
    file = tmp_path / "kubernetes.toml"
    file.write_text('[contexts.lab]\n"\\u001B[2J" = 1')
    with pytest.raises(DeploymentError, match=r"contexts\.lab\.�\[2J: there is no such field"):
        settings.load("lab", file)
    with pytest.raises(BadParameters, match=r"�\[2J: there is no such field"):
        catalog.load("cpu-stress").parse({"\x1b[2J": 1})


@pytest.mark.parametrize("wanted", [None, "lab", "\x1b[2J"])
def test_names_of_contexts_are_shown_harmless(tmp_path: Path, wanted: str | None) -> None:
    file = tmp_path / "config"
    file.write_text('{"contexts": [{"name": "\\u001B[2J\\nx", "context": {}}]}')
    with pytest.raises(DeploymentError, match=r"it has: �\[2J�x") as refused:
        Kubeconfig.read(file).choose(wanted)
    assert str(refused.value).isprintable()


def test_settings_nested_deep_are_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "kubernetes.toml"
    file.write_text("a = " + "[" * 5000)
    with pytest.raises(DeploymentError, match="nested too deep"):
        settings.load("lab", file)


@pytest.mark.parametrize(
    "content", ["[" * 5000, '[{"component": "ray-replicas-\\u00b2", "name": "p", "uid": "1", "ip": ""}]']
)
def test_a_spoilt_history_of_pods_is_begun_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "pods.json"
    file.write_text(content)
    pod = parse_pod({"metadata": {"name": "p", "uid": "1", "namespace": "llm"}})
    assert list(PodHistory(file).assign("ray-replicas", [pod])) == ["ray-replicas-0"]


def test_reading_a_small_file_of_a_folder_takes_little_memory(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"x")
    tracemalloc.start()
    try:
        with container.Reader(tmp_path) as reader:
            assert reader.read("small") == b"x"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_ids_of_spans_hold_what_a_file_can_hold() -> None:
    span = row("\ud800", "a\ud800", "\udfff", "GET", 1.7e9, 1.0, None)
    assert (span["trace_id"], span["span_id"], span["parent_id"]) == ("?", "a?", "?")


def test_a_text_in_place_of_services_is_refused() -> None:
    with pytest.raises(DeploymentError, match="form"):
        jaeger._services(_client("Jaeger", b'{"services": "xxxxxxxx", "data": "xxxxxxxx"}'))


def test_labels_of_lines_that_are_no_text_are_left_out() -> None:
    stream = {"stream": {"pod": ["head-1"], "namespace": "llm", "level": {}}, "values": [["1700000001000000000", "x"]]}
    found = logs._entries({"data": {"result": [stream]}})
    assert [labels for _, _, labels in found] == [{"namespace": "llm"}]


@pytest.mark.parametrize("nanoseconds", [0, 1_700_000_000_000_000_000, 1_700_000_001_000_000_000])
def test_a_store_that_repeats_its_lines_is_asked_a_bounded_number_of_times(
    nanoseconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "PAGE", 10)
    monkeypatch.setattr(logs, "LARGEST", 100)
    stream = {"stream": {"pod": "head-1"}, "values": [[str(nanoseconds), "the same"]] * 10}
    asked: list[str] = []

    class Client(JsonClient):
        def get(self, path: str, params: Any, timeout: float | None = None) -> Any:
            asked.append(path)
            if "query_range" in path:
                return {"data": {"result": [stream]}}
            return {"data": ["namespace", "llm"]}

    frame = logs.read(Client("Loki", _client("Loki", b"").__dict__["_login"], 1.0), STACK, WINDOW)
    assert len(frame) <= 1 and len(asked) < 30
    assert any("only the first" in note for note in frame.attrs["notes"])


@pytest.mark.parametrize(
    "item",
    [7, None, {}, {"metadata": 7}, {"metadata": {"name": "x", "uid": "1"}}, {"metadata": {"name": [], "uid": "1"}}],
)
def test_an_object_without_its_identity_is_refused_in_one_sentence(item: object, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="not Kubernetes' JSON"):
        _kubernetes(tmp_path, json.dumps({"metadata": {}, "items": [item]}).encode())
    assert ANSWERS.content


def test_fields_of_an_object_that_have_another_form_are_empty() -> None:
    limits = {"nvidia.com/gpu": "²", "amd.com/gpu": "9" * 5000}
    odd = {
        "metadata": {"name": "x", "uid": "1", "namespace": "llm", "ownerReferences": [True]},
        "spec": {"containers": [{"resources": {"limits": limits}}]},
        "status": {"conditions": True, "activeServiceStatus": True},
    }
    assert well_formed(odd, True)
    pod = parse_pod(odd)
    assert (pod.gpus, pod.owner, pod.ready) == (0, "", False)
    assert _of_service(odd, {}, Labels()).clusters == ()
