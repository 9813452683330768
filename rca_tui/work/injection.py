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
from rca_tui.session import Injection, Knob, Offer, Rehearsal, Request
from rca_tui.work import messages

if TYPE_CHECKING:
    from textual.message import Message

    from cluster.deployment import Deployment
    from faults.engine import Engine
    from faults.types import Fault

Post = Callable[["Message"], object]


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
        """Inject, hold until the time is over or `abort`, revert, wait until healthy; post every state.

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
        why = "interrupted"
        try:
            why = engine.hold(injection, self._cancelled.is_set) or "its time is over"
        finally:
            reporter.report(State.REVERTING, ended=self._clock(), detail=why)
            undone = engine.revert(
                injection, why, lambda message: reporter.report(State.REVERTING, detail=f"{why}: {message}")
            )
            reporter.report_end(undone, undone.detail)

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

    def report_end(self, undone: Undone, detail: str) -> None:
        """The way back has ended."""
        stuck = undone.state is not State.RECOVERED
        self._report(state=undone.state, open=stuck, detail=detail, undo=undone.command)

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
        expects=tuple(f"{e.role.value}: {e.signal} {e.direction.value} {e.factor:g}× or more" for e in fault.effects),
        targets=tuple(component.id for component in targets),
        knobs=tuple(_knob(name, spec) for name, spec in shape.items()),
    )


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
