"""A workshop: join, guess, reveal, scoreboard; over HTTP, without a browser and without an app."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from typer.testing import CliRunner

from cluster.incident import library
from cluster.incident.model import Incident
from cluster.incident.tiny import slow_replica
from cluster.incident.truth import Truth
from faults import scenario_library, scoreboard
from faults.scoreboard import Result
from methods.running import runner
from rca_tui.__main__ import app
from rca_tui.drill import choice
from rca_tui.room import answers, rounds
from rca_tui.room.lesson import Guess, Refusal, Stage, Workshop, guess_of
from rca_tui.room.pager import page_time
from rca_tui.room.rounds import ANY, Recorded
from rca_tui.room.workshop_server import WorkshopServer

COMPONENTS = ("gateway", "replica-1", "replica-2")
RIGHT, WRONG = Guess(("replica-1",), "freeze", 0.9), Guess(("gateway",), "crash", 0.9)
PAGE = 100.0
Client = TestClient[web.Request, web.Application]


class Clock:
    """Seconds that pass when a test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def workshop(path: Path | None = None, clock: Clock | None = None, places: int = 3) -> Workshop:
    starves = scenario_library.find("one-replica-starves")[1]
    first = Recorded("starves", starves, "one", COMPONENTS, Truth(("replica-1",), "freeze", 0.0), PAGE, 1.0)
    second = Recorded("two", ANY, "two", COMPONENTS, Truth((), "none", 0.0), PAGE, 1.0)
    kept: list[Result] = []
    return Workshop((first, second), path, places, kept.append, clock or Clock())


def test_nobody_sees_a_guess_before_the_reveal(tmp_path: Path) -> None:
    clock = Clock()
    room = workshop(tmp_path / "session.jsonl", clock)
    ada, bob = room.join("Ada"), room.join("Bob")
    room.start()
    clock.now = PAGE + 60
    room.hint(ada)
    room.commit(ada, RIGHT)
    assert [(r["player"], r["committed"], r["guess"], r["score"]) for r in room.board()] == [
        ("Ada", True, None, None),
        ("Bob", False, None, None),
    ]
    room.commit(bob, WRONG)
    room.reveal()
    # 50 components + 20 fault + 15 × (1 - 60/300) speed + 15 × (1 - 0.1²) - 5 for the hint; Bob: 15 × (1 - 0.9²)
    assert [(r["player"], r["score"]["points"]) for r in room.board()] == [("Ada", 91.8), ("Bob", 2.8)]
    events = [json.loads(line) for line in (tmp_path / "session.jsonl").read_text().splitlines()]
    assert [e["event"] for e in events] == ["join", "join", "start", "hint", "guess", "guess", "reveal"]
    assert events[-1]["truth"]["fault"] == "freeze"
    assert "truth" not in str(events[:-1])


@pytest.mark.slow
def test_the_methods_answer_on_what_the_room_had_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def one_method(incident: Incident, **options: Any) -> Any:
        seen.append(incident.window.end)
        return iter(()) if options["cancelled"].is_set() else run(incident, ["nsigma"])

    run = runner.run
    monkeypatch.setattr(runner, "run", one_method)
    clock = Clock()
    (played,) = rounds.load(["drill-05"], speed=2.0)
    room = Workshop((played,), None, 3, lambda result: scoreboard.add(result, tmp_path), clock)
    asked: list[Any] = []
    room.asked = lambda *what: asked.append(what)
    ada = room.join("Ada")
    room.start()
    clock.now = (played.paged or 0.0) + 20.0
    room.commit(ada, Guess((), "", 0.5))
    clock.now += 100.0
    room.reveal()
    (before,) = scoreboard.results(tmp_path)
    assert not before.methods and before.verdict is None
    stopped = threading.Event()
    stopped.set()
    for event in (stopped, threading.Event()):
        answers.add(*asked[0], room.keep, event)
        (after,) = scoreboard.results(tmp_path)
        assert set(after.methods) == (set() if event is stopped else {"nsigma"})
    assert after.verdict is not None and after.score == before.score
    start = float(library.load("drill-05").telemetry.metrics.index[0])
    assert seen[-1] == pytest.approx(start + 2.0 * (clock.now - 100.0), abs=2.0)
    assert {one.name for one in scoreboard.comparisons([after])} == {"nsigma", "guessing", "verdict"}


