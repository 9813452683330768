"""Whole way: a real Prometheus scrapes real servers, one goes silent, and the verdict names it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from cluster.capture import capture
from cluster.deployment import Liveness
from cluster.endpoints.deployment import ScrapedDeployment, connect
from cluster.endpoints.scraper import _SYSTEM_FOLDERS
from cluster.endpoints.watched import Watched
from cluster.window import Window
from methods.verdict.decision import decide

SERVER = Path(__file__).with_name("engine_server.py")
BEFORE, AFTER = 30.0, 25.0  # s of telemetry
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not any(shutil.which("prometheus", path=folder) for folder in (None, *_SYSTEM_FOLDERS)),
        reason="prometheus is not installed",
    ),
]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def servers() -> Iterator[dict[int, subprocess.Popen[bytes]]]:
    """Port -> process of four servers under a load that is spread evenly."""
    running = {port: subprocess.Popen([sys.executable, str(SERVER), str(port)]) for port in free_ports(4)}
    ended = threading.Event()

    def ask(port: int) -> None:
        while not ended.wait(0.5):
            try:
                with urlopen(Request(f"http://127.0.0.1:{port}/", data=b"{}"), timeout=2):
                    pass
            except OSError:
                continue

    for port in running:
        threading.Thread(target=ask, args=(port,), daemon=True).start()
    yield running
    ended.set()
    for process in running.values():
        process.kill()
        process.wait()


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.5)


def test_the_server_that_goes_silent_is_named(servers: dict[int, subprocess.Popen[bytes]]) -> None:
    deployment = connect(Watched(tuple(f"http://127.0.0.1:{port}/metrics" for port in servers)))
    assert isinstance(deployment, ScrapedDeployment)
    try:
        assert deployment.topology().front_door == "front-door"
        assert deployment.status().data_age is None or deployment.status().liveness is Liveness.LIVE
        until(lambda: deployment.status().liveness is Liveness.LIVE)
        time.sleep(BEFORE)
        silent = list(servers.values())[2]
        silent.send_signal(signal.SIGSTOP)
        until(lambda: deployment.status().components["replica-3"] is False)
        time.sleep(AFTER)
        status = deployment.status()
        assert (status.liveness, status.components["front-door"]) == (Liveness.LIVE, True)
        assert "replica-3" in status.message
        now = time.time()
        verdict = decide(capture(deployment, Window(now - 240, now)))
        assert verdict.named == ("replica-3",)
        assert "none of its signals has a value since" in verdict.headline
    finally:
        deployment._server.end()
