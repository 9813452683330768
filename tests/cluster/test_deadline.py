"""A server that sends a byte now and then is given up at the deadline, wherever in its answer it does so."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from socket import SHUT_RDWR, create_server, socket

import pytest

from cluster.deadline import Deadline, limited
from cluster.http import Login, QueryError, Session, checked
from cluster.kubernetes.api import Api, ApiError
from cluster.kubernetes.resources import PODS

BEGINNINGS = {
    "the status line": b"",
    "the headers": b"HTTP/1.1 200 OK\r\nX-Long: ",
    "a body with a length": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    "a body without one": b"HTTP/1.1 200 OK\r\n\r\n",
    "the size of a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a redirect's headers": b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nX-Long: ",
}


class Dribbler:
    """Sends a beginning at once, then one byte every hundredth of a second, until the client leaves."""

    def __init__(self, beginning: bytes) -> None:
        self.left = threading.Event()
        self._beginning = beginning
        self._listening = create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.port = self._listening.getsockname()[1]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._listening.accept()
            self._dribble(client)
            self.left.set()

    def _dribble(self, client: socket) -> None:
        with client, contextlib.suppress(OSError):
            client.settimeout(0.01)
            client.sendall(self._beginning)
            for _ in range(1000):
                with contextlib.suppress(TimeoutError):
                    if not client.recv(1 << 16):
                        return
                client.sendall(b"1")


@pytest.fixture(params=BEGINNINGS)
def dribbler(request: pytest.FixtureRequest) -> Iterator[Dribbler]:
    server = Dribbler(BEGINNINGS[request.param])
    yield server
    server.close()


def test_an_answer_in_drops_ends_with_the_connection(dribbler: Dribbler) -> None:
    url = f"http://127.0.0.1:{dribbler.port}/"
    with Session(Login(url)) as session, pytest.raises(QueryError, match="took too long"):
        checked(lambda: session.get(url, timeout=0.3))
    assert dribbler.left.wait(5), "the connection outlived its deadline"


@pytest.mark.parametrize("call", ["list", "watch"])
def test_an_api_server_that_answers_in_drops(dribbler: Dribbler, call: str, tmp_path: Path) -> None:
    config = {
        "current-context": "slow",
        "clusters": [{"name": "slow", "cluster": {"server": f"http://127.0.0.1:{dribbler.port}"}}],
        "users": [{"name": "slow", "user": {"token": "t"}}],
        "contexts": [{"name": "slow", "context": {"cluster": "slow", "user": "slow"}}],
    }
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    with Api("slow", file, deadline=0.3) as client, contextlib.suppress(ApiError):
        if call == "list":
            client.list(PODS, "llm")
        else:
            assert not [*client.watch(PODS, "llm", "1", seconds=-4.7)]  # it may last 5 s longer than it was asked to
    assert dribbler.left.wait(5), "the connection outlived its deadline"


def test_a_kept_connection_is_held_again() -> None:
    """The second exchange uses the connection that the first one opened."""
    listening = create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        with contextlib.suppress(OSError):
            client, _ = listening.accept()
            with client:
                client.recv(1 << 16)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                client.recv(1 << 16)
                while not over.wait(0.01):
                    client.sendall(b"H")

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    try:
        with Session(Login(url)) as session:
            assert session.get(url, timeout=5).json() == {}
            with pytest.raises(QueryError, match="took too long"):
                checked(lambda: session.get(url, timeout=0.3))
    finally:
        over.set()
        listening.close()
        thread.join()


def test_nothing_is_held_after_the_exchange() -> None:
    """A deadline that is over does not touch what another exchange does on the same connection."""
    from urllib3 import PoolManager

    listening = create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listening.accept()
        with client:
            for _ in range(2):
                client.recv(1 << 16)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    with limited(PoolManager()) as pools:
        with Deadline(0.2) as first:
            assert pools.request("GET", url).data == b"{}"
        assert not first.late
        threading.Event().wait(0.3)
        with Deadline(5.0) as second:
            assert pools.request("GET", url).data == b"{}"
        assert not first.late and not second.late
    listening.close()
    thread.join()
