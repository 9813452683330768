"""What the listener's server takes, what it refuses, and that nobody can hold it up."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from cluster.alerts import AlertGroup
from rca_tui.listen import server as module
from rca_tui.listen.inbox import Taken
from rca_tui.listen.server import CONNECTIONS, HEAD, LARGEST, PATH, Server, is_loopback

ALERT = {"labels": {"alertname": "Slow"}, "startsAt": "2023-11-14T22:13:20Z"}
BODY = json.dumps({"version": "4", "groupKey": "{}:{}", "alerts": [ALERT]}).encode()
JSON = "Content-Type: application/json"


class Took:
    """Takes every group as new, unless told otherwise."""

    def __init__(self) -> None:
        self.groups: list[AlertGroup] = []
        self.answer: Taken | OSError = Taken.NEW

    def __call__(self, group: AlertGroup, payload: str) -> Taken:
        if isinstance(self.answer, OSError):
            raise self.answer
        assert json.loads(payload)
        self.groups.append(group)
        return self.answer


@pytest.fixture
def took() -> Took:
    return Took()


@pytest.fixture(params=[""])
def listening(took: Took, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of this process; the parameter is its token."""
    server = Server("127.0.0.1", 0, request.param, took)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def connection(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=30)


def answer(stream: socket.socket) -> tuple[int, dict[str, str]]:
    """Status and document of what the server sends until it closes; (0, {}) where it sends nothing."""
    received = b""
    with suppress(ConnectionError):
        while block := stream.recv(1 << 16):
            received += block
    head, _, body = received.partition(b"\r\n\r\n")
    return (int(head.split()[1]), json.loads(body)) if head else (0, {})


def post(server: Server, body: bytes = BODY, *headers: str, path: str = PATH, length: object = None) -> int:
    return said(server, body, *headers, path=path, length=length)[0]


def said(
    server: Server, body: bytes = BODY, *headers: str, path: str = PATH, length: object = None
) -> tuple[int, dict[str, str]]:
    size = len(body) if length is None else length
    lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1:9195", f"Content-Length: {size}", *(headers or (JSON,)))
    with closing(connection(server)) as stream:
        with suppress(ConnectionError):
            stream.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        return answer(stream)


def test_an_alert_is_accepted_and_handed_on(listening: Server, took: Took) -> None:
    assert said(listening) == (202, {"alert": "Slow", "taken": "new"})
    assert [group.title for group in took.groups] == ["Slow"]


@pytest.mark.parametrize(
    ("taken", "status"), [(Taken.KNOWN, 200), (Taken.ENDED, 200), (Taken.FULL, 503), (Taken.TOO_OFTEN, 429)]
)
def test_alertmanager_posts_again_only_what_may_be_taken_later(
    listening: Server, took: Took, taken: Taken, status: int
) -> None:
    took.answer = taken
    assert post(listening) == status


