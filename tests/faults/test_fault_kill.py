"""kill -9 of the app, its watchdog or both, in every state: nothing is left, or `recover` leaves nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_deployment import FakeDeployment, wait_for
from fake_fault import UNDO
from killed_app import App

from cluster.local.processes import identify
from faults import recover
from faults.states import State

pytestmark = pytest.mark.slow


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = App(tmp_path)
    yield app
    app.close()


@pytest.mark.parametrize("state", ["PLANNED", "ARMED"])
def test_app_killed_before_its_watchdog_is_there(app: App, state: str) -> None:
    app.start(state)
    app.kill()
    assert app.state() == state
    (undone,) = recover.recover(folder=app.folder / "journal", undo=UNDO)
    assert (undone.state, undone.clean, app.state()) == (State.RECOVERED, True, State.RECOVERED)


@pytest.mark.parametrize("state", ["INJECTING", "SPAWNED", "ACTIVE"])
def test_app_killed_the_watchdog_reverts_at_once(app: App, state: str) -> None:
    app.start(state)
    assert state == "INJECTING" or wait_for(app.stressors)
    app.kill()
    assert wait_for(lambda: app.state() is State.RECOVERED), app.journal.read()
    assert not app.stressors()
    assert wait_for(lambda: not app.watchdogs())


@pytest.mark.parametrize("state", ["INJECTING", "SPAWNED", "ACTIVE", "REVERTING"])
def test_app_and_watchdog_killed_recover_reverts(app: App, state: str) -> None:
    app.start(state, seconds=1 if state == "REVERTING" else 60)
    app.kill_watchdog()
    app.kill()
    assert state == "INJECTING" or wait_for(app.stressors)
    (undone,) = recover.recover(folder=app.folder / "journal", undo=UNDO)
    assert (undone.state, undone.clean) == (State.RECOVERED, True)
    assert not app.stressors()
    assert recover.pending(app.folder / "journal") == []


def test_watchdog_killed_the_app_reverts(app: App) -> None:
    app.start("HOLDING", seconds=60)
    app.kill_watchdog()
    said = app.end()
    assert "ended: its watchdog died" in said
    assert said[-1] == "RECOVERED"
    assert not app.stressors()


def test_app_that_hangs_does_not_prolong_the_fault(app: App) -> None:
    app.start("ACTIVE", seconds=1)
    journal = app.journal
    deadline = journal.read().deadline
    assert deadline is not None
    # As if the allowance were over: the clock cannot be turned, but the journal can be older.
    text = journal.path.read_text().replace(f'"deadline": {deadline.seconds}', f'"deadline": {deadline.seconds - 20}')
    journal.path.write_text(text)
    assert wait_for(lambda: app.state() is State.RECOVERED), journal.read()
    assert not app.stressors()
    assert app.process.poll() is None
    assert "deadline" in next(step.detail for step in journal.read().steps if step.state is State.REVERTING)


def test_watchdog_told_to_end_reverts_first(app: App) -> None:
    app.start("ACTIVE")
    (pid,) = app.watchdogs()
    own = identify(pid)
    assert own is not None
    os.kill(pid, signal.SIGTERM)
    assert wait_for(lambda: app.state() is State.RECOVERED)
    assert not app.stressors()


def test_watchdog_has_a_session_of_its_own_and_ignores_the_terminal(app: App) -> None:
    app.start("ACTIVE")
    (pid,) = app.watchdogs()
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGINT)
    app.kill()
    assert wait_for(lambda: app.state() is State.RECOVERED)


def test_deployment_gone_took_the_fault_with_it(app: App) -> None:
    app.start("ACTIVE")
    (app.folder / "deployment.json").unlink()
    app.kill()
    assert wait_for(lambda: app.state() is State.RECOVERED)
    assert "gone" in app.journal.read().detail
    assert not app.stressors()


def test_a_newer_deployment_is_left_alone(app: App) -> None:
    app.start("ACTIVE")
    app.kill_watchdog()
    app.kill()
    FakeDeployment(app.folder).set(instance="second")
    (undone,) = recover.recover(folder=app.folder / "journal", undo=UNDO)
    assert undone.state is State.RECOVERED
    assert "gone" in undone.detail
    assert not app.stressors()


@pytest.mark.parametrize("state", ["REVERTING", "REVERTED", "CLEAN"])
def test_killed_while_it_recovers_the_next_one_recovers(app: App, state: str) -> None:
    app.start("ACTIVE")
    app.kill_watchdog()
    app.kill()
    app.recover(state)
    app.kill()
    assert recover.pending(app.folder / "journal")
    (undone,) = recover.recover(folder=app.folder / "journal", undo=UNDO)
    assert (undone.state, undone.clean, app.state()) == (State.RECOVERED, True, State.RECOVERED)
    assert not app.stressors()
