"""What this process holds is hidden by value, whoever says it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from http_server import Handler, server

from cluster import secrets
from cluster.deployment import DeploymentError
from cluster.http import Login, QueryError, Session, checked, hold_secrets, without_secrets
from cluster.kubernetes.redaction import redact
from cluster.prometheus.client import Prometheus
from cluster.text.plain import plain
from cluster.window import Window

TOKEN = "view-token"


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(secrets, "_held", {})
    yield


def test_a_server_that_repeats_the_token_does_not_get_it_shown() -> None:
    def answering(handler: Handler) -> None:
        handler.reply(400, b'{"error": "bad header ' + handler.headers["Authorization"].encode() + b'"}')

    login = {"Authorization": f"Bearer {TOKEN}"}
    with server(answering) as url:
        with Session(Login(url, login)) as session, pytest.raises(QueryError) as raised:
            checked(lambda: session.get(url, headers=login, timeout=5))
        assert TOKEN not in str(raised.value) and "[secret]" in str(raised.value)
        with Prometheus(Login(url, login)) as client, pytest.raises(DeploymentError) as said:
            client.names(Window(0.0, 1.0))
        assert TOKEN not in str(said.value)


def test_text_made_harmless_holds_no_secret() -> None:
    secrets.hold_login({"Authorization": f"Bearer {TOKEN}"}, ("me", "swordfish"))
    assert plain(f"got 'Bearer {TOKEN}' and swordfish") == "got '[secret]' and [secret]"


def test_a_word_is_not_a_secret() -> None:
    secrets.hold("a", "null")
    assert secrets.hide("a null") == "a null"


def test_old_secrets_make_room() -> None:
    for number in range(10_000):
        secrets.hold(f"secret-{number}")
    assert len(secrets._held) <= 4096
    assert secrets.hide("secret-9999") == "[secret]"


def test_a_secret_for_each_of_a_thousand_targets_is_kept() -> None:
    for number in range(1000):
        secrets.hold(f"secret-{number}.")
    assert secrets.hide("secret-0.") == "[secret]"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://h:1/metrics/3f2a9c1be07d55aa?token=t", "http://h:1/metrics/…"),
        ("http://h:1/9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d/metrics", "http://h:1/…/metrics"),
        ("http://u:p@h:1/x%62c4e5f6a7b8c9/d#e", "http://h:1/…/d"),
        ("http://h:1/replica-1/metrics/cadvisor", "http://h:1/replica-1/metrics/cadvisor"),
        ("http://h:1/select/0/prometheus/", "http://h:1/select/0/prometheus/"),
        (
            "http://h:1/api/v1/namespaces/n/pods/vllm-6d4f8b9c7d-x2x9z:9090/proxy/x",
            "http://h:1/api/v1/namespaces/n/pods/vllm-6d4f8b9c7d-x2x9z:9090/proxy/x",
        ),
    ],
)
def test_what_may_be_a_token_in_a_path_is_not_shown(url: str, said: str) -> None:
    assert without_secrets(url) == said


def test_what_a_server_repeats_of_a_path_is_hidden() -> None:
    with Session(Login("http://h:1/metrics/a1b2c3d4e5f6/hook-7f3k9x2m5q8w1z4")):
        said = secrets.hide("no /metrics/a1b2c3d4e5f6/hook-7f3k9x2m5q8w1z4: hook-7f3k9x2m5q8w1z4; metrics")
    assert said == "no [secret]: [secret]; metrics"


def test_of_parameters_and_logins_only_secrets_are_hidden() -> None:
    hold_secrets(
        "/metrics",
        [("format", "prometheus"), ("apikey", "swordfish"), ("id", "a1b2c3d4e5f6")],
        ("reader", "passphrase"),
    )
    hold_secrets("/metrics", auth=("tokenalone", ""))
    said = secrets.hide("prometheus reader: swordfish, a1b2c3d4e5f6, passphrase, tokenalone")
    assert said == "prometheus reader: [secret], [secret], [secret], [secret]"


@pytest.mark.parametrize(
    "token",
    [
        "ya29.a0AfH6SMBx-y_z",
        "sha256~Qm9-x_Y",
        "K10abcdef0123456789abcdef::server:0123abcd",
        "aB3dE5fG7hI9jK1m",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
    ],
)
def test_opaque_tokens_are_taken_out_of_a_report(token: str) -> None:
    assert token not in redact(f"the server said {token} twice", {})


def test_kinds_of_objects_are_no_hosts() -> None:
    said = "right to list rayservices.ray.io at prometheus.example.com"
    assert redact(said, {}) == "right to list rayservices.ray.io at [host]"
