"""Hostile clients of `serve` and `workshop`: the server stays up, says what is wrong, and others notice nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientWebSocketResponse, web
from aiohttp.test_utils import TestClient, TestServer
from synthetic import incident
from test_workshop import PAGE, Clock, player, workshop
from textual import events

from cluster.replay import ReplayDeployment
from rca_tui.room import forms, server, visit, workshop_server
from rca_tui.room.guest import GuestApp
from rca_tui.room.server import AppServer
from rca_tui.room.window import TALLEST, WIDEST
from rca_tui.room.workshop_server import WorkshopServer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = {"Content-Type": "multipart/form-data; boundary=a"}
PART = b'--a\r\nContent-Disposition: form-data; name="name"\r\n'
Room = tuple[WorkshopServer, TestServer, Clock]


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    clock = Clock()
    played = WorkshopServer(workshop(clock=clock), ("freeze",), "127.0.0.1", 8000, "", tmp_path / "apps.log")
    async with TestServer(await played.make_app()) as at:
        yield played, at, clock


async def asked(at: TestServer, request: bytes) -> bytes:
    """What the server answers to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
    writer.write(request)
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("line", "headers", "status", "said"),
    [
        ("/", "Host: localhost\r\nOrigin: http://[", 403, "from another site"),
        ("/", "Host: localhost\r\nOrigin: null", 403, "from another site"),
        ("/", "Host: [", 403, "only requests to localhost"),
        ("/", "Host: localhost℀", 403, "only requests to localhost"),
        ("/", "Host: evil.example:8000", 403, "only requests to localhost"),
        ("http://evil.example/", "Host: localhost", 403, "only requests to localhost"),
        ("/static/" + "a" * 300, "Host: localhost", 414, "no path here has more than 250 characters"),
        ("/static/..%2f..%2fserver.py", "Host: localhost", 404, ""),
        ("/static/%00", "Host: localhost", 404, ""),
        ("/static/", "Host: localhost", 403, ""),
        ("/instructor?key=%ed%a0%80", "Host: localhost", 403, "this page is the instructor's"),
        ("/app?fontsize=" + "9" * 5000, "Host: localhost", 200, ""),
        ("/?" + "a&" * 5000, "Host: localhost", 400, ""),
        ("/", "Host: localhost\r\n" + "X: y\r\n" * 5000 + "X: y", 400, ""),
    ],
)
async def test_a_head_that_is_none_has_one_answer(
    room: Room, line: str, headers: str, status: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, at, _ = room
    answer = await asked(at, f"GET {line} HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n".encode())
    assert int(answer.split()[1]) == status
    assert said in answer.decode()
    assert not [record for record in caplog.records if server._is_ours(record)]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (FORM | {"Content-Type": FORM["Content-Type"] + "; charset=nonsense"}, b"name=Eve", 200),
        (FORM | {"Content-Type": FORM["Content-Type"] + "; charset=unicode_escape"}, b"name=\\ud800Eve", 200),
        (FORM, b"name=\xff\xfe", 400),
        (FORM, b"name=%ed%a0%80", 400),
        (FORM, b"a&" * 2000, 400),
        (FORM, b"name=" + b"a" * forms.LARGEST, 413),
        (FORM | {"Content-Encoding": "deflate"}, b"nonsense", 415),
        (PARTS, b"nonsense", 415),
        (PARTS, PART + b"Content-Transfer-Encoding: nonsense\r\n\r\nEve\r\n--a--\r\n", 415),
        ({"Content-Type": "application/json"}, b"[" * 10_000, 415),
    ],
)
async def test_a_form_that_is_none_has_one_answer(
    room: Room, headers: dict[str, str], body: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    played, at, _ = room
    async with TestClient(at) as eve:
        answer = await eve.post("/join", data=body, headers=headers)
        assert answer.status == status
    assert len(played.workshop.players) == (status == 200)
    assert not [record for record in caplog.records if server._is_ours(record)]


async def test_a_form_that_dribbles_is_ended(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "PATIENCE", 0.2)
    _, at, _ = room
    head = (
        f"POST /join HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM['Content-Type']}\r\nContent-Length: 9\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
    writer.write(head.encode() + b"name")
    async with asyncio.timeout(60):
        assert b"408" in await reader.readline()
    writer.close()


def test_a_head_that_dribbles_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 1)
    answers = []

    def dribble(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), 60) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
            answers.append(slow.recv(1))

    served_while(("true",), dribble, tmp_path, monkeypatch)
    assert answers == [b""], "the server hangs up"


def served_while(
    command: tuple[str, ...], talks: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> float:
    """Serve on a free port while a client talks there, then end it by Ctrl+C; the seconds that the end took."""
    ended = []
    with socket.socket() as bound:  # held until it is listened on: nobody else gets the port
        bound.bind(("127.0.0.1", 0))
        run_app = web.run_app
        monkeypatch.setattr(web, "run_app", lambda app, host, port, **how: run_app(app, sock=bound, **how))

        def client() -> None:
            try:
                talks(int(bound.getsockname()[1]))
            finally:
                ended.append(time.monotonic())
                os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=client)
        AppServer(command, "127.0.0.1", 1, "", tmp_path / "log").serve_until_ended(thread.start)
        thread.join(60)
    return time.monotonic() - ended[0]


def app_that(tmp_path: Path, does: str) -> str:
    """A program that begins as an app does, whatever its arguments are."""
    path = tmp_path / "app"
    path.write_text(f"#!/bin/sh\necho __GANGLION__\n{does}\n")
    path.chmod(0o700)
    return str(path)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.02)


