"""A drill: baseline, fault, aftermath, and the incident that was recorded meanwhile, its truth sealed apart.

    report = drill.run(deployment, "cpu-stress", "replica-1", {"workers": 4}, armed=True, save=Path("x.zip"))

A `Progress` names neither fault nor target, so that it can be shown in a blind drill.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.deployment import DeploymentError
from cluster.incident.seal import Seal
from cluster.incident.truth import NO_FAULT, Truth
from cluster.window import Window
from faults import catalog, clock, effects, preflight, steady
from faults.clock import Moment
from faults.effects import Landing, Measured, Periods
from faults.engine import CANCELLED, Engine, Injection
from faults.errors import JournalError, ReadOnly, Refused
from faults.states import Phase, State, Undone
from faults.types import Fault, Plan

if TYPE_CHECKING:
    from cluster.deployment import Deployment

STEADY_PATIENCE = 90.0  # s after the baseline that the service may take to become steady
LAG = 3.0  # s until the last samples of a window can be read
MAX_PERIOD = 3600.0  # s
POLL = 0.25

# The SLI at the front door is reported for every fault, whether or not it is expected to show there.


@dataclass(frozen=True, slots=True)
class Progress:
    """The phase of a drill; `remaining` seconds of it, None where unknown."""

    phase: Phase
    remaining: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class DrillReport:
    """The outcome of a drill.

    Attributes:
        state: RECOVERED, or STUCK with `detail` and the `command` for a person.
        clean: nothing of the fault is left, read back.
        aborted: why it ended early; empty when it did not. Then nothing is saved.
        landing: over all expected effects; `effects` has each with its medians before, during and after, `sli` the
            front door's.
        injected_at, reverted_at: unix seconds, read back; None when it was not (STUCK).
        saved: where the incident is; None when none was asked for or the drill is not whole.
    """

    injection: str
    fault: str
    target: str
    parameters: Mapping[str, Any]
    state: State
    clean: bool
    detail: str
    command: str
    aborted: str
    landing: Landing
    effects: tuple[Measured, ...]
    sli: tuple[Measured, ...]
    injected_at: float | None
    reverted_at: float | None
    saved: Path | None

    @property
    def whole(self) -> bool:
        """It took its full course, and the fault is gone."""
        return self.clean and not self.aborted

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"saved": None if self.saved is None else str(self.saved), "whole": self.whole}


class Cancelled(Exception):
    """The person who runs the drill has ended it before anything was touched."""


def run(
    deployment: Deployment,
    fault: str | Fault[Any],
    target: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    armed: bool,
    abort_above: float = steady.ABORT_ERROR_RATIO,
    baseline: float = 120.0,
    seconds: float = 60.0,
    aftermath: float = 60.0,
    save: Path | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
    over: Callable[[], bool] = lambda: False,
    engine: Engine | None = None,
    conditions: Mapping[str, Any] | None = None,
    seal: Seal = Seal.HOST,
) -> DrillReport:
    """Run one drill. Blocks for baseline + seconds + aftermath, and longer while the service is not steady or healthy.

    Args:
        fault: catalogue name, or the fault itself.
        target: component id.
        parameters: of the fault; those left out have their defaults.
        armed: False refuses (`ReadOnly`); there is no default, so that nobody arms by accident.
        abort_above: share of failed requests at the front door above which it is undone at once (`faults.steady`).
        baseline, seconds, aftermath: s before, of and after the fault; all of them are in the recorded window. The
            baseline starts again when another fault was active in it.
        save: folder or .zip that does not exist yet.
        cancelled: asked several times a second; from then on everything is undone, and the report says so.
        over: asked as often; from then on the fault is reverted as if its seconds were over.
        engine: for tests.
        conditions: what else goes on, for the truth.
        seal: who can open the truth.

    Raises:
        FaultError: refused, with nothing touched (UnknownFault, BadParameters, ReadOnly, Refused, JournalError), or
            InjectionFailed; its `undone` says how the way back ended.
        DeploymentError: the deployment cannot be read.
        IncidentError: the fault is undone, but its incident could not be saved.
    """
    chosen = catalog.load(fault, deployment.kind) if isinstance(fault, str) else fault
    engine = engine or Engine(deployment, armed, abort_above=abort_above)
    _check(engine, chosen, target, parameters or {}, seconds, (baseline, aftermath), save)
    become = partial(become_steady, engine, chosen, target, progress, cancelled)
    begun = _baseline(engine, baseline, become, progress, cancelled)
    progress(Progress(Phase.INJECTING))
    injection = engine.inject(chosen, target, parameters or {}, seconds)
    aborted = "interrupted"
    try:
        ended = lambda: over() or cancelled()  # noqa: E731
        aborted = engine.hold(injection, ended, lambda remaining: progress(Progress(Phase.ACTIVE, remaining)))
        if aborted == CANCELLED and not cancelled():
            aborted = ""
    finally:
        undone = engine.revert(
            injection,
            aborted or "its time is over",
            lambda message: progress(Progress(Phase.REVERTING, message=message)),
        )
    reverted_at = revert_time(injection)
    if reverted_at is not None and not aborted:
        try:
            _wait(Phase.AFTERMATH, reverted_at + aftermath + LAG, progress, cancelled)
        except Cancelled:
            aborted = "cancelled"
    clock_set = clock.set_since(*begun)
    report = _report(injection, undone, aborted or clock_set, reverted_at)
    if reverted_at is None or clock_set:
        return report
    periods = periods_of(injection.injected_at, reverted_at, baseline, aftermath)
    if save is not None and report.whole:
        progress(Progress(Phase.SAVING))
        report = replace(report, saved=save_incident(deployment, injection.plan, periods, save, conditions or {}, seal))
    return _measured(report, deployment, chosen, injection.plan, periods)


def without_fault(
    deployment: Deployment,
    *,
    baseline: float = 120.0,
    seconds: float = 60.0,
    aftermath: float = 60.0,
    save: Path,
    progress: Callable[[Progress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
    over: Callable[[], bool] = lambda: False,
    conditions: Mapping[str, Any] | None = None,
    seal: Seal = Seal.HOST,
) -> DrillReport:
    """The same, where nothing is wrong: nothing is touched, and the phases look alike. Arguments and errors as `run`'s.

    Its landing is UNKNOWN: nothing was to be seen.
    """
    from cluster.capture import capture
    from cluster.incident import store

    engine = Engine(deployment, armed=False)
    _check_files((baseline, aftermath), save)
    become = partial(_wait_until, lambda: preflight.require_steady(deployment), progress, cancelled)
    begun = _baseline(engine, baseline, become, progress, cancelled)
    progress(Progress(Phase.INJECTING))
    began = time.time()
    report = DrillReport(
        "", NO_FAULT, "", {}, State.RECOVERED, True, "", "", "", Landing.UNKNOWN, (), (), began, None, None
    )
    try:
        _wait(Phase.ACTIVE, began + seconds, progress, cancelled, over)
        ended = time.time()
        progress(Progress(Phase.REVERTING))
        _wait(Phase.AFTERMATH, ended + aftermath + LAG, progress, cancelled)
    except Cancelled:
        return replace(report, aborted="cancelled", reverted_at=time.time())
    if aborted := clock.set_since(*begun):
        return replace(report, aborted=aborted, reverted_at=ended)
    progress(Progress(Phase.SAVING))
    periods = periods_of(began, ended, baseline, aftermath)
    truth = Truth((), NO_FAULT, began, ended, conditions=conditions or {})
    store.save(capture(deployment, Window(periods.before.start, periods.after.end)), save, truth, seal)
    anywhere = deployment.topology().ids[0]
    sli = effects.measure(deployment, [(anywhere, effect) for effect in effects.SLI], periods)
    return replace(report, reverted_at=ended, sli=sli, saved=save)


def _check(
    engine: Engine,
    fault: Fault[Any],
    target: str,
    parameters: Mapping[str, Any],
    seconds: float,
    periods: tuple[float, ...],
    save: Path | None,
) -> None:
    """Refuse before the baseline what can be refused then."""
    if not engine.armed:
        raise ReadOnly("read-only: nothing is injected unless armed")
    _check_files(periods, save)
    engine.dry_run(fault, target, parameters, seconds)


def _check_files(periods: tuple[float, ...], save: Path | None) -> None:
    if not all(0 < period <= MAX_PERIOD for period in periods):
        raise Refused(f"baseline and aftermath last up to {MAX_PERIOD:g} s each, and more than none")
    if save is not None and save.exists():
        raise Refused(f"{save} exists already; choose another name")
    if save is not None and not os.access(save.parent, os.W_OK | os.X_OK):
        raise Refused(f"{save.parent} is not a folder that can be written to")


def _wait(
    phase: Phase,
    until: float,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
    over: Callable[[], bool] = lambda: False,
) -> None:
    ends = clock.now().after(until - time.time())
    while (remaining := ends.remaining()) > 0 and not over():
        if cancelled():
            raise Cancelled
        progress(Progress(phase, remaining))
        time.sleep(min(POLL, remaining))


def _baseline(
    engine: Engine,
    seconds: float,
    become_steady: Callable[[], None],
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> tuple[float, Moment]:
    """Wait for the baseline, then until the service is steady. Returns when it began, on both clocks. Raises Refused.

    It begins again when another fault was active in it, or when the clock was set, by which its samples are dated.
    """
    try:
        begun = time.time(), clock.now()
        while True:
            if clock.set_since(*begun):
                begun = time.time(), clock.now()
            left = seconds - min(-begun[1].remaining(), time.time() - engine.last_recovery())
            if left <= 0:
                break
            _wait(Phase.BASELINE, time.time() + left, progress, cancelled)
        become_steady()
    except Cancelled:
        raise Refused("the drill was cancelled before anything was touched") from None
    return begun


def become_steady(
    engine: Engine,
    fault: Fault[Any],
    target: str,
    progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> None:
    """Repeat preflight while only the steady state is missing. Raises Refused, Cancelled."""
    _wait_until(lambda: _check_all(engine, fault, target), progress, cancelled)


def _wait_until(
    check: Callable[[], object], progress: Callable[[Progress], None], cancelled: Callable[[], bool]
) -> None:
    """Call it until it does not raise NotSteady. Raises Refused, Cancelled."""
    ends = clock.now().after(STEADY_PATIENCE)
    while True:
        try:
            check()
            return
        except steady.NotSteady as error:
            if ends.remaining() <= 0:
                raise Refused(f"refused, nothing was touched: {error}") from None
            progress(Progress(Phase.STEADY, ends.remaining(), str(error)))
        _wait(Phase.STEADY, time.time() + 2.0, lambda _: None, cancelled)


def _check_all(engine: Engine, fault: Fault[Any], target: str) -> None:
    """Preflight. Raises NotSteady where only the steady state is missing, else Refused."""
    report = engine.check(fault, target)
    missing = [check for check in report.checks if not check.ok]
    if missing and all(check.name == preflight.STEADY for check in missing):
        raise steady.NotSteady(missing[0].detail)
    report.require()


def revert_time(injection: Injection) -> float | None:
    """Unix seconds at which it was read back as gone; None where the journal does not say."""
    try:
        return injection.journal.read().reverted_at
    except JournalError:  # lost meanwhile: the fault was undone all the same, but nobody knows when
        return None


def _report(injection: Injection, undone: Undone, aborted: str, reverted_at: float | None) -> DrillReport:
    return DrillReport(
        injection=injection.plan.injection,
        fault=injection.plan.fault,
        target=injection.plan.target,
        parameters=injection.plan.parameters,
        state=undone.state,
        clean=undone.clean,
        detail=undone.detail,
        command=undone.command,
        aborted=aborted,
        landing=Landing.UNKNOWN,
        effects=(),
        sli=(),
        injected_at=injection.injected_at,
        reverted_at=reverted_at,
        saved=None,
    )


def periods_of(injected_at: float, reverted_at: float, baseline: float, aftermath: float) -> Periods:
    """Before, during and after a fault, from when it was in (unix seconds) and how long the others last (s)."""
    return Periods(
        before=Window(injected_at - baseline, injected_at),
        during=Window(injected_at, reverted_at),
        after=Window(reverted_at, reverted_at + aftermath),
    )


def save_incident(
    deployment: Deployment,
    plan: Plan,
    periods: Periods,
    path: Path,
    conditions: Mapping[str, Any],
    seal: Seal = Seal.HOST,
) -> Path:
    """Save the periods of an injection with its truth sealed apart. Raises DeploymentError, IncidentError."""
    from cluster.capture import capture
    from cluster.incident import store

    window = Window(periods.before.start, periods.after.end)
    truth = truth_of(plan, periods.during.start, periods.during.end, conditions)
    return store.save(capture(deployment, window), path, truth, seal)


def truth_of(plan: Plan, injected_at: float, reverted_at: float | None, conditions: Mapping[str, Any]) -> Truth:
    """The cause of an injection's incident; times in unix seconds."""
    return Truth(
        components=plan.faulty,
        fault=plan.fault,
        injected_at=injected_at,
        reverted_at=reverted_at,
        parameters=plan.parameters,
        target=plan.target,
        conditions=conditions,
    )


def _measured(
    report: DrillReport, deployment: Deployment, fault: Fault[Any], plan: Plan, periods: Periods
) -> DrillReport:
    try:
        expected = effects.measure(deployment, fault.expected(plan.target, plan.parameters), periods)
        sli = effects.measure(deployment, [(plan.target, effect) for effect in effects.SLI], periods)
    except DeploymentError:  # it may be why the drill was aborted: the landing stays unknown, the report is still due
        return report
    return replace(report, landing=effects.overall(expected), effects=expected, sli=sli)