def test_scores_go_where_all_scores_are(tmp_path: Path) -> None:
    clock = Clock()
    room = workshop(clock=clock)
    room.keep = lambda result: scoreboard.add(result, tmp_path)
    ada, _ = room.join("Ada"), room.join("Bob")
    room.start()
    clock.now = PAGE
    room.commit(ada, RIGHT)
    room.reveal()
    (kept,) = scoreboard.results(tmp_path)
    assert (kept.player, kept.scenario, kept.incident, kept.components) == ("Ada", "starves", "one", ("replica-1",))
    assert kept.score.points == 99.8


def test_what_cannot_be_done_now_is_refused() -> None:
    clock = Clock()
    room = workshop(clock=clock)
    ada = room.join(" Ada\x1b[2J ")
    with pytest.raises(Refusal, match="no drill plays"):
        room.commit(ada, RIGHT)
    with pytest.raises(Refusal, match="nothing to reveal"):
        room.reveal()
    room.start()
    for step in (lambda: room.commit(ada, RIGHT), lambda: room.hint(ada)):
        with pytest.raises(Refusal, match="page has not come"):
            step()
    clock.now = PAGE
    with pytest.raises(Refusal, match="no component 'nonsense'"):
        room.commit(ada, Guess(("nonsense",), "", 0.5))
    for _ in room.current.hints:
        room.hint(ada)
    with pytest.raises(Refusal, match="no more hints"):
        room.hint(ada)
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


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({}, "say who is at fault: choose components, or nobody"),
        ({"fault": "freeze", "sure": "50"}, "say who is at fault: choose components, or nobody"),
        ({"component": "replica-1", "nobody": "yes", "sure": "50"}, "choose components or nobody, not both"),
        ({"nobody": "yes"}, "say how sure you are, from 0 to 100 %"),
        ({"nobody": "yes", "sure": "very"}, "say how sure you are, from 0 to 100 %"),
        ({"nobody": "yes", "sure": "nan"}, "say how sure you are, from 0 to 100 %"),
        ({"component": "replica-1", "sure": "101"}, "say how sure you are, from 0 to 100 %"),
        ({"component": "replica-1", "sure": "-1"}, "say how sure you are, from 0 to 100 %"),
        (
            {"component": "replica-1", "fault": "foo", "sure": "50"},
            "there is no fault 'foo': choose one of the list, or leave it open",
        ),
        ({"component": "nonsense", "sure": "50"}, "there is no component 'nonsense': choose from those shown"),
    ],
)
async def test_what_is_no_guess_is_refused_with_a_sentence(served: Served, form: dict[str, str], why: str) -> None:
    server, at, clock = served
    ada = await player(at, "Ada")
    server.workshop.start()
    clock.now = PAGE
    answer = await ada.post("/guess", data=form)
    assert (answer.status, await answer.text()) == (409, why)
    (here,) = server.workshop.players.values()
    assert here.guess is None
    await ada.close()


async def test_nobody_is_chosen_and_how_sure_is_typed(served: Served) -> None:
    server, at, clock = served
    ada = await player(at, "Ada")
    server.workshop.start()
    clock.now = PAGE
    bar = await (await ada.get("/bar")).text()
    assert "name=nobody" in bar
    assert "name=sure type=number min=0 max=100 step=any required" in bar
    assert "checked" not in bar
    assert (await ada.post("/guess", data={"nobody": "yes", "fault": "none", "sure": "60"})).status == 204
    (here,) = server.workshop.players.values()
    assert here.guess == Guess((), "none", 0.6)
    await ada.close()


@pytest.mark.parametrize("fault", ["", "none", "crash", "freeze"])
def test_a_fault_of_the_list_or_none_or_left_open_is_a_guess(fault: str) -> None:
    assert guess_of(["gateway", "gateway"], False, fault, "70", ("crash", "freeze")) == Guess(("gateway",), fault, 0.7)


class Failing(Recorded):
    """A live drill that was aborted."""

    ended = False

    def give_up(self) -> None:
        self.truth, self.problem, self.ended = None, "too many requests failed", True


