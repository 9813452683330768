"""`proxy-url` and `tls-server-name`: where only a proxy reaches the API server, all that is asked goes through it."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import certifi
import pytest
from mock_api import MockApi
from mock_stack import HEAD_POD, NAMESPACE

from cluster.deployment import DeploymentError
from cluster.http import QueryError, Session, checked
from cluster.kubernetes import commands
from cluster.kubernetes.api import Api
from cluster.kubernetes.resources import PODS

CERTIFIED = "api.example.test"
SERVER = "only-the-proxy-knows.invalid:6443"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]


def copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(1 << 16):
            sink.sendall(block)
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def listening(accepted: Callable[[socket.socket], tuple[socket.socket, int] | None]) -> Iterator[int]:
    """The port of a server that joins each connection to the local port that `accepted` says."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with suppress(OSError):
            if (found := accepted(client)) is None:
                client.close()
                return
            near, far = found[0], socket.create_connection(("127.0.0.1", found[1]))
            threading.Thread(target=copy, args=(far, near), daemon=True).start()
            copy(near, far)

    def loop() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "tls.crt", folder / "tls.key"
    names = ("-subj", "/CN=api", "-addext", f"subjectAltName=DNS:{CERTIFIED}")
    words = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names)
    subprocess.run([*words, "-keyout", str(key), "-out", str(made)], check=True, capture_output=True)
    return made, key


class Tunnels:
    """What the proxy was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []


@pytest.fixture
def tunnels(stack: MockApi, certificate: tuple[Path, Path], tmp_path: Path) -> Iterator[Tunnels]:
    """The API server behind TLS, and a proxy that alone knows where it is; `proxied` is a kubeconfig for them."""
    found = Tunnels()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    port = int(stack.url.rpartition(":")[2])
    with listening(lambda client: (context.wrap_socket(client, server_side=True), port)) as behind_tls:

        def connect(client: socket.socket) -> tuple[socket.socket, int] | None:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            where = head.split()[1].decode()
            found.asked.append(where)
            if where != SERVER:
                return None
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            return client, behind_tls

        with listening(connect) as proxy:
            config = json.loads(stack.kubeconfig(tmp_path / "proxied").read_text())
            config["clusters"][0]["cluster"] = {
                "server": f"https://{SERVER}",
                "proxy-url": f"http://127.0.0.1:{proxy}",
                "tls-server-name": CERTIFIED,
                "certificate-authority": str(certificate[0]),
            }
            (tmp_path / "proxied").write_text(json.dumps(config))
            yield found


def test_the_api_server_and_a_command_in_a_pod(tunnels: Tunnels, stack: MockApi, tmp_path: Path) -> None:
    stack.execute = lambda *_: (0, "hello", "")
    with Api("mock", tmp_path / "proxied", 120) as client:
        assert client.list(PODS, NAMESPACE)
        assert commands.run(client, NAMESPACE, HEAD_POD, "ray-head", ["echo"], 60.0).stdout == "hello"
    assert set(tunnels.asked) == {SERVER}


@pytest.mark.parametrize(
    "environment", [{}, {"REQUESTS_CA_BUNDLE": certifi.where()}, {"HTTPS_PROXY": "http://127.0.0.1:9"}]
)
def test_a_service_behind_the_api_servers_proxy(
    tunnels: Tunnels, stack: MockApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with MockApi() as behind, Api("mock", tmp_path / "proxied", 120) as client:
        behind.tokens.add("")
        stack.backends["monitoring", "prometheus"] = behind.url
        login = client.login(client.proxy_url("monitoring", "prometheus", 9090))
        before = len(tunnels.asked)
        with Session(login) as session:
            session.headers.update(login.headers)
            assert "gitVersion" in session.get(f"{login.url}/version", timeout=60.0).json()
        assert tunnels.asked[before:] == [SERVER]


@pytest.mark.parametrize("wrong", ["tls-server-name", "proxy-url"])
def test_without_them_one_sentence_says_what_fails(tunnels: Tunnels, tmp_path: Path, wrong: str) -> None:
    config = json.loads((tmp_path / "proxied").read_text())
    del config["clusters"][0]["cluster"][wrong]
    (tmp_path / "proxied").write_text(json.dumps(config))
    with Api("mock", tmp_path / "proxied", 120) as client:
        with pytest.raises(DeploymentError) as refused:
            client.list(PODS, NAMESPACE)
        login = client.login(client.proxy_url("monitoring", "prometheus", 9090))
        with Session(login) as session, pytest.raises(QueryError, match=r"certificate|connection failed"):
            checked(lambda: session.get(f"{login.url}/version", timeout=60.0))
    assert "\n" not in str(refused.value) and "mock-token" not in str(refused.value)
