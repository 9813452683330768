"""Facts about processes from /proc: owner, start time, namespaces."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One process by pid and start time: the pid alone may be reused."""

    pid: int
    started: int  # clock ticks after boot

    def alive(self) -> bool:
        return start_time(self.pid) == self.started and not is_zombie(self.pid)


def pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def identify(pid: int) -> Process | None:
    started = start_time(pid)
    return None if started is None else Process(pid, started)


def start_time(pid: int) -> int | None:
    """Clock ticks after boot at which it started; None when there is no such process."""
    fields = stat_fields(pid)
    return int(fields[19]) if fields else None


def is_zombie(pid: int) -> bool:
    fields = stat_fields(pid)
    return bool(fields) and fields[0] == "Z"


def stat_fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third (state) on; empty when it is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return []
    return text[text.rfind(")") + 2 :].split()  # the name in parentheses may hold anything


def environment(pid: int) -> dict[str, str]:
    """The environment it was started with; empty when it may not be read or is gone."""
    try:
        raw = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    pairs = (item.partition(b"=") for item in raw.split(b"\0") if b"=" in item)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def command(pid: int) -> list[str]:
    try:
        raw = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(part) for part in raw.split(b"\0") if part]


def namespace(pid: int, kind: str) -> str | None:
    """Identity of its `net`, `pid`, `mnt` or `user` namespace; None when it may not be read or is gone."""
    try:
        return str((PROC / str(pid) / "ns" / kind).readlink())
    except OSError:
        return None


def in_namespace(pid: int, kind: str) -> Iterator[int]:
    """All processes that share the namespace of `pid`, itself included."""
    wanted = namespace(pid, kind)
    if wanted is not None:
        yield from (other for other in pids() if namespace(other, kind) == wanted)


def inner_pid(pid: int) -> int | None:
    """Its pid in its own, innermost PID namespace."""
    try:
        status = (PROC / str(pid) / "status").read_text(errors="replace")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return None


def children(pid: int) -> list[int]:
    return [other for other in pids() if (fields := stat_fields(other)) and int(fields[1]) == pid]


def with_descendants(roots: Iterable[int], among: Iterable[int]) -> set[int]:
    """The roots, their children, and so on, as far as they are among the given pids."""
    parent = {pid: int(fields[1]) for pid in among if (fields := stat_fields(pid))}
    found = {pid for pid in roots if pid in parent}
    while more := {pid for pid, above in parent.items() if above in found} - found:
        found |= more
    return found
