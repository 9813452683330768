"""How an injection is undone from its journal alone: by the engine, the watchdog and `recover` alike."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cluster.deployment import DeploymentError
from cluster.text.times import span
from faults import catalog, reconnect, steady
from faults.errors import FaultError, JournalError
from faults.journal import Header, Journal, Record
from faults.states import State, Undone
from faults.steady import Level
from faults.types import Fault, Plan, Readback

if TYPE_CHECKING:
    from cluster.deployment import Deployment

ATTEMPTS = 4
BACKOFF = 1.0  # s before the second attempt; doubles with each
SETTLE = 1.0  # s; a process that was killed while it injected may have started something that is not visible yet
LONGEST_BACKOFF = 10.0  # s
OUTAGE_PATIENCE = 60.0  # s that an API server may be away, while a person waits
LOCK_PATIENCE = 20.0  # s; longer than any deadline of a process that holds the lock and does not hang
HEALTH_PATIENCE = 120.0  # s that the service may take to work off its queues
HEALTH_POLL = 2.0  # s

Connect = Callable[[Header], "Deployment | None"]
Progress = Callable[[str], None]


class _NotUndone(Exception):
    """With the last failure; `outage`: the deployment could not be reached."""

    def __init__(self, failure: str, outage: bool) -> None:
        super().__init__(failure)
        self.outage = outage


class _DeploymentGone(Exception):
    """That instance of the deployment has ended."""


@dataclass(frozen=True)
class Undo:
    """Reverts, reads back, waits until the service is healthy, and journals how it ended. Tests replace the attributes.

    Attributes:
        connect: from the header to the deployment; None when that instance has ended; raises DeploymentError.
        load: from the catalogue name and the kind of deployment to the fault.
        unhealthy: why the service is not healthy yet, empty when it is; raises DeploymentError.
        stretch: seconds without the fault that `unhealthy` looks at; raises DeploymentError.
        end_orphans: ends what the injection left where the deployment has ended; returns the command for the rest.
        health_patience: seconds to wait until the service is healthy.
        lock_patience: seconds to wait for another process that works on the same injection.
        outage_patience: seconds to go on trying while the deployment cannot be reached.
    """

    connect: Connect = reconnect.connect
    load: Callable[[str, str], Fault[Any]] = catalog.load
    unhealthy: Callable[[Deployment, Level | None], str] = steady.unhealthy
    stretch: Callable[[Deployment], float] = steady.healthy_stretch
    end_orphans: Callable[[Header], str] = reconnect.end_orphans
    sleep: Callable[[float], None] = time.sleep
    health_patience: float = HEALTH_PATIENCE
    lock_patience: float = LOCK_PATIENCE
    outage_patience: float = OUTAGE_PATIENCE

    def __call__(
        self,
        journal: Journal,
        why: str,
        deployment: Deployment | None = None,
        progress: Progress = lambda message: None,
        known: Record | None = None,
    ) -> Undone:
        """Undo one injection, whatever its state. A failure ends as STUCK, not as an exception.

        Args:
            why: for the journal.
            deployment: the connected deployment, if there is one; without it, or when it fails, it is connected again.
            known: the journal as last read, used when the file has been lost.

        Raises:
            JournalError: the journal cannot be read and nothing is known of it, so nobody can tell what to undo.
        """
        with contextlib.ExitStack() as opened:
            # Without the lock it still reverts: reverting twice does no harm.
            with _locked(journal, self.lock_patience, known) as alone:
                record = _read(journal, known)
                if not record.pending:
                    return Undone(journal.id, State.RECOVERED, True, record.detail)
                _note(journal, State.REVERTING, why)
                if not record.touched:
                    return _end(journal, State.RECOVERED, True, "nothing had been injected")
                try:
                    plan = Plan.from_json(record.header.plan)
                except FaultError as error:
                    return _end(journal, State.STUCK, False, str(error), _by_hand(journal))
                if not record.genuine:  # what it says is undone within bounds, but not shown as a command to run
                    plan = replace(plan, undo=_by_hand(journal))
                try:
                    fault = self.load(record.header.fault, record.header.kind)
                except FaultError as error:  # the package that had it is gone
                    return _end(journal, State.STUCK, False, str(error), plan.undo)
                progress("reverting")
                try:
                    where = self._revert_until_clean(fault, plan, record, deployment, opened, progress)
                except _DeploymentGone:
                    return self._undo_without_deployment(journal, record.header, plan, fault)
                except _NotUndone as error:
                    return _end(journal, State.STUCK, False, str(error), plan.undo, error.outage)
                _note(journal, State.REVERTING, "read back clean", {"clean": True})
                if not alone:  # it may be suspended while it injects, and touch the target later
                    detail = "it reads back clean, but another process still works on it"
                    return _end(journal, State.STUCK, True, detail, "rca-tui recover (when that process has ended)")
            progress("undone, waiting for the service to be healthy")
            reason = self._wait_until_healthy(where, Level.from_json(record.header.sli), progress)
            return self._close(journal, record, reason)

    def _revert_until_clean(
        self,
        fault: Fault[Any],
        plan: Plan,
        record: Record,
        given: Deployment | None,
        opened: contextlib.ExitStack,
        progress: Progress,
    ) -> Deployment:
        """Revert until it reads back clean. Raises _NotUndone when it never does.

        Four attempts; those that an outage ended do not count, until it has lasted for `outage_patience`.
        """
        half_way = all(step.state is not State.ACTIVE for step in record.steps)
        attempts, waited, backoff = 0, 0.0, BACKOFF
        while True:
            outage = False
            try:
                where = given or self._reconnect(record.header, opened)
                fault.revert(where, plan)
                if half_way:
                    self.sleep(SETTLE)
                    fault.revert(where, plan)
                readback = fault.readback(where, plan)
                if readback.clean:
                    return where
                failure = readback.detail
            except _DeploymentGone:
                raise
            except DeploymentError as error:
                failure, outage, given = str(error), error.passing, None
            except Exception as error:  # whatever a fault's code raises, it is tried again, and ends as STUCK at worst
                failure, given = f"{type(error).__name__}: {error}", None
            attempts += not outage
            if attempts == ATTEMPTS or (outage and waited >= self.outage_patience):
                tried = f"{waited:.0f} s" if outage else f"{ATTEMPTS} attempts"
                raise _NotUndone(f"not undone after {tried}: {failure}", outage)
            progress(f"not undone yet, trying again: {failure}")
            self.sleep(backoff)
            waited, backoff = waited + backoff, min(2 * backoff, LONGEST_BACKOFF)

    def _reconnect(self, header: Header, opened: contextlib.ExitStack) -> Deployment:
        deployment = self.connect(header)
        if deployment is None:
            raise _DeploymentGone
        opened.callback(deployment.close)
        return deployment

    def _undo_without_deployment(self, journal: Journal, header: Header, plan: Plan, fault: Fault[Any]) -> Undone:
        """Undo what outlives the deployment: processes and settings of this machine."""
        try:
            command = self.end_orphans(header)
        except DeploymentError:  # the plan's own command is left to a person
            command = plan.undo
        try:
            found = fault.revert_without(plan)
        except Exception as error:  # as in `_revert_until_clean`
            found = Readback(False, str(error) or type(error).__name__)
        if not found.clean:
            detail = f"the deployment is gone, the fault is not: {found.detail}"
            return _end(journal, State.STUCK, False, detail, plan.undo)
        if command:
            return _end(journal, State.STUCK, False, "the deployment is gone, its stressors are not", command)
        return _end(journal, State.RECOVERED, True, found.detail)

    def _wait_until_healthy(self, where: Deployment, before: Level | None, progress: Progress) -> str:
        """Why it is not healthy when patience ends; empty when it is. Meanwhile says so, and for how long it waits.

        Samples from before the revert say nothing: a request that a frozen pod holds back has no latency yet.
        """
        try:
            without = self.stretch(where)
        except Exception:  # as in the loop
            without = steady.HEALTHY_SECONDS
        began = time.monotonic()
        self.sleep(without)
        until = time.monotonic() + self.health_patience
        while True:
            try:
                reason = self.unhealthy(where, before)
            except Exception as error:  # a failing check must not leave the journal unfinished
                reason = str(error) or type(error).__name__
            if not reason or time.monotonic() >= until:
                return reason
            progress(f"undone; {reason}, waiting {span(time.monotonic() - began)}")
            self.sleep(HEALTH_POLL)

    def _close(self, journal: Journal, record: Record, reason: str) -> Undone:
        with _locked(journal, self.lock_patience, record):
            now = _read(journal, record)
            if not now.pending:  # another process waited as well and was first
                return Undone(journal.id, State.RECOVERED, True, now.detail)
            if not reason:
                return _end(journal, State.RECOVERED, True, "read back clean, and healthy")
            command = f"rca-tui recover (again later), or restart the {record.header.kind} deployment"
            return _end(journal, State.STUCK, True, f"the fault is gone but the service is not well: {reason}", command)


def _by_hand(journal: Journal) -> str:
    """In place of a command, where only the file itself says which."""
    return f"end by hand what the plan in {journal.path} started"


@contextlib.contextmanager
def _locked(journal: Journal, patience: float, known: Record | None) -> Iterator[bool]:
    """`journal.locked`. True also where the file has been lost: then nobody can tell."""
    with contextlib.ExitStack() as held:
        try:
            alone = held.enter_context(journal.locked(patience))
        except OSError:
            if known is None:
                raise
            alone = True
        yield alone


def _read(journal: Journal, known: Record | None) -> Record:
    try:
        return journal.read()
    except JournalError:
        if known is None:
            raise
        return known


def _end(journal: Journal, state: State, clean: bool, detail: str, command: str = "", outage: bool = False) -> Undone:
    data: dict[str, Any] = ({"command": command} if command else {}) | ({"outage": True} if outage else {})
    if failed := _note(journal, state, detail, data):  # the step before it may have failed as well
        failed = _note(journal, State.REVERTING, "it is being undone") or _note(journal, state, detail, data)
    return Undone(journal.id, state, clean, f"{detail}; {failed}" if failed else detail, command)


def _note(journal: Journal, state: State, detail: str, data: dict[str, Any] | None = None) -> str:
    """Journal it if possible: a full disk is no reason to leave a fault in place. Returns why it was not possible."""
    try:
        journal.advance(state, detail, data)
    except JournalError as error:
        return str(error)
    return ""
