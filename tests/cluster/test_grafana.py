"""Annotations by Grafana's documented HTTP API: what is asked, and what is said when it refuses."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from http_server import Handler, server

from cluster.grafana import TOKEN, Annotation, Done, GrafanaError, address, send

TAGS = ("rca-tui", "incident:1", "onset")
POINT = Annotation(1_507_037_197.339, "a &lt;b&gt;", TAGS)
REGION = Annotation(1_507_037_197.339, "c", ("rca-tui", "incident:1", "verdict", "replica-1"), end=1_507_180_805.056)


class Grafana:
    """Keeps annotations, and checks requests as Grafana's documentation has them."""

    def __init__(self, status: int, answer: bytes) -> None:
        self.kept: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str | None]] = []
        self.refusal = (status, answer) if status != 200 or answer else None

    def __call__(self, handler: Handler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers.get("Content-Length", 0))) or b"{}")
        self.asked.append((handler.command, handler.headers["Authorization"]))
        parts = urlsplit(handler.path)
        assert parts.path.startswith("/grafana/api/annotations")
        assert handler.headers["Accept"] == "application/json"
        if self.refusal:
            handler.reply(*self.refusal)
        elif handler.command == "GET":
            handler.reply(200, json.dumps(self.found(parse_qs(parts.query))).encode())
        else:
            assert handler.headers["Content-Type"] == "application/json"
            assert type(body["text"]) is str
            assert all(type(body[name]) is int for name in ("time", "timeEnd") if name in body)
            number = self.write(parts.path, body)
            handler.reply(200, json.dumps({"message": "Annotation added", "id": number}).encode())

    def found(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        assert set(query) <= {"tags", "type", "limit", "dashboardUID"}
        wanted = query.get("dashboardUID", [None])[0]
        kept = [row for row in self.kept if set(query["tags"]) <= set(row["tags"])]
        return [row for row in kept if wanted in (None, row["dashboardUID"])]

    def write(self, path: str, body: dict[str, Any]) -> int:
        number = path.rpartition("/")[2]
        if number == "annotations":
            assert set(body) <= {"dashboardUID", "time", "timeEnd", "tags", "text"}
            row = {"id": len(self.kept) + 1, "timeEnd": body["time"], "dashboardUID": "", **body}
            self.kept.append(row)
            return len(self.kept)
        assert set(body) <= {"time", "timeEnd", "tags", "text"}
        self.kept[int(number) - 1] |= body
        return int(number)


@pytest.fixture
def grafana() -> Iterator[Callable[..., tuple[str, Grafana]]]:
    """Starts a Grafana; returns its address and itself."""
    with ExitStack() as stack:

        def start(status: int = 200, answer: bytes = b"") -> tuple[str, Grafana]:
            there = Grafana(status, answer)
            return f"{stack.enter_context(server(there))}/grafana/", there

        yield start


def test_points_and_regions_are_created_in_milliseconds(
    grafana: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, "glsa_secret\n")
    url, there = grafana()
    assert list(send(url, [POINT, REGION], "jcIIG-07z")) == [(POINT, 1, Done.ADDED), (REGION, 2, Done.ADDED)]
    common = {"dashboardUID": "jcIIG-07z", "time": 1_507_037_197_339}
    assert there.kept == [
        {**common, "id": 1, "timeEnd": common["time"], "tags": [*POINT.tags], "text": "a &lt;b&gt;"},
        {**common, "id": 2, "timeEnd": 1_507_180_805_056, "tags": [*REGION.tags], "text": "c"},
    ]
    assert {login for _, login in there.asked} == {"Bearer glsa_secret"}


def test_what_is_there_is_not_added_again(grafana: Callable[..., Any]) -> None:
    url, there = grafana()
    list(send(url, [POINT, REGION]))
    before = [dict(row) for row in there.kept]
    assert list(send(url, [POINT, REGION])) == [(POINT, 1, Done.THERE), (REGION, 2, Done.THERE)]
    assert there.kept == before


@pytest.mark.parametrize(
    "later",
    [
        dataclasses.replace(REGION, text="d"),
        dataclasses.replace(REGION, time=REGION.time + 1),
        dataclasses.replace(REGION, end=None),
        dataclasses.replace(REGION, tags=(*REGION.tags[:3], "replica-2")),
    ],
    ids=["text", "time", "no end", "component"],
)
def test_what_says_something_else_is_changed(grafana: Callable[..., Any], later: Annotation) -> None:
    url, there = grafana()
    list(send(url, [REGION], "a"))
    assert list(send(url, [later], "a")) == [(later, 1, Done.CHANGED)]
    (row,) = there.kept
    assert row["timeEnd"] == later.payload().get("timeEnd", row["time"])
    assert {**row, "timeEnd": 0} == {"id": 1, **later.payload("a"), "timeEnd": 0}
    assert list(send(url, [later], "a")) == [(later, 1, Done.THERE)]


def test_another_incident_and_another_dashboard_have_their_own(grafana: Callable[..., Any]) -> None:
    url, there = grafana()
    other = dataclasses.replace(POINT, tags=("rca-tui", "incident:2", "onset"))
    for annotation, dashboard in ((POINT, "a"), (POINT, "b"), (POINT, None), (other, None)):
        assert [done for _, _, done in send(url, [annotation], dashboard)] == [Done.ADDED]
    assert len(there.kept) == 4


def test_without_a_token_there_is_no_login(
    grafana: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    url, there = grafana()
    assert len(list(send(url, [POINT]))) == 1
    assert {login for _, login in there.asked} == {None}
    assert there.kept[0]["dashboardUID"] == ""


@pytest.mark.parametrize(
    ("status", "answer", "says"),
    [
        (401, b'{"message": "Invalid API key"}', "refuses the login (HTTP 401)"),
        (404, b'{"message": "Dashboard not found"}', "Dashboard not found"),
        (302, b"", "HTTP 302"),
        (500, b"<html>", "HTTP 500"),
        (200, b"<html>", "not JSON"),
        (200, b'{"message": "ok"}', "not in Grafana's form"),
        (200, b"[1]", "not in Grafana's form"),
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
