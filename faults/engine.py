"""Injects a fault, holds it until its deadline, reverts it: preflight → journal → watchdog → inject → revert.

Read-only unless armed. Whatever happens between the first and the last step, including the death of this process, ends
in a revert: here, by the watchdog, or by `faults.recover`.
"""

from __future__ import annotations

import contextlib
import math
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faults import clock, preflight, steady, watchdog
from faults.clock import Moment
from faults.errors import InjectionFailed, JournalError, ReadOnly, Refused
from faults.journal import Header, IllegalTransition, Journal, Record, Step, journals, planning
from faults.owner import Owner
from faults.preflight import Preflight
from faults.states import State, Undone
from faults.steady import Level
from faults.types import Fault, Parameters, Plan
from faults.undo import LOCK_PATIENCE, Undo

if TYPE_CHECKING:
    from cluster.deployment import Deployment

MIN_SECONDS, MAX_SECONDS = 1.0, 600.0
ALLOWANCE = 15.0  # s between arming and the end that arming, injecting and reading back may take in all
SHOW_PATIENCE = 3.0  # s until an injected fault can be read back: a process that starts does not show at once
POLL = 0.25  # s between two reads of the journal and the clock while active
CANCELLED = "cancelled"
"""What `hold` returns when it was told to end."""
LOOK = 2.0  # s between two checks of the deployment


@dataclass(frozen=True)
class Injection:
    """An active injection: the handle to hold and revert it with.

    Attributes:
        record: its journal at the moment when it became active.
        ends: when it is reverted.
        injected_at: unix seconds.
        keeper: the watchdog's process.
    """

    fault: Fault[Any]
    plan: Plan
    journal: Journal
    record: Record
    ends: Moment
    injected_at: float
    keeper: subprocess.Popen[bytes]

    def remaining(self) -> float:
        """Seconds until it is reverted, 0 when it is due."""
        return max(0.0, self.ends.remaining())


