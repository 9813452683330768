"""The promise as a model: whatever fails, whoever dies, what is left in the target is on disk as pending."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import time
from pathlib import Path
from unittest import mock

from fake_deployment import FakeDeployment, connect
from fake_fault import Backend, FakeFault, Keeper
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from faults import journal as journals_module
from faults import recover, watchdog
from faults.engine import Engine, Injection
from faults.errors import FaultError
from faults.preflight import Preflight
from faults.states import State
from faults.undo import Undo

REAL_TIME = time.time
REAL_WRITE = journals_module._write


class Killed(BaseException):
    """kill -9: nothing of the process runs any more, not even its handlers (see `Promise.dead`)."""


class Promise(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.root = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.folder = self.root / "journal"
        self.deployment = FakeDeployment.start(self.root)
        self.backend = Backend()
        self.healthy = True
        self.disk_full_in: int | None = None
        self.clock_step = 0.0
        self.injection: Injection | None = None
        self.undo = Undo(
            connect=connect,
            load=lambda name, kind: FakeFault(self.backend),
            unhealthy=lambda deployment, level: "" if self.healthy else "it is slow",
            end_orphans=lambda tag: "",
            sleep=lambda seconds: None,
            health_patience=0.0,
            lock_patience=0.0,
        )
        self.stack.enter_context(mock.patch.object(watchdog, "start", lambda journal, command: Keeper()))
        self.stack.enter_context(mock.patch.object(time, "time", lambda: REAL_TIME() + self.clock_step))
        self.stack.enter_context(mock.patch.object(journals_module, "_write", self.write))
        self.stack.enter_context(mock.patch.object(os, "fsync", lambda descriptor: None))  # slow, and no power is cut

    def write(self, descriptor: int, line: bytes) -> None:
        if self.disk_full_in is not None:
            self.disk_full_in -= 1
            if self.disk_full_in < 0:
                os.write(descriptor, line[: len(line) // 2])  # what fits
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - len(line) // 2)
                raise OSError(errno.ENOSPC, "No space left on device")
        REAL_WRITE(descriptor, line)

    def engine(self) -> Engine:
        return Engine(
            self.deployment,
            armed=True,
            folder=self.folder,
            undo=self.undo,
            assess=lambda *_, **__: Preflight((), None),
        )

    @precondition(lambda self: not self.pending())
    @rule(
        fails=st.sampled_from(["", "", "before", "after"]),
        reverts=st.integers(0, 5),
        readbacks=st.integers(0, 5),
        full=st.none() | st.integers(0, 5),
    )
    def inject(self, fails: str, reverts: int, readbacks: int, full: int | None) -> None:
        self.backend.inject_fails = fails
        self.backend.reverts_that_fail, self.backend.readbacks_that_fail = reverts, readbacks
        self.disk_full_in = full
        before = set(self.backend.injected)
        try:
            self.injection = self.engine().inject(FakeFault(self.backend), "head", {}, 10)
        except FaultError:
            self.injection = None
            if full == 0:
                assert self.backend.injected == before, "a full disk must refuse before anything is touched"
        else:
            assert self.injection.plan.injection in self.backend.injected
            assert self.injection.journal.read().state is State.ACTIVE
        self.disk_full_in = None

    @precondition(lambda self: not self.pending())
    @rule(after=st.sampled_from([State.PLANNED, State.ARMED, State.INJECTING, State.ACTIVE]), wrote=st.booleans())
    def inject_and_die(self, after: State, wrote: bool) -> None:
        """The process ends right after that state was journalled, or in the middle of journalling the next one."""
        self.backend.inject_fails = ""
        real = journals_module.Journal.advance

        def advance(journal: journals_module.Journal, state: State, *rest: object, **named: object) -> object:
            if list(State).index(state) > list(State).index(after):
                if wrote:
                    with journal.path.open("ab") as file:
                        file.write(b'{"state": "' + state.encode())
                raise Killed
            return real(journal, state, *rest, **named)  # type: ignore[arg-type]

        dead = mock.patch.object(Undo, "__call__", side_effect=Killed)  # no handler runs in a killed process
        with mock.patch.object(journals_module.Journal, "advance", advance), dead, contextlib.suppress(Killed):
            self.engine().inject(FakeFault(self.backend), "head", {}, 10)
        self.injection = None

    @precondition(lambda self: self.injection is not None)
    @rule(healthy=st.booleans())
    def revert(self, healthy: bool) -> None:
        assert self.injection is not None
        self.healthy = healthy
        undone = self.engine().revert(self.injection)
        assert undone.clean == (self.injection.plan.injection not in self.backend.injected)
        assert (undone.state is State.RECOVERED) <= undone.clean
        assert undone.state is State.RECOVERED or undone.command
        self.injection = None

    @rule()
    def watchdog_acts(self) -> None:
        """As it would when the owner is dead; the owner notices when it looks at its journal again."""
        for journal, record in recover.pending(self.folder):
            assert record is not None
            if record.state not in (State.PLANNED, State.STUCK):
                assert self.undo(journal, "the process that injected is dead").state in (State.RECOVERED, State.STUCK)

    @rule(step=st.sampled_from([-1e6, -5.0, 0.0, 5.0, 1e6]))
    def clock_steps(self, step: float) -> None:
        deadlines = [record.deadline for _, record in recover.pending(self.folder) if record and record.deadline]
        before = [deadline.remaining() for deadline in deadlines]
        self.clock_step += step
        after = [deadline.remaining() for deadline in deadlines]
        assert all(abs(a - b) < 5 for a, b in zip(after, before, strict=True)), "a clock step moved a deadline"

    @rule(garbage=st.sampled_from([b"{", b'{"state": "RECOV', b"\x00\x00", b'{"state": "RECOVERED"}']))
    def last_line_torn(self, garbage: bytes) -> None:
        for journal, _ in recover.pending(self.folder):
            with journal.path.open("ab") as file:
                file.write(garbage)

    @rule(fails=st.integers(0, 2), healthy=st.booleans(), full=st.none() | st.integers(0, 3))
    def recover_all(self, fails: int, healthy: bool, full: int | None) -> None:
        self.backend.reverts_that_fail, self.backend.readbacks_that_fail = fails, 0
        self.healthy = healthy
        self.disk_full_in = full
        for undone in recover.recover(folder=self.folder, undo=self.undo):
            assert undone.clean, "revert fails twice, then works"
        self.disk_full_in = None
        assert not self.backend.injected

    def pending(self) -> list[str]:
        return [journal.id for journal, _ in recover.pending(self.folder)]

    @invariant()
    def what_is_left_is_pending(self) -> None:
        assert self.backend.injected <= set(self.pending()), "something is injected that no journal would undo"

    @invariant()
    def every_journal_is_readable(self) -> None:
        for journal in journals_module.journals(self.folder):
            assert journal.read().steps[0].state is State.PLANNED

    def teardown(self) -> None:
        self.backend.reverts_that_fail = self.backend.readbacks_that_fail = 0
        self.disk_full_in, self.healthy = None, True
        assert all(undone.state is State.RECOVERED for undone in recover.recover(folder=self.folder, undo=self.undo))
        assert not self.backend.injected
        assert not self.pending()
        self.stack.close()


TestPromise = Promise.TestCase
TestPromise.settings = settings(
    max_examples=100,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
