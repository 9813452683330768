"""What the soaked app holds over time, as a table and a figure."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from faults.journal import journals
from faults.local.control import tags
from rca_tui.work.polling import HISTORY

ROWS = 12
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """After so many minutes: MiB, and how many of the app's own; files of its state folder, and their KiB."""

    minute: float
    memory: float
    open_files: int
    threads: int
    processes: int
    files: int
    disk: float


COLUMNS: dict[str, Callable[[Sample], float]] = {
    "memory, MiB": lambda sample: sample.memory,
    "open files": lambda sample: sample.open_files,
    "threads": lambda sample: sample.threads,
    "processes": lambda sample: sample.processes,
    "files kept": lambda sample: sample.files,
    "KiB kept": lambda sample: sample.disk,
}


@dataclass(frozen=True, slots=True)
class Drills:
    """Injections and how many are RECOVERED; `left`: processes of theirs that still run; incidents saved."""

    injections: int
    recovered: int
    left: int
    incidents: int


def count(minute: float, state: Path) -> Sample:
    """Of this process, now."""
    gc.collect()
    own = psutil.Process()
    sizes = [path.stat().st_size for path in state.rglob("*") if path.is_file()]
    return Sample(
        minute,
        own.memory_info().rss / MIB,
        own.num_fds(),
        own.num_threads(),
        len(own.children(recursive=True)),
        len(sizes),
        sum(sizes) / 1024,
    )


def drills() -> Drills:
    found = journals()
    left = sum(len(tags.anywhere(journal.id)) for journal in found)
    from cluster.incident import library

    saved = len(list(library.new_path("drill").parent.glob("drill-*")))
    return Drills(len(found), sum(not journal.read().pending for journal in found), left, saved)


def report(samples: Sequence[Sample], drills: Drills, arguments: str) -> str:
    """The page."""
    half = samples[len(samples) // 2 :]
    load = ", ".join(f"{value:.0f}" for value in os.getloadavg())
    shown = [samples[round(place)] for place in np.linspace(0, len(samples) - 1, min(ROWS, len(samples)))]
    rows = [
        f"| {sample.minute:.0f} | " + " | ".join(f"{value(sample):.0f}" for value in COLUMNS.values()) + " |"
        for sample in shown
    ]
    slopes = [f"{name} {_slope(half, value):+.1f}" for name, value in COLUMNS.items()]
    lines = [
        "# Soak",
        "",
        f"`python -m tests.soak {arguments}`: the app polls a Prometheus that scrapes engines fed from a recording, "
        "keys go through its screens, its alarm diagnoses, and a fault of real processes is injected time and again. "
        f"On {os.cpu_count()} cores with a load of {load} (1, 5 and 15 min) at the end.",
        "",
        f"{drills.injections} injections, {drills.recovered} recovered, {drills.left} processes of theirs left, "
        f"{drills.incidents} incidents saved. An hour of the second half adds, by least squares: {', '.join(slopes)}. "
        "Each injection leaves a journal, and an incident where it took its course: they are kept on purpose. The "
        f"first {HISTORY / 60:.0f} minutes fill the window of telemetry that the app keeps; with the looks after that "
        "no kind of object grows in number (`tests/rca_tui/test_memory.py`).",
        "",
        "![Memory and open files over time](soak.svg)",
        "",
        "| minute | " + " | ".join(COLUMNS) + " |",
        "|---" * (1 + len(COLUMNS)) + "|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def _slope(samples: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    """An hour's growth."""
    if len(samples) < 2:
        return 0.0
    return 60.0 * float(np.polyfit([one.minute for one in samples], [value(one) for one in samples], 1)[0])


def figure(samples: Sequence[Sample], width: int = 720, height: int = 110) -> str:
    """A panel for each column, from zero, as one SVG."""
    last = max(samples[-1].minute, 1e-9)
    parts = []
    for number, (name, value) in enumerate(COLUMNS.items()):
        top, values = number * height, [value(one) for one in samples]
        high = max(*values, 1.0)
        points = " ".join(
            f"{60 + 640 * one.minute / last:.1f},{top + 95 - 75 * each / high:.1f}"
            for one, each in zip(samples, values, strict=True)
        )
        parts += [
            f'<text x="60" y="{top + 14}">{name}</text>',
            f'<text x="54" y="{top + 24}" text-anchor="end">{high:.0f}</text>',
            f'<text x="54" y="{top + 99}" text-anchor="end">0</text>',
            f'<path d="M60 {top + 95}H700" stroke="#999"/>',
            f'<polyline points="{points}" fill="none" stroke="#1769aa" stroke-width="1.5"/>',
        ]
    size = f'viewBox="0 0 {width} {height * len(COLUMNS) + 20}"'
    end = f'<text x="700" y="{height * len(COLUMNS) + 12}" text-anchor="end">{last:.0f} min</text>'
    style = "<style>text{font:12px sans-serif;fill:#555}</style>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}{"".join(parts)}{end}</svg>\n'
