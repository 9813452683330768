"""A workshop: join, guess, reveal, scoreboard; over HTTP, without a browser and without an app."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from typer.testing import CliRunner

from cluster.incident.truth import Truth
from rca_tui.__main__ import app
from rca_tui.room.lesson import MOST_PLAYERS, Guess, Refusal, Round, Workshop, guess_of, points
from rca_tui.room.workshop_server import WorkshopServer

TRUTH = Truth(("replica-1",), "freeze", 0.0)
COMPONENTS = ("gateway", "replica-1", "replica-2")
RIGHT, WRONG = Guess(("replica-1",), "freeze", 0.9), Guess(("gateway",), "crash", 0.9)
Client = TestClient[web.Request, web.Application]


def workshop(path: Path | None = None) -> Workshop:
    return Workshop((Round("one", COMPONENTS, TRUTH), Round("two", COMPONENTS, Truth((), "none", 0.0))), path)


def test_points_are_for_components_kind_and_calibration() -> None:
    assert points(RIGHT, TRUTH) == 99.9
    assert points(Guess(("replica-1",), "crash", 1.0), TRUTH) == 80
    assert points(Guess(("replica-1", "gateway"), "freeze", 0.0), TRUTH) == pytest.approx(76.7)
    assert points(WRONG, TRUTH) == 1.9
    assert points(Guess((), "none", 1.0), Truth((), "none", 0.0)) == 100


def test_nobody_sees_a_guess_before_the_reveal(tmp_path: Path) -> None:
    room = workshop(tmp_path / "session.jsonl")
    ada, bob = room.join("Ada"), room.join("Bob")
    room.start()
    room.commit(ada, RIGHT)
    assert [(r["player"], r["committed"], r["guess"], r["points"]) for r in room.board()] == [
        ("Ada", True, None, None),
        ("Bob", False, None, None),
    ]
    room.commit(bob, WRONG)
    room.reveal()
    assert [(r["player"], r["points"], r["total"]) for r in room.board()] == [("Ada", 99.9, 99.9), ("Bob", 1.9, 1.9)]
    events = [json.loads(line) for line in (tmp_path / "session.jsonl").read_text().splitlines()]
    assert [e["event"] for e in events] == ["join", "join", "start", "guess", "guess", "reveal"]
    assert events[-1]["truth"]["fault"] == "freeze"


def test_what_cannot_be_done_now_is_refused() -> None:
    room = workshop()
    ada = room.join(" Ada\x1b[2J ")
    with pytest.raises(Refusal, match="nothing to guess"):
        room.commit(ada, RIGHT)
    with pytest.raises(Refusal, match="nothing to reveal"):
        room.reveal()
    room.start()
    for bad in (Guess(("nonsense",), "x", 0.5), Guess((), "x", 1.5), Guess((), "x", float("nan"))):
        with pytest.raises(Refusal, match="no guess"):
            room.commit(ada, bad)
    room.commit(ada, RIGHT)
    with pytest.raises(Refusal, match="final"):
        room.commit(ada, WRONG)
    with pytest.raises(Refusal, match="reveal it first"):
        room.start()
    room.reveal()
    room.start()
    room.reveal()
    with pytest.raises(Refusal, match="last"):
        room.start()
    with pytest.raises(Refusal, match="percent"):
        guess_of([], "x", "very")


def test_names_are_unique_and_the_room_has_an_end() -> None:
    room = workshop()
    room.join("Ada")
    for name in ("ada", "", "   "):
        with pytest.raises(Refusal):
            room.join(name)
    for number in range(MOST_PLAYERS - 1):
        room.join(f"player {number}")
    with pytest.raises(Refusal, match="players are here already"):
        room.join("one more")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[WorkshopServer, TestServer]]:
    server = WorkshopServer(workshop(), ("crash", "freeze"), "127.0.0.1", 8000, "", tmp_path / "apps.log")
    async with TestServer(await server.make_app()) as at:
        yield server, at


async def player(at: TestServer, name: str) -> Client:
    client = TestClient(at, cookie_jar=CookieJar(unsafe=True))
    answer = await client.post("/join", data={"name": name})
    assert answer.status == 200
    return client


async def test_a_round_from_join_to_the_scoreboard(served: tuple[WorkshopServer, TestServer]) -> None:
    server, at = served
    ada, bob = await player(at, "<script>Ada"), await player(at, "Bob")
    lead = TestClient(at, cookie_jar=CookieJar(unsafe=True))
    assert (await lead.get(f"/instructor?key={server.key}")).status == 200
    assert (await lead.post("/instructor/start")).status == 200
    assert "Who is at fault?" in await (await ada.get("/bar")).text()
    committed = await ada.post("/guess", data={"component": "replica-1", "kind": "freeze", "sure": "90"})
    assert committed.status == 200
    assert (await ada.post("/guess", data={"kind": "none", "sure": "50"})).status == 409
    for page in ("/bar", "/board/now"):
        seen = await (await bob.get(page)).text()
        assert "freeze on" not in seen
        assert "90% sure" not in seen
    assert (await lead.post("/instructor/reveal")).status == 200
    board = await (await bob.get("/board/now")).text()
    assert "freeze on replica-1" in board
    assert "99.9" in board
    assert "&lt;script&gt;Ada" in board
    assert "<script>Ada" not in board
    await ada.close()
    await bob.close()
    await lead.close()


async def test_a_player_is_no_instructor_and_a_stranger_no_player(served: tuple[WorkshopServer, TestServer]) -> None:
    _, at = served
    ada, stranger = await player(at, "Ada"), TestClient(at)
    for path in ("/instructor", "/instructor?key=guess"):
        assert (await ada.get(path)).status == 403
    assert (await ada.post("/instructor/reveal")).status == 403
    assert (await ada.get("/ws")).status == 409
    for path in ("/bar", "/ws"):
        assert (await stranger.get(path)).status == 403
    forged = {"Origin": "http://evil.example"}
    assert (await ada.post("/guess", data={"kind": "none", "sure": "1"}, headers=forged)).status == 403
    await ada.close()
    await stranger.close()


def test_an_incident_without_a_truth_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    shown = CliRunner().invoke(app, ["workshop", "no-such-drill"])
    assert shown.exit_code == 2
    assert "no-such-drill" in shown.output
