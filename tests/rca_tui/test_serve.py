"""The app in a browser: who may enter, what a visitor cannot do, how many fit. Without a browser."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from driving import until
from synthetic import incident
from textual import events
from typer.testing import CliRunner

from cluster.replay import ReplayDeployment
from rca_tui.__main__ import app
from rca_tui.app import RcaApp
from rca_tui.commands.errors import BadInput
from rca_tui.commands.serve import entrance, start
from rca_tui.palette import key_hints
from rca_tui.room.guest import REMOVED, GuestApp
from rca_tui.room.server import GUEST_MEMORY, GUESTS_A_CORE, SPARE_MEMORY, AppServer, capacity
from rca_tui.screens.dialogs import Help

TOKEN = "a-token-of-the-room"
Client = TestClient[web.Request, web.Application]


def server(tmp_path: Path, token: str) -> AppServer:
    return AppServer(("true",), "127.0.0.1", 8000, token, tmp_path / "serve.log")


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Client]:
    async with TestClient(TestServer(await server(tmp_path, TOKEN).make_app())) as client:
        yield client


@pytest.fixture
async def loopback(tmp_path: Path) -> AsyncIterator[Client]:
    async with TestClient(TestServer(await server(tmp_path, "").make_app())) as client:
        yield client


async def test_without_the_token_nothing_is_served(guarded: Client) -> None:
    for path in ("/", "/ws", "/static/js/textual.js", "/?token=wrong", "/?token=%ff"):
        assert (await guarded.get(path)).status == 401, path


async def test_the_token_in_the_address_becomes_a_cookie(guarded: Client) -> None:
    first = await guarded.get(f"/?token={TOKEN}&fontsize=12", allow_redirects=False)
    assert first.status == 303
    assert first.headers["Location"] == "/?fontsize=12"
    assert "HttpOnly" in first.headers["Set-Cookie"]
    assert (await guarded.get(f"/?token={TOKEN}")).status == 200
    assert (await guarded.get("/")).status == 200


async def test_another_site_opens_neither_page_nor_socket(loopback: Client) -> None:
    assert (await loopback.get("/ws", headers={"Origin": "http://evil.example"})).status == 403
    assert (await loopback.get("/", headers={"Host": "evil.example"})).status == 403
    assert (await loopback.get("/")).status == 200


async def test_the_page_follows_the_name_that_was_used_and_loads_nothing_from_elsewhere(loopback: Client) -> None:
    answer = await loopback.get("/", headers={"Host": "localhost:1234"})
    assert 'data-session-websocket-url="ws://localhost:1234/ws"' in await answer.text()
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert answer.headers["Referrer-Policy"] == "same-origin", "else forms come with the origin null"


async def test_who_does_not_fit_is_told_so(loopback: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rca_tui.room.server.places", lambda: 0)
    answer = await loopback.get("/ws")
    assert answer.status == 503
    assert "this machine holds no more" in await answer.text()


def test_capacity_follows_memory_and_cores_and_is_never_negative() -> None:
    assert capacity(0, 2) == 0
    assert capacity(SPARE_MEMORY + 3 * GUEST_MEMORY, 2) == 3
    assert capacity(1 << 50, 2) == 2 * GUESTS_A_CORE


async def test_a_visitor_has_no_key_that_saves_opens_or_changes_anything() -> None:
    guest = GuestApp(lambda: ReplayDeployment(incident(), "a"), "a")
    async with guest.run_test(size=(100, 30)) as pilot:
        await pilot.pause(0.5)
        offered = {hint.action for hint in key_hints(guest.screen)}
        assert not offered & REMOVED
        assert not guest.session.armed
        await pilot.press("0", "7")
        await pilot.pause()
        assert guest.current_mode == "overview"
        assert not guest._notifications, "it has no way to the front page, from which a drill is played"


async def test_a_visitors_app_is_mounted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mounted: list[RcaApp] = []
    monkeypatch.setattr(RcaApp, "on_mount", lambda self: mounted.append(self))
    guest = GuestApp(lambda: ReplayDeployment(incident(), "a"), "a")
    async with guest.run_test() as pilot:
        await pilot.pause()
    assert mounted == [guest], "twice: its clock would tick twice a second"


async def test_a_look_between_a_visitors_key_and_its_effect_costs_no_key() -> None:
    guest = GuestApp(lambda: ReplayDeployment(incident(), "a"), "a")
    async with guest.run_test() as pilot:
        for opens in (True, False, True, False):
            guest.post_message(events.Key("question_mark", "?"))
            guest.call_later(guest._start_poll)
            await until(pilot, lambda opens=opens: isinstance(guest.screen, Help) is opens)


def test_an_address_for_others_needs_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RCA_TUI_TOKEN", raising=False)
    assert entrance(None) == ("127.0.0.1", "")
    assert entrance("::1") == ("::1", "")
    host, token = entrance("0.0.0.0")
    assert host == "0.0.0.0"
    assert len(token) >= 20
    assert entrance("0.0.0.0")[1] != token
    monkeypatch.setenv("RCA_TUI_TOKEN", TOKEN)
    assert entrance("10.0.0.7") == ("10.0.0.7", TOKEN)


def test_what_cannot_be_shown_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    missing = CliRunner().invoke(app, ["serve", "no-such-incident"])
    assert missing.exit_code == 2
    assert "no-such-incident" in missing.output
    nothing = CliRunner().invoke(app, ["serve"])
    assert nothing.exit_code == 2
    assert "no deployment runs on this machine" in nothing.output
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    without = CliRunner().invoke(app, ["serve", "drill-05"])
    assert "pip install 'rca-tui[serve]'" in without.output


def test_where_it_serves_is_said_once_it_listens(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        app_server = AppServer(("true",), "127.0.0.1", port, "", tmp_path / "serve.log")
        said: list[str] = []
        with pytest.raises(BadInput, match=f"cannot listen on 127.0.0.1, port {port}"):
            start(app_server, lambda: said.append("ready"))
    assert said == []

    def ready() -> None:
        socket.create_connection(("127.0.0.1", port), 5).close()
        said.append("ready")
        raise web.GracefulExit

    start(app_server, ready)
    assert said == ["ready"]
