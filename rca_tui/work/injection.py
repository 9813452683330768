"""Faults, in a worker thread: the catalogue for a deployment, the dry run, and an injection until it is recovered.

`faults` keeps the promise to undo; this calls it and posts each state as a message.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from faults.states import State, Undone
from rca_tui.errors import described
from rca_tui.session import Injection, Knob, Offer, Rehearsal, Request
from rca_tui.work import messages
from rca_tui.work.recording import AFTERMATH, DrillRecorder

if TYPE_CHECKING:
    from textual.message import Message

    from cluster.deployment import Deployment
    from faults.engine import Engine
    from faults.types import Effect, Fault

Post = Callable[["Message"], object]
OVER = "its time is over"


class Injector:
    """At most one injection at a time. All methods but `abort` block.

    Args:
        deployment: the connected deployment, None before there is one.
        armed: False makes the engine refuse to inject.
        clock: unix seconds.
        engine: makes the engine; for tests.
    """

    def __init__(
        self,
        deployment: Callable[[], Deployment | None],
        armed: bool,
        clock: Callable[[], float] = time.time,
        engine: Callable[[Deployment, bool], Engine] | None = None,
    ) -> None:
        self._deployment = deployment
        self._armed = armed
        self._clock = clock
        self._engine = engine or _engine
        self._cancelled = threading.Event()
        self._recorder: DrillRecorder | None = None

    def offers(self) -> tuple[Offer, ...]:
        """The whole catalogue; what cannot run here says why."""
        from faults import catalog

        deployment = self._deployment()
        kind = None if deployment is None else deployment.kind
        return tuple(_offer(catalog.load(entry.name, kind), deployment) for entry in catalog.entries())

    def rehearse(self, request: Request) -> Rehearsal:
        """Preflight and plan. Reads only; a refusal is part of the answer."""
        from cluster.deployment import DeploymentError
        from faults import catalog
        from faults.errors import FaultError

        deployment = self._connected()
        engine = self._engine(deployment, self._armed)
        fault = catalog.load(request.fault, deployment.kind)
        report = engine.check(fault, request.target)
        checks = tuple((check.name, check.ok, check.detail) for check in report.checks)
        try:
            plan = engine.dry_run(fault, request.target, request.parameters, request.seconds)
        except (FaultError, DeploymentError) as error:
            return Rehearsal(request, checks, (), "", refused=str(error))
        refused = next((detail for _, ok, detail in checks if not ok), "")
        return Rehearsal(request, checks, plan.actions, plan.undo, refused)

    def run(self, request: Request, post: Post) -> None:
        """Inject, hold until the time is over or `abort`, revert, wait until healthy, save; post every state.

        One that took its course, or was aborted here, leaves an incident with its truth sealed, as a drill does.

        Raises:
            InjectionFailed: it failed half way. The state that was posted last says how the way back ended.
            FaultError, DeploymentError: refused, nothing was touched.
        """
        from faults import catalog
        from faults.errors import InjectionFailed

        self._cancelled.clear()
        deployment = self._connected()
        engine = self._engine(deployment, self._armed)
        fault = catalog.load(request.fault, deployment.kind)
        reporter = InjectionReporter(request, post)
        recorder = self._recorder = DrillRecorder(engine.last_recovery(), self._clock)
        reporter.report(State.INJECTING)
        try:
            injection = engine.inject(fault, request.target, request.parameters, request.seconds)
        except InjectionFailed as error:
            reporter.report_end(error.undone, str(error))
            raise
        except BaseException as error:
            reporter.report_refusal(str(error))
            raise
        started = injection.injected_at
        reporter.report(State.ACTIVE, started=started, deadline=self._clock() + injection.remaining())
        why, whole = "interrupted", False
        try:
            reason = engine.hold(injection, self._cancelled.is_set)
            why, whole = reason or OVER, not reason or self._cancelled.is_set()
        finally:
            reporter.report(State.REVERTING, ended=self._clock(), detail=why)
            undone = engine.revert(
                injection, why, lambda message: reporter.report(State.REVERTING, detail=f"{why}: {message}")
            )
            whole = whole and undone.clean
            note = "" if whole or not undone.clean else f"; no incident was saved: it ended early, {why}"
            reporter.report_end(undone, undone.detail + note, self._clock() + AFTERMATH if whole else None)
        if whole:
            self._record(recorder, deployment, injection, reporter, post)

    def _record(
        self, recorder: DrillRecorder, deployment: Deployment, injection: Any, reporter: InjectionReporter, post: Post
    ) -> None:
        def waiting(seconds: float) -> None:
            reporter.report_recording(self._clock() + seconds)

        try:
            path = recorder.save(deployment, injection, waiting)
        except Exception as error:  # the fault is undone, whatever went wrong with its incident
            reporter.report_saved("")
            post(messages.Failed("The incident was not saved", described(error)))
            return
        reporter.report_saved("" if path is None else path.stem)
        if path is not None:
            post(messages.Saved(path, sealed=True))

    def finish(self, save: bool = True) -> None:
        """End the recording of an aftermath now, and save what there is of it or nothing. Returns at once."""
        if self._recorder is not None:
            self._recorder.finish(save)

    def abort(self) -> None:
        """Ask a running injection to end now. Returns at once; the states come as messages."""
        self._cancelled.set()

    def left_over(self) -> Injection | None:
        """What an earlier run left, without saying what it is: it may belong to a blind drill."""
        from faults.owner import Owner
        from faults.recover import pending

        found = [record for _, record in pending() if record is None or not Owner(*record.header.owner).alive()]
        if not found:
            return None
        subject = "an earlier fault is" if len(found) == 1 else f"{len(found)} earlier faults are"
        return Injection("earlier fault", "", State.STUCK, open=True, detail=f"{subject} not undone", inherited=True)

    def recover(self, left: Injection, post: Post) -> None:
        """Undo what an earlier run left."""
        from faults.recover import recover

        def report(detail: str) -> None:
            post(messages.InjectionChanged(replace(left, state=State.REVERTING, detail=detail)))

        report("")
        stuck = [undone for undone in recover(report) if undone.state is State.STUCK]
        if stuck:
            detail = "; ".join(undone.detail for undone in stuck)
            undo = " ; ".join(dict.fromkeys(undone.command for undone in stuck if undone.command))
            post(messages.InjectionChanged(replace(left, state=State.STUCK, detail=detail, undo=undo)))
        else:
            post(messages.InjectionChanged(replace(left, state=State.RECOVERED, open=False, detail="", undo="")))

    def _connected(self) -> Deployment:
        from cluster.deployment import DeploymentError
        from faults.catalog import NO_DEPLOYMENT

        deployment = self._deployment()
        if deployment is None:
            raise DeploymentError(NO_DEPLOYMENT)
        return deployment


class InjectionReporter:
    """Posts an injection as it goes on. Each report changes some of it and posts the whole."""

    def __init__(self, request: Request, post: Post) -> None:
        self._injection = Injection(request.fault, request.target, State.PLANNED, open=True)
        self._post = post

    def report(self, state: State, **changes: Any) -> None:
        """Something may still have to be undone."""
        self._report(state=state, open=True, **changes)

    def report_end(self, undone: Undone, detail: str, recorded_until: float | None = None) -> None:
        """The way back has ended; its aftermath is recorded until then, if at all."""
        stuck, command = undone.state is not State.RECOVERED, undone.command
        self._report(state=undone.state, open=stuck, detail=detail, undo=command, recorded_until=recorded_until)

    def report_recording(self, until: float) -> None:
        """The aftermath is recorded until then, unix seconds."""
        self._report(detail=self._injection.detail, recorded_until=until)

    def report_saved(self, name: str) -> None:
        """The recording has ended; the incident has this name, empty when there is none."""
        self._report(detail=self._injection.detail, recorded_until=None, saved=name)

    def report_refusal(self, reason: str) -> None:
        """Nothing was touched."""
        self._report(state=State.PLANNED, open=False, detail=reason)

    def _report(self, **changes: Any) -> None:
        self._injection = replace(self._injection, **{"detail": "", **changes})
        self._post(messages.InjectionChanged(self._injection))


def _engine(deployment: Deployment, armed: bool) -> Engine:
    from faults.engine import Engine

    return Engine(deployment, armed)


def _offer(fault: Fault[Any], deployment: Deployment | None) -> Offer:
    from faults import catalog

    found = catalog.availability(fault.name, deployment)
    targets = deployment.topology().of_kind(*fault.targets) if deployment is not None else ()
    shape = fault.parameters.model_json_schema().get("properties", {})
    return Offer(
        name=fault.name,
        summary=fault.summary,
        available=found.ok,
        reason=found.reason,
        needs=fault.needs,
        expects=tuple(f"{effect.role}: {effect.signal} {_change(effect)}" for effect in fault.effects),
        targets=tuple(component.id for component in targets),
        knobs=tuple(_knob(name, spec) for name, spec in shape.items()),
    )


def _change(effect: Effect) -> str:
    from faults.types import Direction

    if effect.direction is Direction.LOST:
        return "no longer measured"
    return f"{effect.direction} {effect.factor:g}× or more"


def _knob(name: str, spec: Mapping[str, Any]) -> Knob:
    low = spec.get("minimum", spec.get("exclusiveMinimum"))
    high = spec.get("maximum", spec.get("exclusiveMaximum"))
    bounds = f"{low:g} to {high:g}" if low is not None and high is not None else ""
    default = spec.get("default")
    return Knob(
        name=name,
        default="" if default is None else f"{default:g}" if isinstance(default, float) else str(default),
        bounds=bounds,
        about=str(spec.get("description", "")),
    )
