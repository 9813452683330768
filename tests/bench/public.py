"""CPU time beside the public implementation, RCAEval 1.8.1, on the same files in the same run."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path

from methods import catalog
from tests.bench import children, environment, layout, synthetic
from tests.bench.children import Timing
from tests.bench.tables import seconds, show, tell

METRICS = 31
SAMPLES = 574
TARGET = 20.0
GRAPH_TARGET = 100.0
GRAPH_METHODS = (
    "pc_pagerank",
    "pc_randomwalk",
    "fci_pagerank",
    "fci_randomwalk",
    "granger_pagerank",
    "granger_randomwalk",
)
# What the package does not hold as something that can be called.
_ABSENT = {
    "microrca": "not in the package: the study's own code",
    "microscope": "not in the package: the study's own code",
    "monitorrank": "not in the package: the study's own code",
    "pdiagnose": "in the package as a script with fixed paths only",
}


def run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        incident = synthetic.cut(synthetic.make(5, SAMPLES), METRICS)
        case = layout.write(incident, Path(folder) / "case")
        names = [e.name for e in catalog.entries() if not options.methods or e.name in options.methods]
        theirs = {name: Timing(name, error=why) for name, why in _ABSENT.items()}
        asked = [name for name in names if name not in _ABSENT]
        try:
            python = environment.python()
            for timing in children.theirs(python, case, asked, options.limit):
                tell(f"  public {timing.name}: {timing.cpu} {timing.answer} {timing.error}")
                theirs[timing.name] = timing
        except environment.NoEnvironment as error:
            theirs.update({name: Timing(name, error=str(error)) for name in asked})
        ours = {}
        for timing in children.ours(sys.executable, case, names, options.limit):
            tell(f"  ours {timing.name}: {timing.cpu} {timing.answer} {timing.error}")
            ours[timing.name] = timing
    ratios: dict[str, float] = {}
    rows = []
    for name in names:
        mine, other = ours[name], theirs[name]
        note = other.error or mine.error or ("the ratio is a lower bound: stopped" if other.beyond else "")
        if mine.cpu and other.cpu and not mine.beyond:
            ratios[name] = other.cpu / mine.cpu
        bound = "≥ " if other.beyond else ""
        rows.append(
            (
                name,
                "–" if mine.cpu is None else seconds(mine.cpu),
                "–" if other.cpu is None else bound + seconds(other.cpu),
                f"{bound}{ratios[name]:.0f}" if name in ratios else "unmeasured",
                f"ours: {mine.answer}" if not note and ":" in mine.answer else note,
            )
        )
    show(
        f"CPU seconds beside {environment.PUBLIC}: {METRICS} metrics, {SAMPLES} samples, one thread each",
        ("method", "ours s", "public s", "ratio", "note"),
        rows,
        _verdict(ratios),
    )


def _verdict(ratios: dict[str, float]) -> list[str]:
    if not ratios:
        return ["Nothing could be measured on both sides."]
    graphs = {name: ratio for name, ratio in ratios.items() if name in GRAPH_METHODS}
    least = min(graphs, key=lambda name: graphs[name], default=None)
    lines = [f"Geometric mean over {len(ratios)} methods: {_mean(ratios):.0f} (target: at least {TARGET:g})."]
    if least is not None:
        lines.append(
            f"PC, FCI and Granger: {_mean(graphs):.0f} in the geometric mean, least {graphs[least]:.0f} ({least}; "
            f"target: each at least {GRAPH_TARGET:g})."
        )
    lines.append("A call after a first one, unless that took more than 10 s; imports are not counted.")
    return lines


def _mean(ratios: dict[str, float]) -> float:
    return math.exp(sum(map(math.log, ratios.values())) / len(ratios))
