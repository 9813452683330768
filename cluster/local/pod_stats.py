"""Resource use of a pod: CPU, throttling, memory, network, processes; from its cgroup, else from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cluster.local import processes
from cluster.local.cgroups import Cgroups, Version
from cluster.local.processes import PROC

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """One reading; counters grow over the pod's life, None where this machine does not measure them."""

    cpu_seconds: float | None
    throttled_seconds: float | None
    periods: float | None
    throttled_periods: float | None
    cpu_limit: float | None
    memory_bytes: float | None
    process_count: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counters of one network link, as the pod sees it."""

    received_bytes: int
    received_packets: int
    received_drops: int
    sent_bytes: int
    sent_packets: int
    sent_drops: int


class PodStats:
    """Reads one pod, given the pid of its namespace holder."""

    def __init__(self, pod: str, holder: int, cgroups: Cgroups) -> None:
        self._pod, self._holder, self._cgroups = pod, holder, cgroups
        self._cpu_of: dict[tuple[int, int], float] = {}

    def usage(self) -> Usage:
        if self._cgroups.version is Version.V1:
            return self._v1()
        if self._cgroups.version is Version.V2:
            return self._v2()
        return self._proc()

    def traffic(self) -> dict[str, Traffic]:
        """By link name; empty when the holder is gone."""
        try:
            text = (PROC / str(self._holder) / "net" / "dev").read_text()
        except OSError:
            return {}
        return parse_net_dev(text)

    def _v1(self) -> Usage:
        cpu, cpuacct, memory = (self._cgroups.folder(self._pod, name) for name in ("cpu", "cpuacct", "memory"))
        assert cpu and cpuacct and memory  # noqa: S101  v1 has all three
        stat, memory_stat = _table(cpu / "cpu.stat"), _table(memory / "memory.stat")
        used, total = _number(cpuacct / "cpuacct.usage"), _number(memory / "memory.usage_in_bytes")
        return Usage(
            cpu_seconds=None if used is None else used / 1e9,
            throttled_seconds=_scaled(stat.get("throttled_time"), 1e-9),
            periods=stat.get("nr_periods"),
            throttled_periods=stat.get("nr_throttled"),
            cpu_limit=self._limit(),
            memory_bytes=None if total is None else max(0.0, total - memory_stat.get("total_inactive_file", 0.0)),
            process_count=len(self._cgroups.members(self._pod)),
        )

    def _v2(self) -> Usage:
        folder = self._cgroups.folder(self._pod, "cpu")
        assert folder  # noqa: S101  v2 has one folder
        stat, memory_stat = _table(folder / "cpu.stat"), _table(folder / "memory.stat")
        total = _number(folder / "memory.current")
        return Usage(
            cpu_seconds=_scaled(stat.get("usage_usec"), 1e-6),
            throttled_seconds=_scaled(stat.get("throttled_usec"), 1e-6),
            periods=stat.get("nr_periods"),
            throttled_periods=stat.get("nr_throttled"),
            cpu_limit=self._limit(),
            memory_bytes=None if total is None else max(0.0, total - memory_stat.get("inactive_file", 0.0)),
            process_count=len(self._cgroups.members(self._pod)),
        )

    def _limit(self) -> float | None:
        try:
            return self._cgroups.cpu_limit(self._pod)
        except (OSError, ValueError):
            return None

    def _proc(self) -> Usage:
        resident, count = 0, 0
        for pid in processes.in_namespace(self._holder, "net"):
            fields = processes.stat_fields(pid)
            if not fields:
                continue
            # The CPU time of ended processes stays counted: a falling sum would look like a restart.
            self._cpu_of[pid, int(fields[19])] = (int(fields[11]) + int(fields[12])) / _TICK
            resident += int(fields[21]) * _PAGE
            count += 1
        return Usage(sum(self._cpu_of.values()), None, None, None, None, float(resident), count)


def parse_net_dev(text: str) -> dict[str, Traffic]:
    """/proc/PID/net/dev, loopback left out."""
    links = {}
    for line in text.splitlines()[2:]:
        name, _, rest = line.partition(":")
        numbers = [int(word) for word in rest.split() if word.isdigit()]
        if len(numbers) >= 12 and name.strip() != "lo":
            links[name.strip()] = Traffic(*(numbers[i] for i in (0, 1, 3, 8, 9, 11)))
    return links


def _table(path: Path) -> dict[str, float]:
    try:
        pairs = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _number(path: Path) -> float | None:
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return None


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