async def test_what_a_browser_says_is_checked_before_the_app_has_it(tmp_path: Path) -> None:
    came = tmp_path / "came"
    command = (app_that(tmp_path, f"echo $COLUMNS $ROWS > {came}.size\ncat > {came}"),)
    async with TestClient(TestServer(await AppServer(command, "127.0.0.1", 1, "", tmp_path / "log").make_app())) as eve:
        talk = await eve.ws_connect("/ws?width=1000000000&height=nonsense")
        for nonsense in (
            "{",
            "[" * 60_000,
            "5",
            "[]",
            "{}",
            '["stdin"]',
            '["stdin",5]',
            '["resize",[1]]',
            '["ping",{}]',
        ):
            await talk.send_str(nonsense)
        await talk.send_bytes(b"\0" * 1000)
        await talk.send_str('["stdin","\\ud800"]')
        await talk.send_str('["resize",{"width":100000,"height":1e400}]')
        await talk.send_str('["ping","1"]')
        assert json.loads((await talk.receive(60)).data) == ["pong", "1"]
        await until(lambda: came.exists() and came.read_bytes().endswith(b"}"))
        assert Path(f"{came}.size").read_text().split() == [str(WIDEST), "24"]
        assert json.loads(came.read_bytes()[11:]) == {"type": "resize", "width": WIDEST, "height": 24}
        await talk.send_str("x" * (visit.LARGEST + 1))
        assert (await talk.receive(60)).type in (web.WSMsgType.CLOSE, web.WSMsgType.CLOSED)
        assert talk.close_code == 1009


async def test_an_app_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "PATIENCE", 0.2)
    pid = tmp_path / "pid"
    served = AppServer((app_that(tmp_path, f"echo $$ > {pid}\nexec sleep 600"),), "127.0.0.1", 1, "", tmp_path / "log")
    async with TestClient(TestServer(await served.make_app())) as eve:
        talk = await eve.ws_connect("/ws")
        await until(lambda: pid.exists() and pid.read_text().endswith("\n"))
        await talk.close()
        await until(lambda: served.guests == 0)
    with pytest.raises(ProcessLookupError):
        while os.kill(int(pid.read_text()), 0) is None:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("how", ["exit 3", "kill -9 $$", "exec >&-; sleep 600"])
async def test_a_visitor_is_told_when_the_app_has_ended(how: str, tmp_path: Path) -> None:
    served = AppServer((app_that(tmp_path, how),), "127.0.0.1", 1, "", tmp_path / "log")
    async with TestClient(TestServer(await served.make_app())) as eve:
        talk = await eve.ws_connect("/ws")
        assert (await talk.receive(60)).type is web.WSMsgType.CLOSE
        await until(lambda: served.guests == 0)


def test_visitors_and_their_apps_are_gone_soon_after_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "PATIENCE", 0.2)
    pid = tmp_path / "pid"
    heads = b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    heads += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    with contextlib.ExitStack() as open_still:

        def visits(port: int) -> None:
            browser = open_still.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            browser.sendall(heads)
            assert browser.recv(12) == b"HTTP/1.1 101"
            while not pid.exists():
                time.sleep(0.02)

        command = (app_that(tmp_path, f"echo $$ > {pid}\nexec sleep 600"),)
        assert served_while(command, visits, tmp_path, monkeypatch) < 4
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


async def test_a_player_has_one_app_however_often_it_is_opened(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "PATIENCE", 0.2)
    monkeypatch.setattr(workshop_server.sys, "executable", app_that(tmp_path, "exec sleep 600"))
    played, at, _ = room
    most = []
    hold = visit.hold

    async def counted(*what: object) -> web.WebSocketResponse:
        most.append(played.guests)
        return await hold(*what)  # type: ignore[arg-type]

    monkeypatch.setattr(visit, "hold", counted)
    ada = await player(at, "Ada")
    played.workshop.start()

    async def opened() -> ClientWebSocketResponse | None:
        try:
            return await ada.ws_connect("/ws")
        except ClientError:
            return None

    for _ in range(2):
        await asyncio.gather(*(opened() for _ in range(6)))
    assert set(most) == {1}
    await until(lambda: played.guests == 1)
    await ada.close()
    await until(lambda: played.guests == 0)


async def test_no_window_makes_the_app_draw_more_than_a_browser_shows() -> None:
    visitor = GuestApp(lambda: ReplayDeployment(incident(), "a"), "a")
    async with visitor.run_test(size=(80, 24)) as pilot:
        await visitor.on_event(events.Resize.from_dimensions((10**9, 10**9), None))
        assert visitor.size == (WIDEST, TALLEST)
        await visitor.on_event(events.Resize.from_dimensions((80, 24), None))
        await pilot.pause()


def test_an_app_ends_with_its_server_whatever_it_is_doing() -> None:
    busy = "from rca_tui import tether\ntether.hold()\nprint(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as app:
        assert app.stdin is not None and app.stdout is not None
        app.stdout.readline()
        app.stdin.write(b"unread")
        app.stdin.flush()
        with pytest.raises(subprocess.TimeoutExpired):
            app.wait(0.5)
        app.stdin.close()
        assert app.wait(60) == 1


async def test_methods_that_break_end_neither_room_nor_drill(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    played, at, clock = room

    def broken(*_: object) -> None:
        raise MemoryError("no memory")

    monkeypatch.setattr("rca_tui.room.answers.add", broken)
    ada = await player(at, "Ada")
    played.workshop.start()
    clock.now = PAGE
    assert (await ada.post("/guess", data={"nobody": "yes", "sure": "50"})).status == 204
    played.workshop.reveal()
    await until(lambda: "the methods' answers are missing" in played.workshop.problem)
    await ada.close()
