"""Measured process: CASE LIMIT METHOD... ranks a saved incident or a case of the RCAEval layout with our methods."""

from __future__ import annotations

import sys

import stopwatch

from cluster.incident import library
from cluster.window import Onset, OnsetSource
from methods.answer.types import Ranking
from methods.running.worker import rank
from methods.telemetry.onset import with_onset


def main() -> None:
    path, limit, *names = sys.argv[1:]
    incident, truth = library.load_with_truth(path)
    if incident.onset is None and truth is not None:
        incident = incident.at(Onset(truth.injected_at, OnsetSource.GIVEN))
    incident = with_onset(incident)

    def call(name: str) -> str:
        outcome, _ = rank(incident, name, 0)
        if isinstance(outcome, Ranking):
            return ", ".join(outcome.top[:3])
        return f"{outcome.reason}: {outcome.detail}"

    stopwatch.serve(names, float(limit), call)


if __name__ == "__main__":
    main()
