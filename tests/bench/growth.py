"""10, 100, 1,000 components with 10 signals of 300 samples each: who answers in time, and who says beforehand that not.

Each method runs in a worker that is killed at the deadline and cannot take more than its share of memory.
"""

from __future__ import annotations

import argparse
import time

from cluster.incident.model import Incident
from methods import catalog
from methods.answer.types import NoRanking, Reason
from methods.running.pool import Answer, Pool, Task
from methods.verdict.decision import decide
from tests.bench import synthetic
from tests.bench.tables import seconds, show, tell

SAMPLES = 300
WORKERS = 2
MEMORY = 3 * 2**30


def run(options: argparse.Namespace) -> None:
    found, verdicts = {}, []
    for size in options.components:
        incident = synthetic.make(size, SAMPLES)
        telemetry = incident.telemetry
        tell(f"{size} components: {telemetry.metrics.shape[1]} metrics, {len(telemetry.spans)} spans")
        tasks = [
            Task(incident.id, lambda incident=incident: incident, entry.name, 0, options.deadline)
            for entry in catalog.entries()
        ]
        with Pool(WORKERS, MEMORY) as pool:
            for answer in pool.run(tasks):
                found[answer.task.method, size] = answer
                tell(f"  {answer.task.method}: {_cell(answer)}")
        verdicts.append(_verdict(incident))
    sizes = options.components
    rows = [
        (entry.name, *(_cell(found[entry.name, size]) for size in sizes), _why([found[entry.name, s] for s in sizes]))
        for entry in catalog.entries()
    ]
    ranked = [sum(not isinstance(found[e.name, s].outcome, NoRanking) for e in catalog.entries()) for s in sizes]
    show(
        f"Seconds to the answer, {len(synthetic.SIGNALS)} signals a component, {SAMPLES} samples, deadline "
        f"{options.deadline:g} s",
        ("method", *(f"{size:,} components" for size in sizes), "why not, at the first size that has no ranking"),
        [*rows, ("ranked", *map(str, ranked), ""), ("*verdict*", *verdicts, "")],
        [
            f"n/a: not applicable, said after so many seconds. {WORKERS} workers at a time, {MEMORY / 2**30:g} GiB "
            "each; wall seconds of a first call. Verdict: without the methods' answers, CPU seconds.",
        ],
    )


def _verdict(incident: Incident) -> str:
    began = time.process_time()
    verdict = decide(incident)
    spent = time.process_time() - began
    tell(f"  verdict: {seconds(spent)}, {verdict.headline}")
    return seconds(spent)


def _cell(answer: Answer) -> str:
    if not isinstance(answer.outcome, NoRanking):
        return seconds(answer.seconds)
    reason = answer.outcome.reason
    if reason is Reason.TIMEOUT:
        return "timeout"
    return f"{'n/a' if reason is Reason.NOT_APPLICABLE else reason} ({seconds(answer.seconds)})"


def _why(answers: list[Answer]) -> str:
    return next((a.outcome.detail for a in answers if isinstance(a.outcome, NoRanking)), "")