def test_a_live_drill_that_comes_to_nothing_is_said_and_played_again() -> None:
    clock = Clock()
    room = workshop(clock=clock)
    failing = Failing("live", ANY, "", COMPONENTS, Truth((), "none", 0.0), PAGE, 1.0)
    room.rounds = (failing,)
    ada = room.join("Ada")
    room.start()
    clock.now = PAGE
    room.commit(ada, RIGHT)
    room.reveal()
    assert room.stage is Stage.ENDING, "the fault is being undone"
    with pytest.raises(Refusal, match="reveal it first"):
        room.start()
    assert room.board()[0]["score"] is None
    failing.give_up()
    room.settle()
    assert room.stage is Stage.LOBBY
    assert "too many requests failed" in room.problem
    room.start()
    assert room.problem == ""
    assert room.board()[0]["committed"] is False


def test_names_are_unique_and_the_room_has_an_end() -> None:
    room = workshop()
    room.join("Ada")
    for name in ("ada", "", "   "):
        with pytest.raises(Refusal):
            room.join(name)
    room.join("Bob")
    room.join("Eve")
    with pytest.raises(Refusal, match="this machine holds no more"):
        room.join("one more")


def test_the_page_comes_when_the_front_door_is_slow_or_fails() -> None:
    times = pd.Index([float(t) for t in range(200)])
    latency = [0.4] * 120 + [3.0] * 80
    slow = pd.DataFrame({("gateway", "latency_p90"): latency, ("gateway", "error_ratio"): 0.0}, index=times)
    at = page_time(slow, "gateway", 100.0)
    assert at is not None
    assert 127 <= at <= 129, "once most of the last 15 s are slow"
    failing = slow.assign()
    failing["gateway", "error_ratio"] = [0.0] * 150 + [1.0] * 50
    failing["gateway", "latency_p90"] = 0.4
    assert page_time(failing, "gateway", 100.0) == 150.0
    healthy = slow.copy()
    healthy["gateway", "latency_p90"] = 0.4
    assert page_time(healthy, "gateway", 100.0) is None
    assert page_time(slow, None, 100.0) is None


@pytest.mark.parametrize(
    ("target", "fault", "does"),
    [("replica-1", "cpu-stress", True), ("gateway", "cpu-stress", False), ("replica-1", "freeze", False)],
)
def test_a_scenario_is_played_on_a_recording_that_fits(target: str, fault: str, does: bool) -> None:
    monday = choice.Recording("monday", False, Truth((target,), fault, 0.0), slow_replica().topology)
    assert choice.fits(monday, scenario_library.find("one-replica-starves")[1]) is does


@pytest.mark.slow
def test_shipped_drills_are_played() -> None:
    one, other = rounds.load(["one-replica-starves", "drill-05"])
    assert one.truth.fault in ("cpu-stress", "cpu-throttle")
    assert one.incident != "one-replica-starves"
    one.begin(0.0)
    assert one.paged is not None
    assert 100 < one.paged < 240
    assert (other.name, other.incident) == ("drill-05", "drill-05")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[tuple[WorkshopServer, TestServer, Clock]]:
    clock = Clock()
    server = WorkshopServer(workshop(clock=clock), ("crash", "freeze"), "127.0.0.1", 8000, "", tmp_path / "apps.log")
    async with TestServer(await server.make_app()) as at:
        yield server, at, clock


Served = tuple[WorkshopServer, TestServer, Clock]


async def player(at: TestServer, name: str) -> Client:
    client = TestClient(at, cookie_jar=CookieJar(unsafe=True))
    answer = await client.post("/join", data={"name": name})
    assert answer.status == 200
    return client


