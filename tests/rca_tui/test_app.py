"""State, keys and workers of the app, over deployments of numbers."""

from __future__ import annotations

import dataclasses
import json
import threading
from pathlib import Path
from typing import Any

import pytest
import synthetic
from driving import NOW, Engine, app_over, open_faults, running, settle, until, visible
from textual.widgets import Button, Input, Static

from cluster.deployment import DeploymentError, Liveness, Status
from faults.states import State
from rca_tui.app import RcaApp
from rca_tui.bindings import KeymapError, read_keymap
from rca_tui.palette import key_hints
from rca_tui.screens.dialogs import Confirm, Help, Notice
from rca_tui.screens.faults import FaultsPage
from rca_tui.session import Injection, Request
from rca_tui.work import messages
from rca_tui.work.polling import Poller

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")


async def test_header_says_what_is_live_and_read_only() -> None:
    async with running(app_over(synthetic.Live())) as pilot:
        top = visible(pilot).splitlines()[0]
        assert "local" in top and "READ-ONLY" in top and "LIVE" in top and "ARMED" not in top


async def test_header_of_a_replay_says_so_and_when_it_was() -> None:
    async with running(app_over(synthetic.Replay(synthetic.incident()))) as pilot:
        assert "REPLAY 2023-11-14 22:13" in visible(pilot).splitlines()[0]


async def test_data_that_grows_old_is_stale_while_a_poll_hangs() -> None:
    """The age grows by the clock, not by answers."""
    now = [synthetic.START + synthetic.LENGTH]
    hang, hanging, release = threading.Event(), threading.Event(), threading.Event()

    class Hanging(synthetic.Live):
        def samples(self, *arguments: Any, **options: Any) -> Any:
            if hang.is_set():
                assert not hanging.is_set(), "a second poll began while the first one hung"
                hanging.set()
                release.wait(60)
            return super().samples(*arguments, **options)

    deployment = Hanging()
    app = RcaApp(lambda: deployment, clock=lambda: now[0])
    try:
        async with running(app) as pilot:
            assert "LIVE" in visible(pilot) and "no trouble: all components are as before" in visible(pilot)
            hang.set()
            app._tick()
            await until(pilot, hanging.is_set)
            now[0] += 42
            for _ in range(3):
                app._tick()
            await pilot.pause()
            assert "STALE 43 s" in visible(pilot)
            assert "no trouble: all components are as before" not in visible(pilot)
            assert "no newer telemetry: at " in visible(pilot)
            await pilot.press("2")
            assert app.current_mode == "telemetry"
            hang.clear()
            release.set()
    finally:
        release.set()


async def test_the_app_begins_on_the_screen_that_is_asked_for() -> None:
    app = RcaApp(lambda: synthetic.Replay(synthetic.incident()), first="diagnose")
    async with running(app) as pilot:
        await until(pilot, lambda: app.current_mode == "diagnose")


async def test_a_deployment_that_is_down_is_said_once_and_comes_back() -> None:
    down = [True]

    def connect() -> Any:
        if down[0]:
            raise DeploymentError("no deployment runs here; start one with `rca-tui up`")
        return synthetic.Live()

    app = RcaApp(connect, name="local", clock=lambda: synthetic.START + synthetic.LENGTH)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Notice))
        assert "rca-tui up" in visible(pilot)
        await pilot.press("escape")
        app._start_poll()
        await until(pilot, lambda: not any(w.group == "poll" and not w.is_finished for w in app.workers))
        await pilot.pause()
        assert not isinstance(app.screen, Notice)
        app._tick()
        await pilot.pause()
        assert "DOWN" in visible(pilot).splitlines()[0]
        down[0] = False
        app._start_poll()
        await until(pilot, lambda: app.session.latest is not None)
        await pilot.pause()
        assert "LIVE" in visible(pilot).splitlines()[0]


async def test_pause_holds_the_display_and_not_the_data() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        await pilot.press("space")
        held = app.session.displayed
        app._start_poll()
        await settle(pilot)
        assert app.session.displayed is held and app.session.latest is not held
        assert "PAUSED" in visible(pilot)
        await pilot.press("space")
        assert app.session.displayed is app.session.latest


async def test_copy_goes_to_the_clipboard() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        await pilot.press("y")
        first, second, *_ = app.clipboard.splitlines()
        assert first.startswith("local, 2023-11-14 22:13:") and first.endswith(" UTC")
        assert second.startswith("component\t")
        assert any(line.startswith("replica-1\t") for line in app.clipboard.splitlines())


async def test_help_and_palette_know_nothing_of_injecting_when_read_only() -> None:
    for armed in (False, True):
        app = app_over(synthetic.Live(), armed=armed, engine=Engine())
        async with running(app) as pilot:
            await open_faults(pilot)
            assert ("Inject" in [one.label for one in key_hints(app.screen)]) is armed
            assert ("Inject" in [c.title for c in app.get_system_commands(app.screen)]) is armed
            assert ("Inject" in visible(pilot)) is armed
            await pilot.press("question_mark")
            assert isinstance(app.screen, Help)
            assert ("nject" in visible(pilot)) is armed