class Engine:
    """Injects into one deployment.

    Args:
        armed: False makes it read-only: it plans and checks, and refuses to inject.
        abort_above: share of failed requests at the front door above which a fault is reverted at once.
        folder: of the journals, by default `cluster.paths.journal()`.
        undo, watchdog_command, assess: tests replace these.
    """

    def __init__(
        self,
        deployment: Deployment,
        armed: bool,
        *,
        abort_above: float = steady.ABORT_ERROR_RATIO,
        folder: Path | None = None,
        undo: Undo | None = None,
        watchdog_command: Sequence[str] = watchdog.COMMAND,
        assess: Callable[..., Preflight] = preflight.check,
    ) -> None:
        self.deployment = deployment
        self.armed = armed
        self.folder = folder
        self._abort_above = abort_above
        self._undo = undo or Undo()
        self._watchdog_command = tuple(watchdog_command)
        self._assess = assess

    def check(self, fault: Fault[Any], target: str, *, steady_state: bool = True) -> Preflight:
        """Run every preflight check. Reads only."""
        return self._assess(self.deployment, fault, target, folder=self.folder, steady_state=steady_state)

    def last_recovery(self) -> float:
        """Unix seconds at which the newest injection into this deployment ended; 0 when there was none.

        By the wall clock as it is now, which may have been set since.
        """
        ends = [0.0]
        for journal in journals(self.folder):
            record = journal.read()
            if not record.pending and record.touched and record.header.instance == self.deployment.instance:
                ends.append(_end_of(record.steps[-1]))
        return max(ends)

    def dry_run(self, fault: Fault[Any], target: str, parameters: Mapping[str, Any], seconds: float) -> Plan:
        """Exactly what `inject` would do. Reads only; raises FaultError or DeploymentError as `inject` would."""
        check_seconds(seconds)
        chosen = fault.parse(parameters)
        self.check(fault, target, steady_state=False).require()
        return self._plan(fault, target, chosen, seconds)

    def inject(self, fault: Fault[Any], target: str, parameters: Mapping[str, Any], seconds: float) -> Injection:
        """Inject the fault, for `seconds` at most.

        When it returns, the fault has been read back as present and a watchdog keeps the deadline. The caller then
        calls `hold` (or waits in its own way) and `revert`.

        Raises:
            ReadOnly, BadParameters, Refused, JournalError: nothing was touched.
            InjectionFailed: it went wrong on the way; its `undone` says how the way back ended.
            DeploymentError: the deployment failed before anything was touched.
        """
        if not self.armed:
            raise ReadOnly("read-only: nothing is injected unless armed")
        check_seconds(seconds)
        chosen = fault.parse(parameters)
        with planning(self.folder):
            report = self.check(fault, target)
            report.require()
            plan = self._plan(fault, target, chosen, seconds)
            journal = Journal.create(self._header(plan, seconds, report.level), self.folder)
        try:
            deadline = clock.now().after(seconds + ALLOWANCE)
            journal.advance(State.ARMED, f"for {seconds:g} s", {"deadline": deadline.seconds})
            keeper = watchdog.start(journal, self._watchdog_command)
            ends, injected_at = self._inject(fault, plan, journal, seconds)
            record = journal.read()
        except BaseException as error:
            reason = _reason(error)
            undone = self._undo_failed(journal, plan, reason)
            if not isinstance(error, Exception) and undone.state is State.RECOVERED:
                raise
            raise InjectionFailed(reason, undone) from error
        return Injection(fault, plan, journal, record, ends, injected_at, keeper)

    def _undo_failed(self, journal: Journal, plan: Plan, reason: str) -> Undone:
        """Undo an injection that failed. Never raises, also when the journal has been lost."""
        try:
            return self._undo(journal, f"injecting failed: {reason}", self.deployment)
        except (JournalError, OSError) as error:
            return Undone(journal.id, State.STUCK, False, str(error), plan.undo)

    def _inject(self, fault: Fault[Any], plan: Plan, journal: Journal, seconds: float) -> tuple[Moment, float]:
        with journal.locked(LOCK_PATIENCE) as alone:
            if not alone:
                raise Refused("another process holds this injection")
            journal.advance(State.INJECTING)
            fault.inject(self.deployment, plan)
            until = time.monotonic() + SHOW_PATIENCE
            while (found := fault.readback(self.deployment, plan)).clean:
                if time.monotonic() >= until:
                    raise Refused(f"it did not take: {found.detail}")
                time.sleep(0.05)
            step = journal.advance(State.ACTIVE, found.detail)
        return clock.now().after(seconds), step.wall

    def hold(
        self,
        injection: Injection,
        cancelled: Callable[[], bool] = lambda: False,
        tick: Callable[[float], None] = lambda remaining: None,
    ) -> str:
        """Wait until the deadline, or until a transient fault has ended. Returns why it must end early, else "".

        Args:
            cancelled: called several times a second.
            tick: called as often with the remaining seconds.
        """
        next_look = time.monotonic() + LOOK
        while (remaining := injection.remaining()) > 0:
            tick(remaining)
            if cancelled():
                return CANCELLED
            if injection.keeper.poll() is not None:
                return "its watchdog died"
            if reason := _taken_over(injection.journal):
                return reason
            if time.monotonic() >= next_look:
                if reason := self._reason_to_abort(injection):
                    return reason
                if self._ended_on_its_own(injection):
                    return ""
                next_look = time.monotonic() + LOOK
            time.sleep(min(POLL, remaining))
        return ""

    def revert(
        self,
        injection: Injection,
        why: str = "its time is over",
        progress: Callable[[str], None] = lambda message: None,
    ) -> Undone:
        """Revert it now, read back, wait until the service is healthy: RECOVERED, or STUCK with a command for a person.

        Blocks for up to about three minutes, longer where telemetry is scraped seldom. Never raises, also when the
        journal has been lost.
        """
        undone = self._undo(injection.journal, why, self.deployment, progress, injection.record)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it keeps trying in a session of its own
            injection.keeper.wait(timeout=5)  # it sees the end in the journal within half a second
        return undone

    def _plan(self, fault: Fault[Any], target: str, parameters: Parameters, seconds: float) -> Plan:
        injection = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
        plan = fault.plan(self.deployment, target, parameters, injection, seconds)
        if len(plan.components) > fault.blast_radius:
            touched = ", ".join(plan.components)
            raise Refused(f"refused, nothing was touched: {fault.name} may hit {fault.blast_radius}, not {touched}")
        return plan

    def _header(self, plan: Plan, seconds: float, level: Level | None) -> Header:
        owner = Owner.current()
        if owner is None:
            raise Refused("refused, nothing was touched: the system does not show when this process began")
        return Header(
            injection=plan.injection,
            kind=self.deployment.kind,
            name=self.deployment.name,
            instance=self.deployment.instance,
            fault=plan.fault,
            target=plan.target,
            plan=plan.as_json(),
            seconds=seconds,
            owner=(owner.pid, owner.started),
            sli={} if level is None else level.as_json(),
        )

    def _reason_to_abort(self, injection: Injection) -> str:
        """Why the fault must be reverted before its deadline; empty when it need not be."""
        try:
            active = injection.record.steps[-1]
            if reason := clock.set_since(active.wall, active.moment):
                return reason
            if reason := steady.out_of_bounds(self.deployment, self._abort_above):
                return reason
            if injection.fault.transient:
                return ""
            for component, uid in injection.plan.uids.items():
                if preflight.uid_of(self.deployment, component) != uid:
                    return f"{component} was replaced"
            if injection.fault.readback(self.deployment, injection.plan).clean:
                return "the fault is gone before its time"
        except Exception as error:  # whatever a check of the deployment raises, the fault must be reverted
            return str(error) or type(error).__name__
        return ""

    def _ended_on_its_own(self, injection: Injection) -> bool:
        """Whether a transient fault has ended, as expected."""
        with contextlib.suppress(Exception):  # `_reason_to_abort` reports it
            return injection.fault.transient and injection.fault.readback(self.deployment, injection.plan).clean
        return False


def _taken_over(journal: Journal) -> str:
    try:
        record: Record = journal.read()
    except JournalError as error:
        return str(error)
    return "" if record.state is State.ACTIVE else f"another process is undoing it: {record.detail}"


def _end_of(step: Step) -> float:
    """When it was, in unix seconds. Where the clocks disagree, one was set or is of another boot: the later counts."""
    ages = (time.time() - step.wall, -step.moment.remaining())
    return time.time() - min((age for age in ages if age >= 0), default=math.inf)


def check_seconds(seconds: float) -> None:
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise Refused(f"a fault lasts {MIN_SECONDS:g} to {MAX_SECONDS:g} s, not {seconds:g} s")


def _reason(error: BaseException) -> str:
    return "another process ended it" if isinstance(error, IllegalTransition) else str(error) or type(error).__name__