def test_what_cannot_be_kept_is_to_be_posted_again(listening: Server, took: Took) -> None:
    took.answer = OSError(28, "No space left on device")
    assert said(listening) == (503, {"error": "it cannot be kept: No space left on device"})


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", (JSON,), 400),
        (b"{", (JSON,), 400),
        (b"\x00\xff\xfe", (JSON,), 400),
        (BODY.decode().encode("utf-16"), (JSON,), 400),
        (b"[" * 100_000, (JSON,), 400),
        (b'{"alerts": []}', (JSON,), 400),
        (b"1" * 100_000, (JSON,), 400),
        (b'[{"labels": {"alertname": "\\ud800"}, "startsAt": "2023-11-14T22:13:20Z"}]', (JSON,), 202),
        (BODY, ("Content-Type: text/plain",), 415),
        (BODY, ("Content-Type: multipart/form-data; boundary=x",), 415),
        (BODY, ("X: y",), 415),
        (BODY, (JSON, "Transfer-Encoding: chunked"), 411),
        (BODY, (JSON, "Content-Length: 3"), 400),
        (b"x" * (LARGEST + 1), (JSON,), 413),
        (BODY, (JSON, "Host: evil.example.com"), 202),  # the first one counts
    ],
)
def test_garbage_is_refused(listening: Server, body: bytes, headers: tuple[str, ...], status: int) -> None:
    assert post(listening, body, *headers) == status
    assert post(listening) == 202


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "\u00b2", "9" * 5000, "", "5 5"])
def test_a_length_that_is_none_is_refused(listening: Server, length: str) -> None:
    assert post(listening, length=length) in (400, 413)


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n\r\n",
        b"GET /\r\n",
        b"GET /alerts HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"OPTIONS /alerts HTTP/1.1\r\nOrigin: http://evil.example.com\r\nHost: localhost\r\n\r\n",
        b"POST /alerts HTTP/9.9\r\n\r\n",
        b"POST /alerts HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"POST /alerts HTTP/1.1\r\nA: " + b"b" * 2 * HEAD + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500 + b"\r\n\r\n",
        b"\x1b]0;owned\x07 / HTTP/1.1\r\n\r\n",
    ],
)
def test_a_head_that_is_none_is_refused_and_never_echoed_raw(listening: Server, took: Took, head: bytes) -> None:
    with closing(connection(listening)) as stream:
        stream.sendall(head)
        stream.shutdown(socket.SHUT_WR)
        received = b""
        while block := stream.recv(1 << 16):
            received += block
    assert b"\x1b" not in received
    assert b" 202 " not in received
    assert took.groups == []
    assert post(listening) == 202


@pytest.mark.parametrize("host", ["evil.example.com", "evil.example.com:9195", "127.0.0.1.evil.example.com", "[::2]:1"])
def test_without_a_token_only_this_machines_names_are_served(listening: Server, host: str) -> None:
    request = f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\n{JSON}\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
    with closing(connection(listening)) as stream:
        stream.sendall(request)
        assert answer(stream)[0] == 403


@pytest.mark.parametrize("listening", ["s3cret"], indirect=True)
@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("Bearer s3cret", 202),
        ("Bearer s3cre", 401),
        ("Bearer s3cret\u00e9", 401),
        ("Bearer \u00ff" + "x" * 10_000, 401),
        ("Basic s3cret", 401),
        ("s3cret", 401),
        ("", 401),
    ],
)
def test_the_token_is_asked_for(listening: Server, took: Took, given: str, status: int) -> None:
    assert post(listening, BODY, JSON, f"Authorization: {given}", "Host: evil.example.com") == status
    assert len(took.groups) == (status == 202)


@pytest.mark.slow
def test_who_sends_byte_by_byte_is_cut_off_at_the_deadline(listening: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEADLINE", 0.5)
    for start in (b"POST /alerts HTTP/1.1\r\nX: ", b"POST /alerts HTTP/1.1\r\nHost: localhost\r\n" + JSON.encode()):
        ended = threading.Event()
        with closing(connection(listening)) as slow:
            slow.sendall(start)

            def drip(stream: socket.socket = slow, ended: threading.Event = ended) -> None:
                while not ended.wait(0.02):
                    try:
                        stream.sendall(b"a")
                    except OSError:
                        return

            thread = threading.Thread(target=drip)
            thread.start()
            answer(slow)  # ends when the server closes
            ended.set()
            thread.join()


@pytest.mark.slow
def test_idle_connections_do_not_keep_an_alert_out(listening: Server) -> None:
    idle = [connection(listening) for _ in range(3 * CONNECTIONS)]
    assert [post(listening) for _ in range(3)] == [202] * 3
    assert answer(idle[0]) == (0, {})  # the oldest were ended
    for stream in idle:
        stream.close()


def test_names_in_any_script_come_through_harmless(listening: Server, took: Took) -> None:
    named = {**ALERT, "labels": {"alertname": "遅い \u202e\u001b[31m <b>\u0000"}}
    status, document = said(listening, json.dumps([named], ensure_ascii=False).encode())
    assert (status, document["alert"]) == (202, "遅い \ufffd\ufffd[31m <b>\ufffd")
    assert len(took.groups) == 1


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_only_loopback_needs_no_token(host: str, here: bool) -> None:
    assert is_loopback(host) is here