async def test_keys_are_rebindable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "keys" / "rca-tui"
    folder.mkdir(parents=True)
    (folder / "keys.json").write_text(json.dumps({"show.telemetry": "f2"}))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "keys"))
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        await pilot.press("2")
        assert app.current_mode == "overview"
        await pilot.press("f2")
        assert app.current_mode == "telemetry"


@pytest.mark.parametrize("content", ["{", "[]", '{"quit": 3}'])
def test_a_broken_key_map_is_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(KeymapError, match=r"the key map .*keys\.json"):
        read_keymap(path)


async def inject(pilot: Any) -> None:
    """From the Faults screen to an active fault on replica-0."""
    await open_faults(pilot)
    await pilot.press("I")
    await until(pilot, lambda: isinstance(pilot.app.screen, Confirm))
    pilot.app.screen.query_one("#word", Input).value = "replica-0"
    await pilot.pause()
    pilot.app.screen.query_one("#go", Button).press()
    await until(
        pilot, lambda: pilot.app.session.injection is not None and pilot.app.session.injection.state is State.ACTIVE
    )


async def test_quit_with_an_active_fault_undoes_it_first() -> None:
    engine = Engine()
    app = app_over(synthetic.Live(), armed=True, engine=engine)
    async with running(app) as pilot:
        await inject(pilot)
        assert engine.active
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
    assert not engine.active
    assert app.session.injection is not None and app.session.injection.state is State.RECOVERED


async def test_quit_stays_when_a_fault_is_stuck_and_says_how_to_undo_it() -> None:
    engine = Engine()
    engine.end = State.STUCK
    app = app_over(synthetic.Live(), armed=True, engine=engine)
    async with running(app) as pilot:
        await inject(pilot)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Notice))
        assert "rca-tui recover" in visible(pilot) and not app._exit
        await pilot.press("escape", "q")
        await until(pilot, lambda: app._exit)


async def test_abort_works_on_every_screen_and_only_while_a_fault_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    app = app_over(synthetic.Live(), armed=True, engine=engine)
    async with running(app) as pilot:
        assert "abort" not in [one.action for one in key_hints(app.screen)]
        await inject(pilot)
        await pilot.press("1")
        await settle(pilot)
        assert "cpu-stress" in visible(pilot).splitlines()[1]
        end = app.injector.abort
        monkeypatch.setattr(app.injector, "abort", lambda: None)  # nothing is heard of it yet
        await pilot.press("X")
        await until(pilot, lambda: "cpu-stress replica-0 REVERTING" in visible(pilot))
        end()
        await until(pilot, lambda: app.session.injection is not None and not app.session.injection.open)
        assert not engine.active
        assert "abort" not in [one.action for one in key_hints(app.screen)]


async def test_what_is_being_undone_says_so_and_is_not_undone_twice() -> None:
    app = app_over(synthetic.Live(), armed=True, engine=Engine())
    asked: list[str] = []
    app.injector.abort = lambda: asked.append("abort")  # type: ignore[method-assign]
    async with running(app) as pilot:
        active = Injection("cpu-stress", "replica-0", State.ACTIVE, open=True, deadline=NOW + 42.0)
        app.post_message(messages.InjectionChanged(active))
        await until(pilot, lambda: "cpu-stress replica-0 42 s" in visible(pilot))
        app.post_message(messages.InjectionChanged(dataclasses.replace(active, state=State.REVERTING)))
        await until(pilot, lambda: "cpu-stress replica-0 REVERTING" in visible(pilot))
        assert "abort" not in [one.action for one in key_hints(app.screen)]
        await pilot.press("X", "q")
        await settle(pilot)
        assert not asked and not app._exit
        app.post_message(messages.InjectionChanged(dataclasses.replace(active, state=State.RECOVERED, open=False)))
        await until(pilot, lambda: app._exit)


async def test_asked_twice_there_is_one_question_and_one_fault() -> None:
    engine = Engine()
    app = app_over(synthetic.Live(), armed=True, engine=engine)
    async with running(app) as pilot:
        await open_faults(pilot)
        await pilot.press("I", "I")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await settle(pilot)
        assert [type(screen) for screen in app.screen_stack].count(Confirm) == 1
        # The same rehearsal comes late, when the fault is in already.
        await pilot.press("escape")
        await inject(pilot)
        faults = app.screen
        assert isinstance(faults, FaultsPage)
        faults._inject(Request("cpu-stress", "replica-0", {}, 60.0))
        await settle(pilot)
        assert len(engine.requests) == 1 and engine.active
        assert app.session.injection is not None and app.session.injection.open
        await pilot.press("X")
        await until(pilot, lambda: not engine.active)


