"""Processes that rank incidents and can be killed: the parent's side of `methods.running.worker`.

The workers are started with `subprocess`, not forked and not through multiprocessing's spawn: a threaded process such
as a Textual app cannot be forked safely, and spawn would import the caller's main module again. Each has one BLAS
thread, a limit on its memory, and a deadline for each task, after which it is killed and replaced. Those that nobody
waits for, or that would slow down the app around them, have a low priority.

A deadline is in CPU seconds, so that what else runs on the machine does not decide whether a method has an answer. One
that waits without computing is killed after `PATIENCE` times as many seconds by the clock.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import connection as mp
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

import psutil

from cluster.errors import RcaError
from methods.answer.types import NoRanking, Outcome, Reason
from methods.running.limits import TOO_MUCH_MEMORY

if TYPE_CHECKING:
    from cluster.incident.model import Incident

START_LIMIT = 60.0
"""CPU seconds that a worker may take to start, or to receive an incident."""
PATIENCE = 10.0
MEMORY_LIMIT = 3 * 2**30
TICK = 0.1
BACKGROUND = 10
"""Niceness of workers that leave the processor to everything else."""
# A process takes longer to start than most methods to answer: few tasks share one, until one of them takes long.
_TASKS_A_WORKER = 4
_LONG = 0.5
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class NotStarted(RcaError):
    """A process for the methods ended, or took too long, before it could take a task."""


class Cancelled(Protocol):
    """A `threading.Event`, or another object that says whether to stop."""

    def is_set(self) -> bool: ...


@dataclass(frozen=True)
class Task:
    """Rank one incident with one method. Tasks with the same `key` share the incident, which is loaded when needed.

    `deadline` is in CPU seconds.
    """

    key: str
    incident: Callable[[], Incident]
    method: str
    seed: int
    deadline: float


@dataclass(frozen=True)
class Answer:
    task: Task
    outcome: Outcome
    seconds: float


def default_workers() -> int:
    """One for each core that this process may use, four at most."""
    own = psutil.Process()
    # macOS cannot bind a process to cores, so that psutil has no such question there.
    cores = len(own.cpu_affinity() or ()) if hasattr(own, "cpu_affinity") else psutil.cpu_count()
    return min(4, cores or 1)


class Pool:
    """Up to `workers` processes, started when there is work for them. A context manager: leaving it kills them all.

    Args:
        workers: None for one a core.
        memory_limit: bytes for each.
        background: leave the processor to everything else on the machine. A command that a person waits for does not:
            on a busy machine it would hardly get on.
    """

    def __init__(
        self, workers: int | None = None, memory_limit: int | None = None, *, background: bool = False
    ) -> None:
        self._most = workers or default_workers()
        # Together they must leave room for everything else on the machine.
        share = psutil.virtual_memory().total // 2 // self._most
        self._memory = memory_limit or min(MEMORY_LIMIT, share)
        self._background = background
        self._workers: list[_Worker] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start one process ahead of the first task, which then need not wait for its imports."""
        if not self._workers:
            self._workers.append(_Worker(self._memory, self._background))

    def close(self) -> None:
        for worker in self._workers:
            worker.kill()
        self._workers.clear()

    def run(self, tasks: Iterable[Task], cancelled: Cancelled | None = None) -> Iterator[Answer]:
        """Start tasks in the given order, yield answers as they come. Stops, killing what runs, when cancelled.

        A task past its deadline is answered NoRanking(TIMEOUT), one whose process died NoRanking(ERROR).
        """
        waiting = deque(tasks)
        parcels = _Parcels()
        try:
            while waiting or any(w.task for w in self._workers):
                if cancelled is not None and cancelled.is_set():
                    return
                self._assign(waiting, parcels)
                parcels.prepare(waiting)
                ready = mp.wait([w.connection for w in self._workers], TICK)
                for worker in list(self._workers):
                    answer = worker.collect() if worker.connection in ready else worker.overdue()
                    if worker.dead:
                        self._workers.remove(worker)
                    if answer is not None:
                        yield answer
        finally:
            parcels.close()
            for worker in [w for w in self._workers if w.task]:
                worker.kill()
                self._workers.remove(worker)

    def _assign(self, waiting: deque[Task], parcels: _Parcels) -> None:
        idle = [w for w in self._workers if w.ready and not w.task]
        while waiting and idle:
            # A worker that already holds the incident is spared the sending.
            worker = next((w for w in idle if w.key == waiting[0].key), idle[0])
            idle.remove(worker)
            task = waiting.popleft()
            worker.begin(task, parcels.of(task))
        starting = sum(not w.ready for w in self._workers)
        wanted = len(waiting) if any(w.busy_for > _LONG for w in self._workers) else -(-len(waiting) // _TASKS_A_WORKER)
        while len(self._workers) < self._most and starting < wanted:
            self._workers.append(_Worker(self._memory, self._background))
            starting += 1


class _Parcels:
    """Pickled incidents: each pickled once, sent to every worker; the next one is made while they rank the last."""

    def __init__(self) -> None:
        self._key = ""
        self._bytes = b""
        self._next: tuple[str, Future[bytes]] | None = None
        self._thread = ThreadPoolExecutor(1)

    def of(self, task: Task) -> bytes:
        if task.key != self._key or not self._bytes:
            ahead, self._next = self._next, None
            self._bytes = ahead[1].result() if ahead and ahead[0] == task.key else _pickled(task)
            self._key = task.key
        return self._bytes

    def prepare(self, waiting: Iterable[Task]) -> None:
        """Begin the next incident of those that wait, unless it is begun."""
        if self._next is not None:
            return
        following = next((task for task in waiting if task.key != self._key), None)
        if following is not None:
            self._next = following.key, self._thread.submit(_pickled, following)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


def _pickled(task: Task) -> bytes:
    return bytes(ForkingPickler.dumps(("incident", task.incident())))


class _Worker:
    """One process. `ready` once it has answered; `task` is what it works on; `dead` when it has to be replaced."""

    def __init__(self, memory: int, background: bool) -> None:
        self.connection, theirs = mp.Pipe()
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115
        root = str(Path(__file__).resolve().parents[2])
        environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        with theirs:
            self.process = subprocess.Popen(
                # -P: a folder that happens to be the working directory must not shadow a module.
                [sys.executable, "-P", "-m", "methods.running.worker", str(theirs.fileno()), str(memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self.errors,
                env=environment,
                pass_fds=(theirs.fileno(),),
            )
        self._memory = memory
        self._watched = psutil.Process(self.process.pid)
        if background:
            with contextlib.suppress(psutil.Error):
                self._watched.nice(BACKGROUND)
        self.ready = False
        self.dead = False
        self.key = ""
        self.task: Task | None = None
        self._begun = time.monotonic()
        self._used = 0.0
        self._started = False

    @property
    def busy_for(self) -> float:
        """Seconds since its task began; 0 without one."""
        return time.monotonic() - self._begun if self.task else 0.0

    def begin(self, task: Task, parcel: bytes) -> None:
        self.task, self._begun, self._started = task, time.monotonic(), False
        self._used = self._cpu()
        # A worker that died since is noticed when its connection is read.
        with contextlib.suppress(OSError):
            if self.key != task.key:
                self.connection.send_bytes(parcel)
                self.key = task.key
            self.connection.send(("rank", task.method, task.seed))

    def collect(self) -> Answer | None:
        """Read one message; an answer if it ends the task or the process has died."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            return self._died()
        if message[0] == "ready":
            self.ready = True
        elif message[0] == "started":
            self._started, self._begun, self._used = True, time.monotonic(), self._cpu()
        elif self.task is not None:
            task, self.task = self.task, None
            return Answer(task, message[1], message[2])
        return None

    def overdue(self) -> Answer | None:
        """Kill it and answer for it when its task, or its start, has taken too long."""
        took = time.monotonic() - self._begun
        if not self.ready or (self.task and not self._started):
            overdue = self._overdue(START_LIMIT, took)
            what = "did not take in the incident" if self.ready else "did not start"
            return self._died(f"{what} {overdue}") if overdue else None
        task = self.task
        if task is None:
            return None
        if self._resident() > self._memory:
            why = NoRanking(Reason.ERROR, TOO_MUCH_MEMORY)
        elif overdue := self._overdue(task.deadline, took):
            why = NoRanking(Reason.TIMEOUT, f"no answer {overdue}")
        else:
            return None
        self.kill()
        return Answer(task, why, took)

    def _overdue(self, limit: float, took: float) -> str:
        """What it has had, which is enough, in words; empty while it has not: `limit` in CPU s, `took` by the clock."""
        if took <= limit:
            return ""
        if self._cpu() - self._used > limit:
            return f"within {limit:g} s of CPU time"
        patience = PATIENCE * limit
        return f"within {patience:g} s, most of which it waited" if took > patience else ""

    def _cpu(self) -> float:
        """CPU seconds that the process has used; 0 when it is gone, which is noticed elsewhere."""
        try:
            used = self._watched.cpu_times()
        except psutil.Error:
            return 0.0
        return float(used.user + used.system)

    def _resident(self) -> int:
        """Bytes of memory that the process holds; 0 when it is gone. The limit of last resort: see the worker's own."""
        try:
            return int(self._watched.memory_info().rss)
        except psutil.Error:
            return 0

    def kill(self) -> None:
        self.dead, self.task = True, None
        self.process.kill()
        self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()
        self.connection.close()
        self.errors.close()

    def _died(self, what: str = "") -> Answer | None:
        """Answer for the process, which `what` tells of, or its exit code. Raises NotStarted without a task."""
        task, never_ready = self.task, not self.ready
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)
        sentence = f"the worker process {what or _end(self.process.returncode)}"
        self.errors.seek(0)
        last = self.errors.read().decode(errors="replace").strip().splitlines()[-1:]
        self.kill()
        detail = f"{sentence} ({last[0]})" if last else sentence
        if task is None:
            if never_ready:
                raise NotStarted(f"no method could run, as {detail}", "free memory and CPU, then try again")
            return None
        return Answer(task, NoRanking(Reason.ERROR, detail), time.monotonic() - self._begun)


def _end(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
