"""The worker that injects for the app: what it let in is taken out, whatever happens in between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from driving import Engine

from faults.errors import InjectionFailed, Refused
from faults.states import State, Undone
from rca_tui.session import Injection, Request
from rca_tui.work.injection import Injector


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
