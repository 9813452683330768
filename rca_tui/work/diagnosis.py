"""Onset, methods and verdict on an incident, in a worker thread. The analysis is in `methods`; this only calls it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from textual.message import Message

from cluster.deployment import DeploymentError
from cluster.text.times import clock_time
from cluster.window import Onset, OnsetSource, Window
from methods import catalog
from rca_tui.errors import described
from rca_tui.frames import incident_frames
from rca_tui.session import Diagnosis, Mark, Session, Snapshot
from rca_tui.work import messages

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.incident.model import Incident
    from methods.running.pool import Pool
    from methods.running.runner import Result
    from methods.verdict.types import Verdict

REFINE = 15.0
"""Seconds, while slow methods run, after which the verdict is decided anew: it takes about one second of CPU."""


def estimate(incident: Incident) -> Mark | None:
    """The onset as `methods.telemetry.onset` estimates it, None when the SLI shows no change or there is no SLI."""
    from methods.telemetry import onset

    result = onset.estimate(incident)
    return None if result.onset is None else Mark(result.onset.time, by_operator=False, claim=result.claim)


def search_onset(incident: Incident, post: Callable[[Message], object]) -> None:
    """Estimate the onset and post it."""
    post(messages.OnsetFound(estimate(incident)))


def capture(deployment: Deployment, start: float, end: float) -> Incident:
    """That time of a live deployment as an incident. Raises DeploymentError."""
    from cluster.capture import capture as record

    if not start < end:
        raise DeploymentError("nothing has arrived yet: ask again in a few seconds")
    return record(deployment, Window(start, end))


def read_from(session: Session, snapshot: Snapshot) -> float:
    """Unix seconds from which a live deployment is read: the window that is shown; of a drill, all since it began."""
    since = session.drill_since
    return max(snapshot.start, snapshot.end - session.span if since is None else since)


class Diagnoser:
    """Diagnoses what the session shows, one run at a time.

    Args:
        session: read in the thread of the user interface only.
        post: takes messages from the worker.
    """

    def __init__(self, session: Session, post: Callable[[Message], object]) -> None:
        self._session = session
        self._post = post
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._pool: Pool | None = None

    def prepare(self) -> None:
        """Start a process for the methods of the next run: it imports while the incident is read. Blocks."""
        from methods.running.pool import Pool

        if self._pool is not None:  # the incident could not be read, and is read again
            return
        pool = Pool(background=True)
        with suppress(OSError):  # the run tries again, and says why there is none
            pool.start()
        self._pool = pool
        if self._cancelled.is_set():  # what is open was left meanwhile
            self.cancel()

    def cancel(self) -> None:
        """Kill the methods that run, and the process that was started for the next ones."""
        self._cancelled.set()
        if (pool := self._taken()) is not None:
            pool.close()

    def _taken(self) -> Pool | None:
        """The process that was started ahead, for one run."""
        with self._lock:
            pool, self._pool = self._pool, None
            return pool

    def begin(self, snapshot: Snapshot, deployment: Deployment, quick: bool) -> tuple[Callable[[], None], str]:
        """Cancel the run before, and prepare one on the snapshot's incident or on the window of a live deployment.

        Args:
            quick: the quick methods alone.

        Returns:
            What a worker thread shall call, and a warning for the operator, empty without one.
        """
        self._cancelled.set()
        cancelled = self._cancelled = threading.Event()
        session, warning = self._session, ""
        mark = session.mark if session.mark and (session.mark.by_operator or session.replayed) else None
        start = read_from(session, snapshot)
        if mark is not None and snapshot.incident is None and not start < mark.time < snapshot.end:
            warning = f"the onset {clock_time(mark.time)} is outside this window: it will be estimated"
            mark = None
        searched = snapshot.incident is not None and session.onset_searched

        def post(message: Message) -> None:
            if self._cancelled is cancelled:  # results of an older run are dropped
                self._post(message)

        def work() -> None:
            from methods.running.pool import Pool

            if cancelled.is_set():
                return  # the process that was started ahead is for the run that replaced this one
            with self._taken() or Pool(background=True) as processes:
                try:
                    incident = snapshot.incident or capture(deployment, start, snapshot.end)
                except DeploymentError as error:
                    post(messages.Failed("Who is at fault cannot be told", described(error)))
                    return
                diagnose(incident, mark, post, processes, cancelled, searched, quick)

        return work, warning


def diagnose(
    incident: Incident,
    mark: Mark | None,
    post: Callable[[Message], object],
    processes: Pool,
    cancelled: threading.Event,
    searched: bool = False,
    quick: bool = False,
) -> None:
    """Decide, then run the methods and post each result as it comes; the contrast runs last.

    The verdict is posted before the methods run, after the quick ones, every `REFINE` seconds, and at the end.

    Args:
        mark: the onset that the operator set or that was estimated; None to estimate it here.
        processes: the methods run in them.
        cancelled: when set, running methods are killed and no more results come.
        searched: the onset of this incident was estimated before: without a mark there is none.
        quick: run the quick methods alone, without the contrast.
    """
    from methods.answer.consensus import Tally
    from methods.running import cached_results, pool, runner

    if mark is None and not searched:
        mark = estimate(incident)
        post(messages.OnsetFound(mark))
    if mark is None:
        incident = incident.searched(None)
    else:
        incident = incident.at(Onset(mark.time, OnsetSource.OPERATOR if mark.by_operator else OnsetSource.ESTIMATED))
    fast = [entry.name for entry in catalog.quick()]
    names = fast if quick else [entry.name for entry in catalog.listed()]
    begun = Diagnosis(
        incident,
        incident_frames(incident),
        mark,
        running=True,
        methods=tuple(names),
        quick=quick,
        workers=pool.default_workers(),
    )
    post(messages.DiagnosisBegun(begun))
    judge = _Judge(incident, post, awaited=fast)
    judge.decide(())
    tally = Tally(incident.candidates)
    results: list[Result] = []
    for result in runner.run(incident, names, cancelled=cancelled, pool=processes):
        results.append(result)
        tally.add(result.method, result.outcome)
        post(messages.MethodAnswered(result, tally.consensus))
        if judge.due(results, all_=len(results) == len(names)):
            judge.decide(results)
    if not quick and not cancelled.is_set():
        contrast = cached_results.run_contrast(incident, cancelled=cancelled, pool=processes)
        if contrast is not None:
            post(messages.MethodAnswered(contrast, tally.consensus))
    post(messages.DiagnosisEnded("cancelled" if cancelled.is_set() else ""))


class _Judge:
    """Posts verdicts. One that cannot be decided is posted as a failure, once, and the methods go on.

    Args:
        awaited: names of the methods after whose answers the verdict is decided anew.
    """

    def __init__(self, incident: Incident, post: Callable[[Message], object], awaited: Sequence[str]) -> None:
        self._incident, self._post, self._awaited = incident, post, set(awaited)
        self._decided = 0.0
        self._failed = False

    def due(self, results: Sequence[Result], all_: bool) -> bool:
        """Whether to decide anew after the last of these results."""
        awaited = bool(self._awaited)
        self._awaited.discard(results[-1].method)
        return all_ or (awaited and not self._awaited) or time.monotonic() - self._decided > REFINE

    def decide(self, results: Sequence[Result]) -> None:
        from methods.verdict.decision import decide

        if self._failed:
            return
        try:
            verdict: Verdict = decide(self._incident, results)
        except Exception as error:
            self._failed = True
            self._post(messages.Failed("There is no verdict", described(error)))
            return
        self._decided = time.monotonic()
        self._post(messages.Decided(verdict))
