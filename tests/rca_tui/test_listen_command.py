"""`rca-tui listen` as a process: it takes an alert, reports, ends on SIGTERM, and survives a full disk."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from commands import refusal
from test_triage import page

from cluster.incident import library

ROOT = Path(__file__).resolve().parents[2]
INCIDENT = "drill-05"


@contextmanager
def listening(
    home: Path, *options: str, token: str = "", largest: int | None = None
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address and the process of a listener on any free port, which writes files of that many bytes at most."""

    def limited() -> None:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    process = subprocess.Popen(
        [sys.executable, "-m", "rca_tui", "listen", INCIDENT, "--port", "0", *options],
        env={**os.environ, "XDG_STATE_HOME": str(home), "PYTHONPATH": str(ROOT), "RCA_TUI_TOKEN": token},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limited,
    )
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert first.startswith("listening on "), first + process.stderr.read()
        yield first.split()[2].rstrip(","), process
    finally:
        process.kill()
        process.communicate()


def post(url: str, payload: str, token: str = "") -> int:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, payload.encode(), headers), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def payload() -> str:
    return page(library.load(INCIDENT).window.start + 180)


@pytest.mark.slow
def test_an_alert_is_reported_once_and_sigterm_ends_it(tmp_path: Path) -> None:
    with listening(tmp_path, "--json", token="s3cret") as (url, process):
        assert post(url, payload(), "wrong") == 401
        assert post(url, payload(), "s3cret") == 202
        assert post(url, payload(), "s3cret") == 200
        assert process.stdout is not None
        document = json.loads(process.stdout.readline())
        assert document["alert"] == "GatewaySlow"
        assert document["verdict"]["components"]
        assert Path(document["report"]).read_text().startswith("<!doctype html>")
        process.send_signal(signal.SIGTERM)
        out, error = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "")
        assert "Traceback" not in error
    with listening(tmp_path) as (url, process):
        assert post(url, payload()) == 200
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "what was taken is kept" in error


@pytest.mark.slow
def test_sigterm_in_the_middle_of_an_answer_keeps_the_alert(tmp_path: Path) -> None:
    with listening(tmp_path) as (url, process):
        assert post(url, payload()) == 202
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=100)
        assert process.returncode == 0
        assert "1 waiting for an answer, which the next start gives" in error
    with listening(tmp_path, "--json") as (_, process):
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["alert"] == "GatewaySlow"


@pytest.mark.slow
def test_a_full_disk_is_said_and_alertmanager_posts_again(tmp_path: Path) -> None:
    with listening(tmp_path, largest=0) as (url, process):
        assert post(url, payload()) == 503
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 0
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["lock"]


@pytest.fixture
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("RCA_TUI_TOKEN", raising=False)


@pytest.mark.usefixtures("_own_state")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--host", "0.0.0.0"), "set RCA_TUI_TOKEN"),
        (("--host", "localhost.example.com"), "set RCA_TUI_TOKEN"),
        (("--template", "x.json"), "give both"),
        (("--on-report", "no-such-program-anywhere"), "neither an address nor a command"),
        (("no-such-incident",), "there is no incident"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    given = arguments if arguments[0] == "no-such-incident" else (INCIDENT, *arguments)
    assert sentence in refusal("listen", *given)


@pytest.mark.usefixtures("_own_state")
@pytest.mark.parametrize("token", ["a\nb", "\u00e9", "a\x1b"])
def test_a_token_that_no_header_carries_is_refused(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RCA_TUI_TOKEN", token)
    assert "is no token" in refusal("listen", INCIDENT)


@pytest.mark.usefixtures("_own_state")
def test_a_port_that_is_taken_is_said() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1, port {port}" in refusal("listen", INCIDENT, "--port", str(port))
