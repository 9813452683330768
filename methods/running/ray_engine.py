"""Methods × incidents over a Ray cluster: `rca-tui evaluate --engine ray`. Ray is imported only when this is used.

The cluster is the one that RAY_ADDRESS names, else one that is started here and ends with the run. It is never one
that happens to run on this machine: that may be the deployment under test.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from cluster.errors import RcaError
from methods.answer.types import NoRanking, Reason
from methods.running.pool import PATIENCE, Answer, Cancelled, Task
from methods.running.worker import rank

# A task waits for a Ray worker to start before it begins: this much is added to its limit.
START_ALLOWANCE = 30.0


class NoRay(RcaError):
    """Ray is not installed or does not start; the message says which, and what to do."""


@dataclass(frozen=True)
class _Running:
    task: Task
    begun: float


class RayEngine:
    """As `methods.running.pool.Pool`, on Ray. Raises NoRay."""

    def __init__(self) -> None:
        try:
            import ray
        except ImportError as error:
            raise NoRay("the ray engine needs Ray: pip install 'rca-tui[local]'") from error
        self._ray = ray
        self._ours = not ray.is_initialized()
        if self._ours:
            try:
                ray.init(
                    address=os.environ.get("RAY_ADDRESS", "local"),
                    include_dashboard=False,
                    log_to_driver=False,
                    configure_logging=False,
                )
            # Ray raises plain exceptions of many kinds here, and leaves what it has started.
            except Exception as error:
                ray.shutdown()
                sentence = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise NoRay(f"Ray did not start: {sentence} The engine `pool` needs no cluster.") from error
        self._rank = ray.remote(num_cpus=1, max_retries=0)(rank)

    def __enter__(self) -> RayEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ours:
            self._ray.shutdown()

    def run(self, tasks: Iterable[Task], cancelled: Cancelled | None = None) -> Iterator[Answer]:
        """As many tasks at once as the cluster has CPUs. Incidents go into Ray's object store, once each."""
        waiting = deque(tasks)
        running: dict[Any, _Running] = {}
        stored: tuple[str, Any] = ("", None)
        try:
            while waiting or running:
                if cancelled is not None and cancelled.is_set():
                    return
                while waiting and len(running) < max(1, int(self._ray.cluster_resources().get("CPU", 1))):
                    task = waiting.popleft()
                    if stored[0] != task.key:
                        stored = (task.key, self._ray.put(task.incident()))
                    running[self._rank.remote(stored[1], task.method, task.seed)] = _Running(task, time.monotonic())
                done, _ = self._ray.wait(list(running), num_returns=1, timeout=0.2)
                for reference in done:
                    yield self._answer(reference, running.pop(reference))
                yield from self._overdue(running)
        finally:
            for reference in running:
                self._ray.cancel(reference, force=True)

    def _answer(self, reference: Any, one: _Running) -> Answer:
        try:
            outcome, seconds = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            sentence = f"the Ray worker ended: {str(error).strip().splitlines()[0]}"
            return Answer(one.task, NoRanking(Reason.ERROR, sentence), time.monotonic() - one.begun)
        return Answer(one.task, outcome, seconds)

    def _overdue(self, running: dict[Any, _Running]) -> Iterator[Answer]:
        for reference, one in list(running.items()):
            took = time.monotonic() - one.begun
            # What CPU time it has used cannot be seen from here.
            if took > PATIENCE * one.task.deadline + START_ALLOWANCE:
                del running[reference]
                self._ray.cancel(reference, force=True)
                late = NoRanking(Reason.TIMEOUT, f"no answer within {PATIENCE * one.task.deadline:g} s")
                yield Answer(one.task, late, took)