async def test_abort_tries_again_what_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    monkeypatch.setattr("faults.recover.recover", lambda progress: tried.append(1) or [])
    engine = Engine()
    engine.end = State.STUCK
    app = app_over(synthetic.Live(), armed=True, engine=engine)
    async with running(app) as pilot:
        await inject(pilot)
        await pilot.press("X")
        await until(pilot, lambda: app.session.injection is not None and app.session.injection.stuck)
        await pilot.press("X")
        await until(pilot, lambda: app.session.injection is not None and app.session.injection.state is State.RECOVERED)
        assert tried and not app.session.injection.open


async def test_the_cursor_may_be_ahead_of_the_form() -> None:
    app = app_over(synthetic.Live(), armed=True, engine=Engine())
    async with running(app) as pilot:
        await open_faults(pilot)
        faults = app.screen
        assert isinstance(faults, FaultsPage) and faults._request() is not None
        faults._built = "another"
        await pilot.press("d", "I")
        await settle(pilot)
        assert app.is_running and not isinstance(app.screen, Confirm)


async def test_the_palette_over_a_page_runs_its_keys() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        await pilot.press("ctrl+p")
        await pilot.pause()
        page = app.screen_stack[-2]
        found = {command.title: command.callback for command in app.get_system_commands(page)}
        await pilot.press("escape")
        await pilot.pause()
        await found["Pause"]()
        assert app.session.paused
        await found["Telemetry"]()
        await settle(pilot)
        assert app.current_mode == "telemetry"


class Started(synthetic.Live):
    """One start of a deployment; what is wrong with it, if anything."""

    def __init__(self, instance: str, wrong: Liveness | Exception = Liveness.LIVE) -> None:
        super().__init__()
        self.instance, self.wrong = instance, wrong

    def status(self) -> Status:
        if isinstance(self.wrong, Exception):
            raise self.wrong
        return dataclasses.replace(super().status(), liveness=self.wrong)


@pytest.mark.parametrize("wrong", [Liveness.DOWN, DeploymentError("no answer")])
def test_a_deployment_that_is_started_anew_is_looked_at(wrong: Liveness | Exception) -> None:
    first, second = Started("one", wrong), Started("two")
    there = [first, Started("one"), second]
    poller = Poller(lambda: there.pop(0), lambda: NOW)
    if isinstance(wrong, Exception):
        with pytest.raises(DeploymentError, match="no answer"):
            poller.poll()
    else:
        assert poller.poll().liveness == "DOWN"
    assert poller.deployment is first  # it was not started anew
    assert poller.poll().liveness == "LIVE"
    assert poller.deployment is second and first.closed


async def test_a_failing_worker_is_a_notice_and_the_app_stays_up() -> None:
    engine = Engine()

    def fails(*_: Any) -> Any:
        raise DeploymentError("replica-0 has gone; see `rca-tui status`")

    engine.check = fails  # type: ignore[method-assign]
    app = app_over(synthetic.Live(), armed=True, engine=engine)
    async with running(app) as pilot:
        await open_faults(pilot)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Notice))
        assert "replica-0 has gone" in visible(pilot)
        await pilot.press("escape", "1")
        assert app.current_mode == "overview"


HOSTILE = "[red]x[/] \x1b]52;c;aGk=\x07\u202e"


async def test_hostile_names_are_shown_and_not_obeyed() -> None:
    """Markup, escape sequences and direction marks in ids and signals reach the screen as harmless text."""
    seen = synthetic.hostile(HOSTILE)
    app = app_over(synthetic.Replay(seen, name=HOSTILE))
    async with running(app, (120, 30)) as pilot:
        for key in ("1", "2", "3", "4", "5"):
            await pilot.press(key)
            await settle(pilot)
            shown = visible(pilot)
            assert not any(c in shown for c in "\x1b\x07\u202e")
        await pilot.press("2")
        await settle(pilot)
        assert "[red]x[/]" in visible(pilot)
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert any("x" in title for title in titles)
        assert not any("[red]" in title or "\x1b" in title for title in titles)
        await pilot.press("y")
        assert "\x1b" not in app.clipboard


async def test_status_line_survives_a_narrow_terminal() -> None:
    async with running(app_over(synthetic.Live()), (40, 12)) as pilot:
        assert pilot.app.screen.query_one("#status", Static).size.height == 1
        assert "LIVE" in visible(pilot)


async def test_what_an_earlier_run_left_is_offered_for_undoing_without_saying_what_it_is() -> None:
    """It may be part of a blind drill: neither fault nor target are shown."""
    left = Injection(
        "earlier fault", "", State.STUCK, open=True, detail="an earlier fault is not undone", inherited=True
    )
    app = app_over(synthetic.Live(), armed=True, engine=Engine())
    app.injector.left_over = lambda: left  # type: ignore[method-assign]
    asked: list[Injection] = []
    app.injector.recover = lambda found, post: asked.append(found)  # type: ignore[method-assign]
    async with running(app) as pilot:
        await until(pilot, lambda: app.session.injection is left)
        assert "earlier fault" in visible(pilot)
        await pilot.press("X")
        await until(pilot, lambda: asked == [left])
