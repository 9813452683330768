"""The client against the mock server, over HTTP."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from mock_api import MockApi
from mock_stack import NAMESPACE
from urllib3.exceptions import InsecureRequestWarning

from cluster.deployment import DeploymentError
from cluster.http import Login, Session
from cluster.kubernetes.api import Api, ApiError
from cluster.kubernetes.resources import PODS, Resource

STRESS = Resource("stresschaos", "chaos-mesh.org", "v1alpha1")


def stress(name: str = "burn", **meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": "StressChaos",
        "metadata": {"name": name, **meta},
        "spec": {"duration": "60s"},
    }


def pod(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"containers": []}}


def test_custom_objects_are_created_read_and_deleted(stack: MockApi) -> None:
    with Api("mock", deadline=120) as client:
        made = client.create(STRESS, NAMESPACE, stress())
        assert made["metadata"]["uid"]
        assert client.get(STRESS, NAMESPACE, "burn")["spec"]["duration"] == "60s"
        assert [one["metadata"]["name"] for one in client.list(STRESS, NAMESPACE)] == ["burn"]
        client.delete(STRESS, NAMESPACE, "burn")
        client.delete(STRESS, NAMESPACE, "burn")
        with pytest.raises(ApiError) as gone:
            client.get(STRESS, NAMESPACE, "burn")
        assert gone.value.not_found


def test_finalizers_hold_a_deletion(stack: MockApi) -> None:
    with Api("mock", deadline=120) as client:
        client.create(STRESS, NAMESPACE, stress(finalizers=["chaos-mesh/records"]))
        client.delete(STRESS, NAMESPACE, "burn")
        assert "deletionTimestamp" in client.get(STRESS, NAMESPACE, "burn")["metadata"]
        stack.store.patch(stack.store.kind_of("stresschaos"), NAMESPACE, "burn", {"metadata": {"finalizers": []}})
        assert client.list(STRESS, NAMESPACE) == []


def test_an_object_that_exists_is_not_created_again(stack: MockApi) -> None:
    with Api("mock", deadline=120) as client:
        client.create(STRESS, NAMESPACE, stress())
        with pytest.raises(ApiError, match="already exists") as refused:
            client.create(STRESS, NAMESPACE, stress())
        assert refused.value.status == 409


def test_lists_are_read_page_after_page_and_selected(api: MockApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.kubernetes.api.PAGE", 3)
    for number in range(8):
        api.create("pods", "a", pod(f"p{number}", parity=str(number % 2)))
    api.create("pods", "b", pod("other"))
    with Api("mock", deadline=120) as client:
        assert len(client.list(PODS, "a")) == 8
        assert sum("limit=3" in path for _, path in api.requests) == 3
        assert len(client.list(PODS)) == 9
        assert [p["metadata"]["name"] for p in client.list(PODS, "a", labels="parity in (1)")] == [
            "p1",
            "p3",
            "p5",
            "p7",
        ]
        assert [p["metadata"]["name"] for p in client.list(PODS, fields="metadata.name=other")] == ["other"]


def test_a_watch_yields_every_change_after_its_version(api: MockApi) -> None:
    api.create("pods", "a", pod("old"))
    with Api("mock", deadline=120) as client:
        _, version = client.list_at(PODS, "a")
        api.create("pods", "a", pod("new"))
        api.create("pods", "b", pod("elsewhere"))
        api.delete("pods", "a", "old")
        seen = [(event, made["metadata"]["name"]) for event, made in client.watch(PODS, "a", version, 1)]
    assert seen == [("ADDED", "new"), ("DELETED", "old")]


def test_rights_are_read_and_enforced(stack: MockApi) -> None:
    stack.forbid("create", "stresschaos")
    stack.forbid("get", "pods/log")
    with Api("mock", deadline=120) as client:
        assert client.allowed("list", PODS, NAMESPACE)
        assert not client.allowed("create", STRESS, NAMESPACE)
        assert not client.allowed("get", PODS, NAMESPACE, "log")
        with pytest.raises(ApiError, match=r"RBAC.*cannot create resource \"stresschaos\".*doctor") as refused:
            client.create(STRESS, NAMESPACE, stress())
        assert refused.value.forbidden


def test_a_crd_that_is_not_installed() -> None:
    with MockApi(chaos_mesh=False) as bare:
        import tempfile

        with (
            tempfile.TemporaryDirectory() as folder,
            Api("mock", bare.kubeconfig(Path(folder) / "config"), 120) as client,
        ):
            assert not client.serves(STRESS)
            assert client.serves(PODS)
            with pytest.raises(ApiError) as absent:
                client.list(STRESS, NAMESPACE)
            assert absent.value.not_found


def test_services_answer_behind_the_proxy(stack: MockApi) -> None:
    import urllib.request

    with MockApi() as behind, Api("mock", deadline=120) as client:
        behind.tokens.add("")
        stack.backends["monitoring", "prometheus"] = behind.url
        login = client.login(client.proxy_url("monitoring", "prometheus", 9090))
        request = urllib.request.Request(f"{login.url}/version", headers=dict(login.headers))
        with urllib.request.urlopen(request) as answer:
            assert b"gitVersion" in answer.read()


# What goes wrong: one sentence each.


def refusal(client: Api) -> str:
    with pytest.raises(DeploymentError) as refused:
        client.list(PODS, NAMESPACE)
    sentence = str(refused.value)
    assert "\n" not in sentence and "Traceback" not in sentence and "mock-token" not in sentence
    return sentence


def test_no_kubeconfig_and_no_such_context(api: MockApi, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"no context 'prod'; it has: mock"):
        Api("prod")
    with pytest.raises(DeploymentError, match=r"kubeconfig.*cannot be used"):
        Api("mock", tmp_path / "nowhere")
    (tmp_path / "broken").write_text("{: [")
    with pytest.raises(DeploymentError, match=r"kubeconfig.*cannot be used"):
        Api("mock", tmp_path / "broken")


@pytest.mark.parametrize("form", ["[]", "3", "[server]", "{server: [1]}", "{server: 3}"])
@pytest.mark.parametrize("of", ["cluster", "user"])
def test_an_entry_of_another_form_is_not_told_in_the_words_of_python(tmp_path: Path, of: str, form: str) -> None:
    forms = {"cluster": "{server: 'http://127.0.0.1:9'}", "user": "{token: x}"} | {of: form}
    (tmp_path / "config").write_text(
        "contexts: [{name: x, context: {cluster: c, user: u}}]\n"
        f"clusters: [{{name: c, cluster: {forms['cluster']}}}]\nusers: [{{name: u, user: {forms['user']}}}]\n"
    )
    try:
        Api("x", tmp_path / "config").close()
    except DeploymentError as error:
        assert not re.search(r"object|attribute|subscript|not iterable|Traceback|\n", str(error))


def test_an_expired_token_is_reported_and_a_renewed_one_is_read_again(stack: MockApi, tmp_path: Path) -> None:
    with Api("mock", deadline=120) as client:
        stack.tokens = {"fresh"}
        assert "token has expired" in refusal(client)
        stack.kubeconfig(tmp_path / "kubeconfig", token="fresh")
        assert client.list(PODS, NAMESPACE)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ((429, "text/plain", b"slow"), "overloaded"),
        (
            (500, "application/json", b'{"message": "etcd \\u001b[31m is sad"}'),
            "error of its own (HTTP 500): etcd",
        ),
        ((503, "text/html", b"<html>"), "HTTP 503"),
        ((200, "text/html", b"<html>Log in</html>"), "not Kubernetes' JSON"),
        ((200, "application/json", b"[1, 2]"), "not Kubernetes' JSON"),
        ((200, "application/json", b'{"kind": "x"}'), "not Kubernetes' JSON"),
        ((302, "text/html", b""), "HTTP 302"),
    ],
)
def test_malformed_answers_are_errors(stack: MockApi, broken: tuple[int, str, bytes], says: str) -> None:
    with Api("mock", deadline=120) as client:
        stack.broken = broken
        sentence = refusal(client)
        assert says in sentence and "\x1b" not in sentence
        stack.broken = None
        assert client.list(PODS, NAMESPACE)


def test_a_server_that_hangs_is_given_up_at_the_deadline(stack: MockApi) -> None:
    stack.delay = 3600.0  # the test's time limit would end it if the deadline did not hold
    with Api("mock", deadline=0.3) as client:
        assert "takes too long" in refusal(client)


def test_a_lost_server_is_reported_and_used_again_when_it_is_back(stack: MockApi) -> None:
    with Api("mock", deadline=120) as client:
        stack.drop = 1
        assert "does not answer" in refusal(client)
        stack.down()
        assert "does not answer" in refusal(client)
        stack.up()
        assert client.list(PODS, NAMESPACE)


def test_a_refusal_names_the_doctor_of_this_context(stack: MockApi, tmp_path: Path) -> None:
    stack.forbid("list", "pods")
    path = stack.kubeconfig(tmp_path / "other", context="team a")
    with Api("team a", path) as client, pytest.raises(ApiError, match=r"`rca-tui --context 'team a' doctor` lists"):
        client.list(PODS, NAMESPACE)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (
            {"kind": "Status", "code": 410, "message": "too old resource version: 3 (9)"},
            r"ended: too old resource .*9\)",
        ),
        ({"kind": "Status", "code": 500, "reason": "InternalError"}, "ended: InternalError"),
        ({}, "ended: the server does not say why"),
        ({"message": "a\x1b[31m\nb" * 500}, r"ended: a \[31m b"),
    ],
)
def test_a_watch_that_ends_says_why_in_words(stack: MockApi, status: dict[str, Any], says: str) -> None:
    with Api("mock", deadline=120) as client:
        stack.broken = (200, "application/json", json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
        with pytest.raises(ApiError, match=says) as ended:
            list(client.watch(PODS, NAMESPACE, "1", 1))
    assert "{" not in str(ended.value) and "\n" not in str(ended.value)
    assert ended.value.status == status.get("code")


def test_a_server_without_tls_is_not_called_one_with_another_certificate(stack: MockApi, tmp_path: Path) -> None:
    path = stack.kubeconfig(tmp_path / "tls")
    path.write_text(path.read_text().replace("http://", "https://"))
    with Api("mock", path) as client, pytest.raises(ApiError, match="there is no TLS at https"):
        client.list(PODS, NAMESPACE)


def test_a_certificate_that_is_not_checked_on_purpose_is_no_warning_at_each_request(
    stack: MockApi, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    path = stack.kubeconfig(tmp_path / "unchecked")
    config = json.loads(path.read_text())
    config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    path.write_text(json.dumps(config))
    with Api("mock", path) as client:
        assert not client.checked
        warnings.warn("unverified HTTPS request", InsecureRequestWarning, stacklevel=1)
    Session(Login("https://localhost", verify=False)).close()
    warnings.warn("unverified HTTPS request", InsecureRequestWarning, stacklevel=1)
    assert not [one for one in recwarn if issubclass(one.category, InsecureRequestWarning)]