async def test_a_round_from_join_to_the_scoreboard(served: Served) -> None:
    server, at, clock = served
    ada, bob = await player(at, "<script>Ada"), await player(at, "Bob")
    lead = TestClient(at, cookie_jar=CookieJar(unsafe=True))
    assert (await lead.get(f"/instructor?key={server.key}")).status == 200
    assert (await lead.post("/instructor/start")).status == 204
    assert "learn what healthy looks like" in await (await ada.get("/bar")).text()
    assert (await ada.post("/guess", data={"nobody": "yes", "sure": "50"})).status == 409
    clock.now = PAGE
    bar = await (await ada.get("/bar")).text()
    assert "Who is at fault?" in bar
    assert "Latency p90 at the front door" in bar
    assert "Compare the edges" not in bar
    assert (await ada.post("/hint")).status == 204
    assert "Compare the edges" in await (await ada.get("/bar")).text()
    committed = await ada.post("/guess", data={"component": "replica-1", "fault": "freeze", "sure": "90"})
    assert committed.status == 204
    assert (await ada.post("/guess", data={"nobody": "yes", "sure": "50"})).status == 409
    assert "in: replica-1, freeze, 90% sure" in await (await ada.get("/bar")).text()
    for page in ("/bar", "/board/now"):
        seen = await (await bob.get(page)).text()
        assert "freeze on" not in seen
        assert "90% sure" not in seen
        assert "Compare the edges" not in seen
    assert (await lead.post("/instructor/reveal")).status == 204
    board = await (await bob.get("/board/now")).text()
    assert "freeze on replica-1" in board
    assert "Compare a replica with its peers" in await (await bob.get("/bar")).text()
    assert "94.8" in board
    assert "&lt;script&gt;Ada" in board
    assert "<script>Ada" not in board
    assert "freeze on replica-1" in await (await lead.get("/instructor/now")).text()
    for client in (ada, bob, lead):
        await client.close()


async def test_a_player_is_no_instructor_and_a_stranger_no_player(served: Served) -> None:
    _, at, _ = served
    ada, stranger = await player(at, "Ada"), TestClient(at)
    for path in ("/instructor", "/instructor/now", "/instructor?key=guess"):
        assert (await ada.get(path)).status == 403
    for path in ("/instructor/reveal", "/instructor/start"):
        assert (await ada.post(path)).status == 403
    assert (await ada.get("/ws")).status == 409
    for path in ("/bar", "/ws"):
        assert (await stranger.get(path)).status == 403
    assert (await stranger.post("/hint")).status == 403
    forged = {"Origin": "http://evil.example"}
    assert (await ada.post("/guess", data={"sure": "1"}, headers=forged)).status == 403
    await ada.close()
    await stranger.close()


async def test_an_app_too_many_is_refused_with_a_sentence(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    _, at, _ = served
    ada = await player(at, "Ada")
    monkeypatch.setattr("rca_tui.room.server.places", lambda: 0)
    answer = await ada.get("/app")
    assert answer.status == 503
    assert "this machine holds no more" in await answer.text()
    await ada.close()


def test_what_cannot_be_played_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    shown = CliRunner().invoke(app, ["workshop", "no-such-drill"])
    assert shown.exit_code == 2
    assert "there is neither a scenario nor an incident 'no-such-drill'" in shown.output
    for given, meant in (("one-replica-starve", "one-replica-starves"), ("drill-5", "drill-05")):
        shown = CliRunner().invoke(app, ["workshop", given])
        assert shown.exit_code == 2
        assert f"did you mean {meant}?" in shown.output
    # A scenario of the user's that no recording fits.
    text = (scenario_library.SHIPPED / "one-replica-starves.yaml").read_text()
    own = tmp_path / "own.yaml"
    own.write_text(text.replace("targets: [replica]", "targets: [no-such-pod]"))
    live = CliRunner().invoke(app, ["workshop", "slow-link", "--live"])
    assert live.exit_code == 2
    assert "--yes" in live.output
    watched = CliRunner().invoke(
        app, ["workshop", "one-replica-starves", "--targets", "http://127.0.0.1:9/metrics", "--live", "--yes"]
    )
    assert watched.exit_code == 2
    assert "none of what may go wrong in this scenario can be injected" in watched.output
    assert "players:" not in watched.output
    elsewhere = CliRunner().invoke(app, ["--context", "lab", "workshop", "slow-link"])
    assert elsewhere.exit_code == 2
    assert "add --live" in elsewhere.output
    shown = CliRunner().invoke(app, ["workshop", str(own)])
    assert shown.exit_code == 2
    assert "no recording here fits the scenario" in shown.output
