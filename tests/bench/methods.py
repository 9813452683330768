"""All methods on one incident: CPU and wall seconds of each alone, and of all through the runner with two workers."""

from __future__ import annotations

import argparse
import sys
import time

from cluster.incident import library
from methods import catalog
from methods.answer.types import NoRanking
from methods.running import runner
from tests.bench import children, subject
from tests.bench.tables import seconds, show, tell

TARGET = 15.0
WORKERS = 2


def run(options: argparse.Namespace) -> None:
    with subject.path() as (name, path):
        incident = library.load(str(path))
        tell(f"all methods, {WORKERS} workers")
        began = time.perf_counter()
        through = {result.method: result for result in runner.run(incident, workers=WORKERS)}
        whole = time.perf_counter() - began
        names = [entry.name for entry in catalog.entries()]
        rows = []
        together = 0.0
        for timing in children.ours(sys.executable, path, names, options.limit):
            tell(f"  {timing.name}: {timing.cpu} {timing.error}")
            result = through[timing.name]
            outcome = result.outcome
            answer = f"{outcome.reason}: {outcome.detail}" if isinstance(outcome, NoRanking) else ", ".join(outcome.top)
            together += timing.cpu or 0.0
            alone = (timing.cpu, timing.wall) if timing.cpu is not None and timing.wall is not None else ()
            cells = [seconds(value) for value in alone] or ["–", "–"]
            rows.append((timing.name, *cells, seconds(result.seconds), answer or timing.error))
    metrics = incident.telemetry.metrics
    show(
        f"All methods on the {name}: {metrics.shape[1]} metrics, {metrics.shape[0]} samples",
        ("method", "CPU s", "wall s", "in the runner s", "blames (or why it has no ranking)"),
        rows,
        [
            f"All {len(rows)} through methods.running.runner with {WORKERS} workers: {whole:.1f} s, start included "
            f"(target: under {TARGET:g} s); CPU time of all: {together:.1f} s.",
            "CPU and wall: one call after a first one in the same process; in the runner: the first call, compiled "
            "code still to be loaded.",
        ],
    )
