"""Faults, from a worker thread: the catalogue for a deployment, the dry run, and an injection from start to recovered.

The promise to undo is kept in `faults`; this calls it and says how far it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from faults.states import State
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
        kind = catalog.LOCAL if deployment is None else deployment.kind
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
        """Inject, hold until the time is over or `abort`, revert, wait until healthy; tell every state.

        Raises FaultError or DeploymentError when nothing was injected.
        """
        from faults import catalog

        self._cancelled.clear()
        deployment = self._connected()
        engine = self._engine(deployment, self._armed)
        fault = catalog.load(request.fault, deployment.kind)
        told = _Told(request, post)
        told.tell(State.INJECTING, open=True)
        try:
            injection = engine.inject(fault, request.target, request.parameters, request.seconds)
        except BaseException as error:
            stuck = "STUCK" in str(error)
            told.tell(State.STUCK if stuck else State.RECOVERED, open=stuck, detail=str(error))
            raise
        started = injection.injected_at
        told.tell(State.ACTIVE, True, started=started, deadline=self._clock() + injection.remaining())
        why = "interrupted"
        try:
            why = engine.hold(injection, self._cancelled.is_set) or "its time is over"
        finally:
            told.tell(State.REVERTING, True, ended=self._clock(), detail=why)
            undone = engine.revert(
                injection, why, lambda words: told.tell(State.REVERTING, True, detail=f"{why}: {words}")
            )
            open = undone.state is not State.RECOVERED
            told.tell(undone.state, open, detail=undone.detail, undo=undone.command)

    def abort(self) -> None:
        """Ask a running injection to end now. Returns at once; the states come as messages."""
        self._cancelled.set()

    def left_over(self) -> Injection | None:
        """What an earlier run left, without saying what it is: it may belong to a blind drill."""
        from faults.recover import pending

        found = [record for _, record in pending() if record is None or not _owned(*record.header.owner)]
        if not found:
            return None
        words = "an earlier fault is" if len(found) == 1 else f"{len(found)} earlier faults are"
        return Injection("earlier fault", "", State.STUCK, open=True, detail=f"{words} not undone", inherited=True)

    def recover(self, left: Injection, post: Post) -> None:
        """Undo what an earlier run left."""
        from faults.recover import recover

        post(messages.InjectionChanged(replace(left, state=State.REVERTING, detail="")))

        def tell(words: str) -> None:
            post(messages.InjectionChanged(replace(left, state=State.REVERTING, detail=words)))

        ended = recover(tell)
        stuck = next((one for one in ended if one.state is not State.RECOVERED), None)
        if stuck:
            post(messages.InjectionChanged(replace(left, state=State.STUCK, detail=stuck.detail, undo=stuck.command)))
        else:
            post(messages.InjectionChanged(replace(left, state=State.RECOVERED, open=False, detail="", undo="")))

    def _connected(self) -> Deployment:
        from cluster.deployment import DeploymentError
        from faults.catalog import NO_DEPLOYMENT

        deployment = self._deployment()
        if deployment is None:
            raise DeploymentError(NO_DEPLOYMENT)
        return deployment


def _owned(pid: int, started: int) -> bool:
    """Whether the process that injects still lives: then it is not left over."""
    from cluster.local.processes import identify

    found = identify(pid)
    return found is not None and found.started == started


class _Told:
    """The injection as last told; each `tell` changes some of it and posts the whole."""

    def __init__(self, request: Request, post: Post) -> None:
        self._last = Injection(request.fault, request.target, State.PLANNED, open=True)
        self._post = post

    def tell(self, state: State, open: bool, **changes: Any) -> None:
        self._last = replace(self._last, state=state, open=open, **{"detail": "", **changes})
        self._post(messages.InjectionChanged(self._last))


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
        kind=str(spec.get("type", "string")),
    )
