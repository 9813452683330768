"""The engine on a deployment that is always fine: what it refuses, what it undoes, what it notices."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from fake_deployment import FakeDeployment, connect
from fake_fault import UNDO, WATCHDOG, Backend, FakeFault, FakeStress

from faults import engine as engine_module
from faults import preflight, recover, steady, undo
from faults.engine import Engine
from faults.errors import BadParameters, InjectionFailed, JournalError, ReadOnly, Refused
from faults.journal import journals
from faults.local.control import tags
from faults.states import State
from faults.undo import Undo


def untouched(engine: Engine, backend: Backend) -> bool:
    assert isinstance(engine.deployment, FakeDeployment)
    return not backend.injected and not journals(engine.deployment.folder / "journal")


def test_read_only_holds_in_the_engine(deployment: FakeDeployment, backend: Backend) -> None:
    engine = Engine(deployment, armed=False, folder=deployment.folder / "journal")
    with pytest.raises(ReadOnly):
        engine.inject(FakeFault(backend), "head", {}, 10)
    assert untouched(engine, backend)
    assert engine.dry_run(FakeFault(backend), "head", {}, 10).actions == ("it",)
    assert untouched(engine, backend)


@pytest.mark.parametrize("seconds", [0, -1, 601, float("nan"), float("inf")])
def test_a_deadline_is_mandatory_and_bounded(engine: Engine, backend: Backend, seconds: float) -> None:
    with pytest.raises(Refused, match="lasts"):
        engine.inject(FakeFault(backend), "head", {}, seconds)
    assert untouched(engine, backend)


@pytest.mark.parametrize("parameters", [{"size": 0}, {"size": 11}, {"size": "many"}, {"colour": 1}])
def test_parameters_out_of_bounds_are_one_sentence(
    engine: Engine, backend: Backend, parameters: dict[str, Any]
) -> None:
    with pytest.raises(BadParameters, match=r"fake-fault: (size|colour)") as caught:
        engine.inject(FakeFault(backend), "head", parameters, 10)
    assert "\n" not in str(caught.value)
    assert untouched(engine, backend)


@pytest.mark.parametrize(
    ("state", "target", "reason"),
    [
        ({}, "nowhere", "no component 'nowhere'.*head, replica-0, replica-1"),
        ({}, "gateway", "cannot hit gateway"),
        ({"liveness": "DOWN"}, "head", "DOWN"),
        ({"liveness": "STALE"}, "head", "STALE"),
        ({"age": 60.0}, "head", "too old"),
        ({"age": None}, "head", "too old"),
        ({"dead": ["head"]}, "head", "head does not answer"),
        ({"unreachable": True}, "head", "cannot be reached"),
        ({"errors": 0.2}, "head", "20 % of the requests failed"),
        ({"latency": 20.0}, "head", "20 s"),
        ({"missing": 25}, "head", "only 5 s"),
    ],
)
def test_any_doubt_refuses(
    engine: Engine, backend: Backend, deployment: FakeDeployment, state: dict[str, Any], target: str, reason: str
) -> None:
    deployment.set(**state)
    with pytest.raises(Refused, match=reason):
        engine.inject(FakeFault(backend), target, {}, 10)
    assert untouched(engine, backend)


@pytest.mark.parametrize(("factor", "reason"), [(10, "swings"), (2, "rising")])
def test_a_latency_that_moves_is_not_steady(deployment: FakeDeployment, factor: float, reason: str) -> None:
    deployment.set(latency=0.2, factor=factor, raised=[(int(time.time()) - 12, None)])
    with pytest.raises(steady.NotSteady, match=reason):
        steady.level(deployment)
    with pytest.raises(steady.NotSteady) as caught:
        preflight.require_steady(deployment)
    *_, steady_state = preflight.check(deployment, FakeFault(Backend()), "head", folder=deployment.folder).checks
    assert str(caught.value) == steady_state.detail, "a drill without a fault sounds like one with"


def test_healthy_is_back_where_it_was(deployment: FakeDeployment) -> None:
    before = steady.level(deployment)
    assert steady.unhealthy(deployment, before) == ""
    deployment.set(latency=0.9)
    assert steady.unhealthy(deployment, before) == ""
    deployment.set(latency=1.1)
    assert "p90 latency is 1.1 s" in steady.unhealthy(deployment, before)
    deployment.set(latency=0.5, errors=0.5)
    assert "50 % of the requests fail" in steady.unhealthy(deployment, before)
    deployment.set(missing=1000)
    assert "no SLI" in steady.unhealthy(deployment, before)
    assert steady.Level.from_json(before.as_json()) == before


def test_where_telemetry_is_scraped_seldom_it_may_be_older_and_longer_stretches_decide(
    deployment: FakeDeployment,
) -> None:
    deployment.set(age=40.0)
    assert "too old (40 s; at most 10 s)" in steady.stale(deployment.status())
    assert steady.healthy_stretch(deployment) == 10.0
    deployment.set(fresh=75.0)  # two and a half scrapes of 30 s
    assert steady.stale(deployment.status()) == ""
    assert steady.healthy_stretch(deployment) == 75.0
    before = steady.level(deployment)
    deployment.set(factor=10, raised=[(time.time() - 70, time.time() - 15)])
    assert "p90 latency is 5 s" in steady.unhealthy(deployment, before)
    deployment.set(errors=0.6, missing=1000)
    assert "of the requests failed for 75 s" in steady.out_of_bounds(deployment, 0.5)


def test_second_injection_is_refused_while_one_is_pending(
    engine: Engine, backend: Backend, deployment: FakeDeployment
) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 10)
    for target in ("head", "replica-0"):
        with pytest.raises(Refused, match="another fault is not undone yet"):  # which one, a blind drill may not tell
            engine.inject(FakeFault(backend), target, {}, 10)
    assert engine.revert(injection).state is State.RECOVERED
    assert preflight.check(deployment, FakeFault(backend), "head", folder=deployment.folder / "journal").ok


def test_a_damaged_journal_refuses(engine: Engine, backend: Backend, deployment: FakeDeployment) -> None:
    (deployment.folder / "journal").mkdir()
    (deployment.folder / "journal" / "20260101T000000-00000001.jsonl").write_text("?\n")
    with pytest.raises(Refused, match="damaged"):
        engine.inject(FakeFault(backend), "head", {}, 10)


@pytest.mark.parametrize("fails", ["before", "after"])
def test_failing_on_the_way_in_is_undone(engine: Engine, backend: Backend, fails: str) -> None:
    backend.inject_fails = fails
    with pytest.raises(InjectionFailed, match="everything was undone"):
        engine.inject(FakeFault(backend), "head", {}, 10)
    assert not backend.injected


def test_failing_on_the_way_in_and_back_carries_the_command(engine: Engine, backend: Backend) -> None:
    backend.inject_fails, backend.reverts_that_fail = "after", undo.ATTEMPTS
    with pytest.raises(InjectionFailed, match="and is STUCK") as caught:
        engine.inject(FakeFault(backend), "head", {}, 10)
    undone = caught.value.undone
    assert (undone.state, undone.clean, undone.command) == (State.STUCK, False, "undo it")
    assert caught.value.command == "undo it"
    assert caught.value.reason == "inject fails half way"


@pytest.mark.parametrize("loss", [Path.unlink, lambda path: path.write_text("?\n")])
def test_failing_on_the_way_in_with_a_lost_journal_carries_the_command_of_the_plan(
    engine: Engine, backend: Backend, deployment: FakeDeployment, loss: Callable[[Path], object]
) -> None:
    class Losing(FakeFault):
        def inject(self, *arguments: Any) -> None:
            super().inject(*arguments)
            (journal,) = journals(deployment.folder / "journal")
            loss(journal.path)
            raise RuntimeError("inject fails half way")

    with pytest.raises(InjectionFailed) as caught:
        engine.inject(Losing(backend), "head", {}, 10)
    assert (caught.value.undone.state, caught.value.command) == (State.STUCK, "undo it")


def test_an_interrupt_on_the_way_in_does_not_hide_what_is_stuck(engine: Engine, backend: Backend) -> None:
    class Interrupted(FakeFault):
        def inject(self, *arguments: Any) -> None:
            super().inject(*arguments)
            raise KeyboardInterrupt

    backend.reverts_that_fail = undo.ATTEMPTS
    with pytest.raises(InjectionFailed) as caught:
        engine.inject(Interrupted(backend), "head", {}, 10)
    assert caught.value.command == "undo it"
    backend.injected.clear()
    (again,) = recover.recover(folder=engine.folder, undo=engine._undo)
    assert again.state is State.RECOVERED
    with pytest.raises(KeyboardInterrupt):
        engine.inject(Interrupted(backend), "head", {}, 10)
    assert not backend.injected


def test_no_watchdog_no_injection(deployment: FakeDeployment, backend: Backend) -> None:
    folder = deployment.folder / "journal"
    engine = Engine(deployment, armed=True, folder=folder, undo=UNDO, watchdog_command=("/bin/true",))
    with (
        mock.patch.object(FakeFault, "inject", side_effect=AssertionError("it was injected")),
        pytest.raises(InjectionFailed, match="watchdog did not come up"),
    ):
        engine.inject(FakeFault(backend), "head", {}, 10)
    assert recover.pending(folder) == []


def test_a_fault_that_does_not_take_is_no_injection(engine: Engine, backend: Backend) -> None:
    with (
        mock.patch.object(engine_module, "SHOW_PATIENCE", 0.0),
        mock.patch.object(FakeFault, "inject"),
        pytest.raises(InjectionFailed, match="did not take"),
    ):
        engine.inject(FakeFault(backend), "head", {}, 10)


def test_stuck_says_what_a_person_can_do_and_recover_retries(
    engine: Engine, backend: Backend, deployment: FakeDeployment
) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 10)
    backend.reverts_that_fail = undo.ATTEMPTS
    undone = engine.revert(injection)
    assert (undone.state, undone.clean, undone.command) == (State.STUCK, False, "undo it")
    assert "revert fails" in undone.detail
    (again,) = recover.recover(folder=deployment.folder / "journal", undo=engine._undo)
    assert (again.state, again.clean) == (State.RECOVERED, True)


@pytest.mark.slow
def test_gone_but_not_well_is_stuck(deployment: FakeDeployment, backend: Backend) -> None:
    sick = Undo(
        connect=connect, load=lambda name, kind: FakeFault(backend), sleep=lambda seconds: None, health_patience=0.0
    )
    engine = Engine(deployment, armed=True, folder=deployment.folder / "journal", undo=sick, watchdog_command=WATCHDOG)
    injection = engine.inject(FakeFault(backend), "head", {}, 10)
    deployment.set(latency=5.0)
    undone = engine.revert(injection)
    assert (undone.state, undone.clean) == (State.STUCK, True)
    assert "p90 latency" in undone.detail
    assert undone.command
    assert injection.journal.read().reverted_at is not None


def test_what_it_waits_for_is_said(deployment: FakeDeployment, backend: Backend) -> None:
    told: list[str] = []
    looks = iter(["the p90 latency is 24 s, healthy is 3 s", "the p90 latency is 5 s, healthy is 3 s", ""])
    waits = Undo(
        connect=connect,
        load=lambda name, kind: FakeFault(backend),
        sleep=lambda seconds: None,
        unhealthy=lambda *_: next(looks),
    )
    engine = Engine(deployment, armed=True, folder=deployment.folder / "journal", undo=waits, watchdog_command=WATCHDOG)
    injection = engine.inject(FakeFault(backend), "head", {}, 10)
    assert engine.revert(injection, progress=told.append).state is State.RECOVERED
    assert [line.rpartition(" waiting ")[0] for line in told if "p90" in line] == [
        "undone; the p90 latency is 24 s, healthy is 3 s,",
        "undone; the p90 latency is 5 s, healthy is 3 s,",
    ]


def _cancel(deployment: FakeDeployment, backend: Backend) -> None:
    """`cancelled` says it itself."""


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (lambda deployment, backend: deployment.set(liveness="STALE"), "STALE"),
        (lambda deployment, backend: deployment.set(uids={"head": "head-2"}), "head was replaced"),
        (lambda deployment, backend: deployment.set(unreachable=True), "cannot be reached"),
        (lambda deployment, backend: backend.injected.clear(), "gone before its time"),
        (lambda deployment, backend: deployment.set(errors=0.6), "more than 50 % of the requests failed"),
        (lambda deployment, backend: deployment.set(errors=float("nan")), "ended no request"),
        (_cancel, "cancelled"),
    ],
)
def test_hold_ends_early(
    engine: Engine,
    backend: Backend,
    deployment: FakeDeployment,
    happens: Callable[[FakeDeployment, Backend], None],
    reason: str,
) -> None:
    class Known(FakeFault):
        def plan(self, *arguments: Any) -> Any:
            plan = super().plan(*arguments)
            plan.uids["head"] = preflight.uid_of(deployment, "head")  # type: ignore[index]
            return plan

    injection = engine.inject(Known(backend), "head", {}, 60)
    happens(deployment, backend)
    with mock.patch.object(engine_module, "LOOK", 0.0):
        why = engine.hold(injection, cancelled=lambda: happens is _cancel)
    assert reason in why
    deployment.set(unreachable=False, liveness="LIVE", errors=0.0)
    assert engine.revert(injection, why).state is State.RECOVERED
    assert why in [step.detail for step in injection.journal.read().steps]


def test_a_fault_that_passes_ends_when_it_has_passed(
    engine: Engine, backend: Backend, deployment: FakeDeployment
) -> None:
    class Crash(FakeFault):
        transient = True

        def plan(self, *arguments: Any) -> Any:
            plan = super().plan(*arguments)
            plan.uids["head"] = preflight.uid_of(deployment, "head")  # type: ignore[index]
            return plan

    injection = engine.inject(Crash(backend), "head", {}, 600)
    deployment.set(uids={"head": "head-2"})
    looks = []

    def over() -> bool:
        looks.append(injection.remaining())
        if len(looks) == 3:
            backend.injected.clear()
        return len(looks) > 100

    with mock.patch.object(engine_module, "LOOK", 0.0):
        assert engine.hold(injection, cancelled=over) == ""
    assert injection.remaining() > 0
    assert engine.revert(injection).state is State.RECOVERED


@pytest.mark.slow
def test_its_time_ends_and_the_watchdog_goes(deployment: FakeDeployment, backend: Backend) -> None:
    undo = dataclasses.replace(UNDO, load=lambda name, kind: FakeFault(backend))
    engine = Engine(deployment, armed=True, folder=deployment.folder / "journal", undo=undo, watchdog_command=WATCHDOG)
    injection = engine.inject(FakeFault(backend), "head", {}, 1)
    ticks: list[float] = []
    assert engine.hold(injection, tick=ticks.append) == ""
    assert ticks
    assert all(0 < tick <= 1 for tick in ticks)
    assert engine.revert(injection).state is State.RECOVERED
    assert injection.keeper.poll() == 0


def test_another_process_may_undo_it_meanwhile(engine: Engine, backend: Backend, deployment: FakeDeployment) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 60)
    recover.recover(folder=deployment.folder / "journal", undo=engine._undo)
    assert "another process" in engine.hold(injection)
    assert engine.revert(injection).state is State.RECOVERED


def test_a_journal_that_cannot_be_written_does_not_keep_a_fault_in(engine: Engine, backend: Backend) -> None:
    injection = engine.inject(FakeFault(backend), "head", {}, 60)
    with mock.patch("faults.journal.os.write", side_effect=OSError(28, "No space left on device")):
        undone = engine.revert(injection)
    assert not backend.injected
    assert undone.clean
    assert "No space left" in undone.detail
    assert injection.journal.read().state is State.ACTIVE  # so that recover looks again


def test_a_journal_folder_that_cannot_be_made_refuses(deployment: FakeDeployment, backend: Backend) -> None:
    (deployment.folder / "file").touch()
    engine = Engine(deployment, armed=True, folder=deployment.folder / "file" / "journal")
    with pytest.raises(JournalError, match="cannot write"):
        engine.inject(FakeFault(backend), "head", {}, 10)


@pytest.mark.slow
def test_cpu_stress_runs_real_processes_and_leaves_none(deployment: FakeDeployment) -> None:
    folder = deployment.folder / "journal"
    engine = Engine(deployment, armed=True, folder=folder, undo=UNDO, watchdog_command=WATCHDOG)
    injection = engine.inject(FakeStress(), "replica-1", {"workers": 2, "load": 50}, 30)
    running = tags.anywhere(injection.plan.injection)
    assert running
    assert os.getpid() not in running
    assert injection.fault.readback(deployment, injection.plan).clean is False
    assert engine.revert(injection).state is State.RECOVERED
    assert tags.anywhere(injection.plan.injection) == []
    injection.fault.revert(deployment, injection.plan)  # once more does no harm
    assert injection.fault.readback(deployment, injection.plan).clean


@pytest.mark.slow
def test_the_command_for_a_person_works(deployment: FakeDeployment) -> None:
    fault = FakeStress()
    plan = fault.plan(deployment, "head", fault.parse({}), "20260101T000000-0000000a", 10)
    fault.inject(deployment, plan)
    try:
        while not tags.anywhere(plan.injection):
            pass
        subprocess.run(["sh", "-c", plan.undo], check=False, timeout=20)
        # A killed process is gone when the kernel gets to it.
        deadline = time.monotonic() + 20
        while not fault.readback(deployment, plan).clean:
            assert time.monotonic() < deadline
    finally:
        fault.revert(deployment, plan)
