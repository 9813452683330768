"""Which context is meant, by kubectl's rules."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
from pathlib import Path

import pytest
from mock_api import TOKEN, MockApi

from cluster.deployment import DeploymentError
from cluster.kubernetes.api import Api
from cluster.kubernetes.deployment import open_api
from cluster.kubernetes.kubeconfig import LARGEST, Kubeconfig
from cluster.kubernetes.resources import PODS


def change(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize("current", [None, "", "gone"])
def test_a_named_context_needs_no_current_one(api: MockApi, tmp_path: Path, current: str | None) -> None:
    change(tmp_path / "kubeconfig", **{"current-context": current})
    with Api("mock") as client:
        assert client.version()
    with pytest.raises(DeploymentError, match=r"--context; it has: mock" if not current else "no context 'gone'"):
        Api()


def test_of_several_files_the_first_counts_and_empty_ones_are_skipped(
    api: MockApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").touch()
    first = api.kubeconfig(tmp_path / "first", context="first")
    second = api.kubeconfig(tmp_path / "second", context="second")
    files = [tmp_path / "nowhere", tmp_path / "empty", first, second]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, files)))
    found = Kubeconfig.read()
    assert (found.current, set(found.contexts)) == ("first", {"first", "second"})
    with Api() as client:
        assert client.context == "first"
    with Api("second") as client:
        assert client.version()


@pytest.mark.parametrize(
    "content", ["[]", "3", '{"contexts": 3}', '{"contexts": [{"x": 1}]}', "{: [", " " * (LARGEST + 1)]
)
def test_a_file_of_another_form_is_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "config").write_text(content)
    with pytest.raises(DeploymentError, match="cannot be used") as raised:
        Kubeconfig.read(tmp_path / "config")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("place", ["current-context: {}", "contexts: [{{name: x, context: {{user: {}}}}}]"])
def test_aliases_that_stand_for_much_text_are_no_names(tmp_path: Path, place: str) -> None:
    doubled = "\n".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 30))
    (tmp_path / "config").write_text(f"a0: &a0 [x]\n{doubled}\n{place.format('*a29')}\n")
    with pytest.raises(DeploymentError, match="a name is a list"):
        Kubeconfig.read(tmp_path / "config")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config")
    with pytest.raises(DeploymentError, match="it is a pipe"):
        Kubeconfig.read(tmp_path / "config")


def test_the_home_of_a_user_that_there_is_not_is_one_sentence() -> None:
    with pytest.raises(DeploymentError, match="no such file"):
        Kubeconfig.read(Path("~nobody-of-this-name/config"))
    with pytest.raises(DeploymentError, match="no such file"):
        Api(kubeconfig=Path("~nobody-of-this-name/config"))


def test_a_token_file_may_end_in_a_newline(api: MockApi, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    change(tmp_path / "kubeconfig", users=[{"name": "mock", "user": {"tokenFile": str(tmp_path / "token")}}])
    with Api("mock") as client:
        assert client.list(PODS, "llm") == []


def test_a_token_that_no_header_can_hold_is_not_shown(api: MockApi, tmp_path: Path) -> None:
    change(tmp_path / "kubeconfig", users=[{"name": "mock", "user": {"token": "hush\nhush-hush"}}])
    with Api("mock") as client, pytest.raises(DeploymentError, match="no token has") as raised:
        client.version()
    assert "hush" not in str(raised.value)


def plugin(folder: Path, body: str) -> dict[str, object]:
    """A user whose login is what a program prints."""
    program = folder / "plugin"
    program.write_text(f"#!/bin/sh\necho run >> {folder}/runs\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}
    return {"users": [{"name": "mock", "user": {"exec": exec_}}]}


V1 = "client.authentication.k8s.io/v1"


def credential(status: object, version: str = V1) -> str:
    return f"echo '{json.dumps({'apiVersion': version, 'kind': 'ExecCredential', 'status': status})}'"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("exit 1", "it ended with code 1"),
        ("echo log in first >&2; exit 3", r"it ended with code 3 \(log in first\)"),
        ("echo hello", "its answer is no JSON"),
        ("true", "its answer is no JSON"),
        ("echo '{}'", "its answer has another form"),
        ("echo '[]'", "its answer has another form"),
        ("echo 7", "its answer has another form"),
        ('echo \'{"token": "hush-hush"}\'', "its answer has another form"),
        (credential({}), "its answer has neither a token nor a certificate"),
        (credential(None), "its answer has another form"),
        (credential(["token"]), "its answer has another form"),
        (credential("token"), "its answer has another form"),
        (credential({"token": None}), "its answer has another form"),
        (credential({"token": {"hush": 1}}), "its answer has another form"),
        (credential({"token": ""}), "its answer has another form"),
        (credential({"clientCertificateData": "x"}), "its answer has a certificate without a key"),
        (credential({"token": TOKEN}, "v1beta1"), f"of the version v1beta1, and the kubeconfig asks for {V1}"),
    ],
)
def test_a_login_plugin_that_gives_no_login_is_one_sentence_of_ours(
    api: MockApi,
    tmp_path: Path,
    body: str,
    why: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # those of pytest: as on the command line
    change(tmp_path / "kubeconfig", **plugin(tmp_path, body))
    told = f"login plugin '.*plugin' of the context 'mock' gave no login: .*{why}; `kubectl --context mock get pods`"
    with pytest.raises(DeploymentError, match=told) as raised:
        Api("mock")
    assert "hush" not in str(raised.value)
    assert capfd.readouterr().err == "" and logging.getLogger().handlers == []


@pytest.mark.parametrize(("exec_", "why"), [({"command": "/no/such/program"}, "cannot be run"), ({}, "no program")])
def test_a_login_plugin_that_is_not_there_is_told(
    api: MockApi, tmp_path: Path, exec_: dict[str, str], why: str
) -> None:
    user = {"exec": {"apiVersion": V1, "interactiveMode": "Never", **exec_}}
    change(tmp_path / "kubeconfig", users=[{"name": "mock", "user": user}])
    with pytest.raises(DeploymentError, match=f"gave no login: .*{why}"):
        Api("mock")


def test_without_the_kubernetes_client_one_sentence_says_how_to_install_it(
    api: MockApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    with pytest.raises(DeploymentError, match=r"not installed: `pip install 'rca-tui\[kubernetes\]'`"):
        Api("mock")


def test_a_short_lived_token_is_not_asked_for_at_every_request(api: MockApi, tmp_path: Path) -> None:
    status = {"token": TOKEN, "expirationTimestamp": "2000-01-01T00:00:00Z"}
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    change(tmp_path / "kubeconfig", **plugin(tmp_path, f"echo '{json.dumps(credential)}'"))
    with Api("mock") as client:
        for _ in range(8):
            client.version()
    assert len((tmp_path / "runs").read_text().splitlines()) <= 2


@pytest.mark.parametrize("context", [None, "mock"])
def test_to_connect_runs_the_login_plugin_once(api: MockApi, tmp_path: Path, context: str | None) -> None:
    status = {"token": TOKEN, "expirationTimestamp": "2999-01-01T00:00:00Z"}
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    change(tmp_path / "kubeconfig", **plugin(tmp_path, f"echo '{json.dumps(credential)}'"))
    client, _ = open_api(context)
    with client:
        assert (client.context, client.version()) == ("mock", "v1.33.1+mock")
    assert (tmp_path / "runs").read_text() == "run\n"
