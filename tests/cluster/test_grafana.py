"""Annotations by Grafana's documented HTTP API: what is asked, and what is said when it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from http_server import Handler, server

from cluster.grafana import TOKEN, Annotation, GrafanaError, address, send

POINT = Annotation(1_507_037_197.339, "a &lt;b&gt;", ("rca-tui", "onset"))
REGION = Annotation(1_507_037_197.339, "c", ("rca-tui",), end=1_507_180_805.056)


@pytest.fixture
def grafana() -> Iterator[Callable[..., Any]]:
    """Starts a Grafana that checks requests as its documentation has them; returns its address and what it took."""
    stack = []

    def start(status: int = 200, answer: bytes = b"") -> tuple[str, list[dict[str, Any]]]:
        taken: list[dict[str, Any]] = []

        def answering(handler: Handler) -> None:
            body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
            assert (handler.command, handler.path) == ("POST", "/grafana/api/annotations")
            assert handler.headers["Accept"] == handler.headers["Content-Type"] == "application/json"
            assert set(body) <= {"dashboardUID", "panelId", "time", "timeEnd", "tags", "text"}
            assert type(body["text"]) is str
            assert all(type(body[name]) is int for name in ("time", "timeEnd") if name in body)
            taken.append({"login": handler.headers["Authorization"], **body})
            made = json.dumps({"message": "Annotation added", "id": len(taken)}).encode()
            handler.reply(status, answer or made)

        context = server(answering)
        stack.append(context)
        return f"{context.__enter__()}/grafana/", taken

    yield start
    for context in stack:
        context.__exit__(None, None, None)


def test_points_and_regions_are_created_in_milliseconds(
    grafana: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, "glsa_secret\n")
    url, taken = grafana()
    assert list(send(url, [POINT, REGION], "jcIIG-07z")) == [(POINT, 1), (REGION, 2)]
    common = {"login": "Bearer glsa_secret", "dashboardUID": "jcIIG-07z", "time": 1_507_037_197_339}
    assert taken == [
        {**common, "tags": ["rca-tui", "onset"], "text": "a &lt;b&gt;"},
        {**common, "timeEnd": 1_507_180_805_056, "tags": ["rca-tui"], "text": "c"},
    ]


def test_without_a_token_there_is_no_login(
    grafana: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    url, taken = grafana()
    assert len(list(send(url, [POINT]))) == 1
    assert taken[0]["login"] is None
    assert "dashboardUID" not in taken[0]


@pytest.mark.parametrize(
    ("status", "answer", "says"),
    [
        (401, b'{"message": "Invalid API key"}', "refuses the login (HTTP 401)"),
        (404, b'{"message": "Dashboard not found"}', "Dashboard not found"),
        (302, b"", "HTTP 302"),
        (500, b"<html>", "HTTP 500"),
        (200, b"<html>", "not JSON"),
        (200, b'{"message": "ok"}', "not in Grafana's form"),
        (200, b"[]", "not in Grafana's form"),
    ],
)
def test_a_refusal_is_one_sentence_without_the_token(
    grafana: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, status: int, answer: bytes, says: str
) -> None:
    monkeypatch.setenv(TOKEN, "glsa_secret")
    url, _ = grafana(status, answer)
    with pytest.raises(GrafanaError) as error:
        list(send(url, [POINT]))
    assert says in str(error.value)
    assert "glsa_secret" not in str(error.value)


def test_a_missing_token_is_said(grafana: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    url, _ = grafana(401, b"{}")
    with pytest.raises(GrafanaError, match="GRAFANA_TOKEN is not set"):
        list(send(url, [POINT]))


@pytest.mark.parametrize(
    "url",
    ["", "grafana", "ftp://a", "http://", "http://a:x", "http://[", "http://u:secret@a", "http://a/?token=secret"],
)
def test_an_address_that_cannot_be_used_is_not_repeated(url: str) -> None:
    with pytest.raises(GrafanaError) as error:
        address(url)
    assert "secret" not in str(error.value).replace("leave secrets", "")


def test_a_token_with_a_line_break_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "a\r\nX: b")
    with pytest.raises(GrafanaError, match="is no token"):
        list(send("http://127.0.0.1:1", [POINT]))
