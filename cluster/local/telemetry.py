"""Telemetry of the embedded deployment: metrics from its Prometheus, spans and logs from the files of its run folder.

Those files hold what clients sent and what crashing programs wrote. A malformed or incomplete line is skipped and
counted; no line can raise. Reading is bounded: it starts near the window and reads at most `LARGEST_READ` bytes of a
file.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from cluster.deployment import DeploymentError, Samples
from cluster.incident.model import LOG_COLUMNS, SPAN_COLUMNS
from cluster.local import layout, records
from cluster.local.layout import RunDir
from cluster.local.records import LONGEST_LINE, Parser
from cluster.prometheus import exposition, names, samples
from cluster.prometheus.client import Prometheus
from cluster.prometheus.exposition import Exposition
from cluster.prometheus.names import Environment
from cluster.prometheus.own import OwnPrometheus
from cluster.prometheus.promql import Source, resolve
from cluster.topology import Topology
from cluster.window import Window

LARGEST_READ = 64 << 20
QUERY_DEADLINE = 10.0
# Lines are in the order of writing: requests when they end, batches of spans up to seconds later.
_DISORDER = 15.0
BEYOND = 200
"""Consecutive records after the window that end the reading: a single one may come from a clock step."""
# A request ends at the latest at the gateway's timeout; its line is written then.
_LONGEST_REQUEST = 90.0
_SOURCE = Source(names.spellings(Environment.LOCAL))


def read_samples(
    url: str, topology: Topology, window: Window, step: float, signals: Sequence[str] | None = None
) -> Samples:
    """Canonical signals every `step` seconds, from the Prometheus at `url`.

    Raises DeploymentError, for an unknown signal too.
    """
    with OwnPrometheus(url, deadline=QUERY_DEADLINE) as server:
        try:
            queries, missing = resolve(signals, _SOURCE.sampled(step), server.names(window))
        except KeyError as error:
            raise DeploymentError(str(error.args[0])) from error
        targets, every = _targets(server, window), signals is None
        return samples.read(server, topology, queries, window, step, missing=missing, every=every, targets=targets)


def _targets(server: Prometheus, window: Window) -> samples.Targets:
    try:
        failing = server.instant("max by (component) (up == 0)", window.end)
    except DeploymentError:
        return samples.Targets()
    return samples.Targets(failing=frozenset(value for labels in failing for _, value in labels))


def read_exposition(url: str, window: Window) -> Exposition:
    """What the Prometheus at `url` scrapes and how it is asked. Raises DeploymentError."""
    with Prometheus(url, deadline=QUERY_DEADLINE) as server:
        return exposition.read(server, _SOURCE, window)


def read_pending(url: str, labels: Mapping[str, str], at: float) -> float | None:
    """As `cluster.deployment.HasAlerts.pending_since`, from the Prometheus at `url`."""
    with Prometheus(url, deadline=QUERY_DEADLINE) as server:
        return server.pending_since(labels, at)


def read_spans(run: RunDir, components: Iterable[str], window: Window) -> pd.DataFrame:
    """Spans that start in the window, by start; columns `SPAN_COLUMNS`. `attrs["notes"]` names what was skipped."""
    notes: list[str] = []
    rows: list[records.Record] = []
    for component in components:
        rows += _read(run.spans(component), records.span, component, window, _LONGEST_REQUEST, notes)
    return _frame(rows, SPAN_COLUMNS, "start", window, notes)


def read_logs(run: RunDir, window: Window) -> pd.DataFrame:
    """Log lines in the window, by time; columns `LOG_COLUMNS`. `attrs["notes"]` names what was skipped."""
    notes: list[str] = []
    rows: list[records.Record] = []
    for path, parser, component in _log_files(run):
        rows += _read(path, parser, component, window, 0.0, notes)
    return _frame(rows, LOG_COLUMNS, "time", window, notes)


def _log_files(run: RunDir) -> Iterator[tuple[Path, Parser, str]]:
    yield run.access_log, records.access, layout.GATEWAY
    yield run.gateway_error_log, records.nginx_error, layout.GATEWAY
    for component in layout.SERVING:
        yield run.engine_log(component), records.engine, component
        for path in sorted(run.ray(component).glob("session_2*/logs/serve/*.log")):
            yield path, records.ray_serve, component


def _frame(
    rows: list[records.Record], columns: dict[str, str], order: str, window: Window, notes: list[str]
) -> pd.DataFrame:
    kept = sorted((row for row in rows if row[order] in window), key=lambda row: row[order])
    frame = pd.DataFrame({name: pd.Series([row[name] for row in kept], dtype=kind) for name, kind in columns.items()})
    frame.attrs["notes"] = list(notes)
    return frame


def _read(
    path: Path, parser: Parser, component: str, window: Window, longest: float, notes: list[str]
) -> list[records.Record]:
    """Records of one file in and around the window. Appends to the notes."""
    found: list[records.Record] = []
    skipped, beyond, last = 0, 0, window.end + longest + _DISORDER
    try:
        with path.open("rb") as file:
            end = os.fstat(file.fileno()).st_size
            file.seek(_seek(file, end, parser, component, window.start - _DISORDER))
            stop = file.tell() + LARGEST_READ
            for line in _lines(file):
                record = parser(line, component) if len(line) <= LONGEST_LINE else None
                if record is None:
                    skipped += bool(line.strip())
                    continue
                found.append(record)
                beyond = beyond + 1 if record["written"] > last else 0
                if beyond > BEYOND:
                    break
                if file.tell() > stop:
                    notes.append(f"{_short(path)}: only the first {LARGEST_READ >> 20} MiB of the window were read")
                    break
    except FileNotFoundError:
        return []
    except OSError as error:
        notes.append(f"{_short(path)}: cannot be read, {error.strerror}")
        return found
    if skipped:
        notes.append(f"{_short(path)}: skipped {skipped} lines that are no records")
    return found


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Complete lines. A line over the limit is cut; a last line without an end is dropped."""
    while line := file.readline(LONGEST_LINE + 1):
        rest = line
        while not rest.endswith(b"\n"):
            if not (rest := file.readline(LONGEST_LINE)):
                return
        yield line


def _seek(file: BinaryIO, end: int, parser: Parser, component: str, time: float) -> int:
    """Offset of a line's start before the first record written at `time` or later, near to it; found by bisection."""
    low, high = 0, end
    while high - low > 256 << 10:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline(LONGEST_LINE)  # the rest of a line
        written = math.inf
        for line, _ in zip(_lines(file), range(50), strict=False):
            if (record := parser(line, component)) is not None:
                written = record["written"]
                break
        if written < time:
            low = middle
        else:
            high = middle
    file.seek(low)
    if low:
        while (line := file.readline(LONGEST_LINE)) and not line.endswith(b"\n"):
            pass
    return file.tell()


def _short(path: Path) -> str:
    """Pod and name of the file."""
    return "/".join(path.parts[-2:])
