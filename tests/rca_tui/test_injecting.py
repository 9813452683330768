"""The worker that injects for the app: what it let in is taken out, whatever happens in between."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import synthetic
from driving import NOW, Engine

from cluster.deployment import DeploymentError
from cluster.incident import library
from faults.errors import InjectionFailed, Refused
from faults.states import State, Undone
from rca_tui.session import Injection, Request
from rca_tui.work import messages
from rca_tui.work.injection import Injector
from rca_tui.work.recording import DrillRecorder


def test_a_hold_that_breaks_is_followed_by_the_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, told = Engine(), []
    deployment: Any = SimpleNamespace(kind="local")
    injector = Injector(lambda: deployment, True, engine=lambda *_: engine)  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(engine, "hold", mock.Mock(side_effect=RuntimeError("broken")))
    request = Request("cpu-stress", "replica-1", {}, 60.0)
    with pytest.raises(RuntimeError, match="broken"):
        injector.run(request, lambda message: told.append(message.injection))  # type: ignore[attr-defined]
    assert engine.requests and not engine.active
    assert [one.state for one in told][-1] is State.RECOVERED
    assert not told[-1].open


def record(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hold: str = "", aftermath: float = 5.0
) -> list[Any]:
    """What is posted of an injection into the synthetic deployment that ends so."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("rca_tui.work.recording.AFTERMATH", aftermath)
    monkeypatch.setattr("faults.drill.LAG", 0.0)
    monkeypatch.setattr(engine, "hold", lambda *_: hold)
    posted: list[Any] = []
    injector = Injector(synthetic.Live, True, lambda: NOW, lambda *_: engine)  # type: ignore[arg-type, return-value]
    injector.run(Request("cpu-stress", "replica-1", {"workers": 4}, 60.0), posted.append)
    return posted


def test_an_injection_leaves_an_incident_with_its_truth_sealed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    posted = record(Engine(), monkeypatch, tmp_path)
    saved, last = posted[-1], posted[-2].injection
    assert isinstance(saved, messages.Saved) and saved.sealed
    assert saved.path.parent == tmp_path / "rca-tui" / "incidents"
    assert (last.saved, last.recorded_until, last.state) == (saved.path.stem, None, State.RECOVERED)
    incident, truth = library.load_with_truth(str(saved.path))
    assert truth is not None and truth.cause == "cpu-stress on replica-1"
    assert (truth.injected_at, truth.reverted_at) == (NOW - 60, NOW - 5)
    assert incident.window.start == NOW - 60 - 120 and incident.window.end <= NOW
    assert not any(one.injection.open for one in posted[-3:-1])


def test_the_baseline_begins_after_an_earlier_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine = Engine()
    engine.last_recovery = lambda: NOW - 90.0  # type: ignore[method-assign]
    saved = record(engine, monkeypatch, tmp_path)[-1]
    assert library.load(str(saved.path)).window.start == NOW - 90


def test_one_that_ended_early_by_itself_leaves_none_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    last = record(Engine(), monkeypatch, tmp_path, hold="its watchdog died")[-1].injection
    assert "no incident was saved: it ended early, its watchdog died" in last.detail
    assert not (tmp_path / "rca-tui" / "incidents").exists()


def test_one_that_cannot_be_saved_is_undone_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise DeploymentError("no metrics")

    monkeypatch.setattr("cluster.capture.capture", refuse)
    engine = Engine()
    posted = record(engine, monkeypatch, tmp_path)
    assert isinstance(posted[-1], messages.Failed) and "no metrics" in posted[-1].problem.sentence
    assert not engine.active and not posted[-2].injection.busy


def test_the_recording_can_be_cut_short_and_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    injection = Engine().inject(None, "replica-1", {}, 60.0)
    for wanted in (True, False):
        recorder = DrillRecorder(0.0, lambda: NOW)
        path = recorder.save(synthetic.Live(), injection, lambda _, it=recorder, save=wanted: it.finish(save))  # type: ignore[misc]
        assert (path is not None) is wanted
    (saved,) = (tmp_path / "rca-tui" / "incidents").iterdir()
    assert library.load(str(saved)).window.end == NOW


def posted_by(error: Exception) -> Injection:
    """What is posted last of an injection that ends in this error."""
    engine, posted = Engine(), []
    deployment: Any = SimpleNamespace(kind="local")
    injector = Injector(lambda: deployment, True, engine=lambda *_: engine)  # type: ignore[arg-type, return-value]
    request = Request("cpu-stress", "replica-1", {}, 60.0)
    with mock.patch.object(engine, "inject", side_effect=error), pytest.raises(type(error)):
        injector.run(request, lambda message: posted.append(message.injection))  # type: ignore[attr-defined]
    last: Injection = posted[-1]
    return last


@pytest.mark.parametrize("command", ["kill 7", "kubectl --context STUCK delete stresschaos x"])
def test_an_injection_that_failed_and_is_stuck_is_posted_with_its_undo_command(command: str) -> None:
    last = posted_by(InjectionFailed("nsenter died", Undone("x", State.STUCK, False, "not undone", command)))
    assert last.stuck and last.open
    assert last.undo == command
    assert "nsenter died" in last.detail and "not undone" in last.detail


def test_an_injection_that_failed_and_was_undone_is_recovered() -> None:
    last = posted_by(InjectionFailed("the pod STUCK-1 is gone", Undone("x", State.RECOVERED, True, "read back clean")))
    assert last.state is State.RECOVERED and not last.open and not last.undo


@pytest.mark.parametrize("reason", ["replica-1 does not answer", "the fault is STUCK already"])
def test_a_refusal_is_neither_recovered_nor_stuck(reason: str) -> None:
    last = posted_by(Refused(reason))
    assert last.refused and not last.open and not last.stuck
    assert last.label == "NOT INJECTED"
    assert last.detail == reason


def test_all_that_recover_leaves_stuck_is_posted_with_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = [
        Undone("a", State.STUCK, False, "no", "kill 7"),
        Undone("b", State.RECOVERED, True, "clean"),
        Undone("c", State.STUCK, False, "nor this", "kill 8"),
    ]
    monkeypatch.setattr("faults.recover.recover", lambda progress: ended)
    posted: list[Injection] = []
    left = Injection("earlier fault", "", State.STUCK, open=True, inherited=True)
    injector = Injector(lambda: None, True)
    injector.recover(left, lambda message: posted.append(message.injection))  # type: ignore[attr-defined]
    assert posted[-1].stuck
    assert posted[-1].undo == "kill 7 ; kill 8"
    assert posted[-1].detail == "no; nor this"
