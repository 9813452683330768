"""The verdict's card on Diagnose, its line in every header, and when a diagnosis runs by itself."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest
import synthetic
from driving import NOW, app_over, running, settle, until, visible
from verdicts import NOBODY, UNKNOWN, verdict

from cluster.deployment import DeploymentError, Samples
from cluster.window import Window
from methods.running import runner
from methods.running.pool import Pool
from methods.verdict import decision
from methods.verdict.types import Action, Evidence, Suspect, Verdict
from rca_tui.app import RcaApp
from rca_tui.screens.diagnose import DiagnosePage
from rca_tui.screens.dialogs import Notice
from rca_tui.session import Session
from rca_tui.widgets.card import Card, Command
from rca_tui.widgets.header import Answer as Line
from rca_tui.work import messages
from rca_tui.work.diagnosis import Diagnoser, diagnose
from rca_tui.work.polling import Poller

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")
PREPARE = Diagnoser.prepare


def replay() -> RcaApp:
    return app_over(synthetic.Replay(synthetic.incident()), first=DiagnosePage.MODE)


async def decided(pilot: Any) -> None:
    await until(pilot, lambda: pilot.app.session.diagnosis is not None and not pilot.app.session.diagnosis.running)
    await settle(pilot)


async def decided_anew(pilot: Any) -> None:
    """R, and its answers: on a busy machine the key may have no effect yet when it has been pressed."""
    before = pilot.app.session.diagnosis
    await pilot.press("R")
    await until(pilot, lambda: pilot.app.session.diagnosis is not before)
    await decided(pilot)


# -- by itself ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("ranked_here")
async def test_a_recording_is_diagnosed_when_it_is_opened_and_the_card_opens_first() -> None:
    app = replay()
    async with running(app) as pilot:
        await decided(pilot)
        assert app.current_mode == "diagnose" and isinstance(app.focused, Card)
        text = visible(pilot)
        assert "replica-1" in text and "strong, 97 %" in text and "starved of CPU" in text and "nobody" in text
        assert app.session.diagnosis is not None and not app.session.diagnosis.quick


@pytest.mark.usefixtures("ranked_here")
async def test_a_process_for_the_methods_starts_before_a_recording_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(Pool, "start", lambda _: order.append("process"))
    monkeypatch.setattr(Diagnoser, "prepare", PREPARE)
    app = RcaApp(lambda: order.append("read") or synthetic.Replay(synthetic.incident()), first=DiagnosePage.MODE)
    async with running(app) as pilot:
        await decided(pilot)
        assert order == ["process", "read"]


def test_a_process_that_starts_while_the_app_is_left_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    diagnoser = Diagnoser(Session("a"), lambda _: None)
    ended: list[bool] = []
    monkeypatch.setattr(Pool, "start", lambda _: diagnoser.cancel())  # in the other thread
    monkeypatch.setattr(Pool, "close", lambda _: ended.append(True))
    PREPARE(diagnoser)
    assert ended == [True] and diagnoser._pool is None


def test_the_process_of_a_run_that_never_started_is_for_the_run_that_replaced_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[Pool] = []
    monkeypatch.setattr(Pool, "start", lambda _: None)
    monkeypatch.setattr(Pool, "close", lambda pool: ended.append(pool))
    used: list[Pool] = []
    monkeypatch.setattr("rca_tui.work.diagnosis.diagnose", lambda *given: used.append(given[3]))
    deployment = synthetic.Replay(synthetic.incident())
    diagnoser = Diagnoser(Session("a"), lambda _: None)
    PREPARE(diagnoser)
    prepared = diagnoser._pool
    snapshot = Poller(lambda: deployment, lambda: NOW).poll()
    replaced, _ = diagnoser.begin(snapshot, deployment, quick=True)
    work, _ = diagnoser.begin(snapshot, deployment, quick=False)
    work()
    replaced()
    assert used == ended == [prepared]


async def test_no_process_starts_ahead_for_a_live_deployment_without_telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    class Down(synthetic.Live):
        def samples(self, *_: object) -> Samples:
            raise DeploymentError("no Prometheus")

    prepared: list[None] = []
    monkeypatch.setattr(Diagnoser, "prepare", lambda _: prepared.append(None))
    app = app_over(Down())
    async with running(app) as pilot:
        await pilot.press("escape", "4")
        await until(pilot, lambda: app.current_mode == "diagnose")
        app._start_poll()
        await settle_of_failed(app)
        assert app.session.latest is None and not prepared


async def settle_of_failed(app: RcaApp) -> None:
    while any(not worker.is_finished for worker in app.workers):
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("ranked_here")
async def test_a_healthy_live_deployment_opens_on_overview_and_is_left_alone() -> None:
    app = app_over(synthetic.Live())
    async with running(app):
        app._start_poll()
        await settle_of(app)
        assert app.current_mode == "overview" and app.session.diagnosis is None


async def settle_of(app: RcaApp) -> None:
    await app.workers.wait_for_complete()


@pytest.mark.usefixtures("ranked_here")
async def test_a_live_deployment_is_diagnosed_by_the_quick_methods_when_diagnose_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[list[str]] = []
    run = runner.run
    monkeypatch.setattr(runner, "run", lambda incident, names, **more: asked.append(names) or run(incident))
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        await pilot.press("4")
        await decided(pilot)
        assert len(asked) == 1 and "baro" in asked[0] and "causalrca" not in asked[0]
        assert "R runs all" in visible(pilot)
        await pilot.press("1", "4")
        await settle(pilot)
        assert len(asked) == 1


@pytest.mark.usefixtures("ranked_here")
async def test_a_live_deployment_in_trouble_opens_on_the_card() -> None:
    app = app_over(synthetic.Live(), first="overview")
    app.alarm.rings = lambda _: True  # type: ignore[method-assign]
    async with running(app) as pilot:
        await decided(pilot)
        assert app.current_mode == "diagnose"
        assert app.session.diagnosis is not None and app.session.diagnosis.quick


@pytest.mark.usefixtures("ranked_here")
async def test_answers_that_the_operator_asked_for_are_not_replaced_by_the_alarm() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        await pilot.press("4")
        await decided(pilot)
        await decided_anew(pilot)
        kept = app.session.diagnosis
        app.alarm.rings = lambda _: True  # type: ignore[method-assign]
        app._start_poll()
        await settle(pilot)
        assert app.session.diagnosis is kept and kept is not None and not kept.quick


# -- deciding -----------------------------------------------------------------------------------------------------


def test_the_verdict_is_decided_first_after_the_quick_methods_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch, ranked_here: None
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(decision, "decide", lambda _, results: seen.append(len(results)) or verdict())
    posted: list[Any] = []
    diagnose(synthetic.incident(), None, posted.append, Pool(), threading.Event())
    assert seen[0] == 0 and len(seen) <= 3
    kinds = [type(message) for message in posted]
    assert kinds.index(messages.Decided) < kinds.index(messages.MethodAnswered)
    assert kinds[-1] is messages.DiagnosisEnded


@pytest.mark.usefixtures("ranked_here")
async def test_a_verdict_that_fails_is_said_once_and_the_methods_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Verdict:
        raise ValueError("no such signal")

    monkeypatch.setattr(decision, "decide", fails)
    app = replay()
    async with running(app) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Notice))
        assert "no such signal" in visible(pilot)
        await pilot.press("escape")
        await decided(pilot)
        assert app.session.verdict is None and app.session.diagnosis is not None and app.session.diagnosis.results
        assert "There is no verdict" in visible(pilot)


# -- the card -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("ranked_here")
async def test_a_command_is_copied_as_it_stands_and_the_card_as_a_whole() -> None:
    app = replay()
    async with running(app) as pilot:
        await decided(pilot)
        await pilot.press("y")
        assert "kubectl top pod" in app.clipboard and "circa blames head" in app.clipboard
        await pilot.press("tab", "tab")
        assert isinstance(app.focused, Command)
        await pilot.press("enter")
        assert app.clipboard == "kubectl label pod replica-1 serve-"
        assert app.screen.query_one(Card).scroll_y > 0
        await pilot.press("n")
        await settle(pilot)
        assert app.screen.query_one(Card).scroll_y == 0 and "replica-1  strong" in visible(pilot)
        await pilot.press("v")
        assert isinstance(app.focused, Card)


@pytest.mark.usefixtures("ranked_here")
@pytest.mark.parametrize(("answer", "says"), [(NOBODY, "Nobody is at fault"), (UNKNOWN, "Cannot tell")])
async def test_nobody_and_cannot_tell_are_answers_too(
    monkeypatch: pytest.MonkeyPatch, answer: Verdict, says: str
) -> None:
    monkeypatch.setattr(decision, "decide", lambda *_: answer)
    app = replay()
    async with running(app) as pilot:
        await decided(pilot)
        assert visible(pilot).count(says) == 1, "on the card: here the header does not repeat it"
        await pilot.press("1")
        await until(pilot, lambda: says in visible(pilot))
        await pilot.press("4")
        await settle(pilot)
        assert ("93 %" in visible(pilot)) is (answer is NOBODY)


@pytest.mark.usefixtures("ranked_here")
async def test_hostile_text_in_a_verdict_is_shown_and_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = "[red]x[/] \x1b]52;c;aGk=\x07\u202e"
    hostile = verdict(
        named=(evil,),
        suspects=(Suspect(evil, 0.97),),
        headline=f"{evil}: {evil}",
        supporting=(Evidence(evil),),
        opposing=(Evidence(evil),),
        unknown=(evil,),
        next=(evil,),
        actions=(Action(evil, f"echo {evil}\nexit"),),
    )
    monkeypatch.setattr(decision, "decide", lambda *_: hostile)
    app = replay()
    async with running(app, (160, 50)) as pilot:
        await decided(pilot)
        assert visible(pilot).count("[red]x[/]") >= 7
        assert not any(c in visible(pilot) for c in "\x1b\x07\u202e")
        for keys in (("y",), ("tab", "y")):
            await pilot.press(*keys)
            assert "[red]x[/]" in app.clipboard and not any(c in app.clipboard for c in "\x1b\x07\u202e")
        assert app.clipboard.endswith("\nexit")


@pytest.mark.usefixtures("ranked_here")
async def test_an_onset_that_is_set_later_calls_for_a_new_verdict() -> None:
    app = replay()
    async with running(app) as pilot:
        await decided(pilot)
        await pilot.press("2", "left", "o", "4")
        await settle(pilot)
        assert "R decides anew" in visible(pilot)
        await decided_anew(pilot)
        assert "R decides anew" not in visible(pilot)


# -- the header ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("ranked_here")
async def test_every_screen_has_the_verdict_in_one_line_once_there_is_one() -> None:
    app = replay()
    async with running(app) as pilot:
        await decided(pilot)
        for key in "123456":
            await pilot.press(key)
            await settle(pilot)
            said = "replica-1  strong, 97 %" if key == "4" else "replica-1, strong: latency p90"
            assert said in visible(pilot).splitlines()[2]


async def test_without_a_verdict_the_header_has_no_line_for_it() -> None:
    async with running(app_over(synthetic.Live())) as pilot:
        assert not pilot.app.screen.query_one(Line).display


@pytest.mark.usefixtures("ranked_here")
async def test_an_old_verdict_on_a_live_deployment_tells_its_age() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        await pilot.press("4")
        await decided(pilot)
        assert "ago" not in visible(pilot).splitlines()[2]
        done = app.session.diagnosis
        assert done is not None
        app.session.diagnosis = replace(done, incident=replace(done.incident, window=Window(NOW - 500, NOW - 240)))
        await settle(pilot)
        assert "4 min ago" in visible(pilot).splitlines()[2]
