"""What a machine does to a process under test: its clock is set, its disk is full, its memory is out.

Each touches only the processes and the folder that it is given. Each says why it cannot be had here, "" where it can.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("stepped_clock.c")
PAGE = os.sysconf("SC_PAGE_SIZE")
"""Bytes: what a small disk gives and takes at a time."""
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Clock:
    """A wall clock for processes that start with `environment`, and for those that they start."""

    environment: dict[str, str]

    @classmethod
    def build(cls, folder: Path) -> Clock:
        library, ahead = folder / "stepped_clock.so", folder / "stepped_clock"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True)
        ahead.write_text("0")
        return cls({"LD_PRELOAD": str(library), "STEPPED_CLOCK": str(ahead)})

    def set(self, ahead: int) -> None:
        """Let it show so many seconds more than the machine's."""
        path = Path(self.environment["STEPPED_CLOCK"])
        new = path.with_suffix(".new")
        new.write_text(str(ahead))
        new.replace(path)


def no_clock() -> str:
    return "" if shutil.which("cc") else "there is no C compiler (`cc`)"


@contextmanager
def small_disk(folder: Path, pages: int) -> Iterator[None]:
    """A file system of its own at the folder, which holds that many pages."""
    folder.mkdir(parents=True, exist_ok=True)
    size = f"size={pages * PAGE}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "small-disk", str(folder)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def grow(folder: Path, pages: int) -> None:
    """Let a small disk hold that many pages."""
    size = f"remount,size={pages * PAGE}"
    subprocess.run(["mount", "-o", size, str(folder)], check=True, capture_output=True)


def no_small_disk() -> str:
    return "" if os.geteuid() == 0 else "only root mounts a disk"


def fill(folder: Path) -> Path:
    """Take all that is left on the disk of the folder; deleting the file gives it back."""
    path = folder / "filler"
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * PAGE):
            pass
    return path


@contextmanager
def memory_limit(limit: int) -> Iterator[Callable[[], None]]:
    """A cgroup of that many bytes; yields what lets the calling process enter it (for `preexec_fn`)."""
    group = _above() / f"rca-tui-test-{os.getpid()}"
    group.mkdir()

    def enter() -> None:
        (group / "cgroup.procs").write_text(str(os.getpid()))

    try:
        for name, value in (("memory.limit_in_bytes", limit), ("memory.max", limit), ("memory.swap.max", 0)):
            if (group / name).exists():
                (group / name).write_text(str(value))
        yield enter
    finally:
        _remove(group)


def _above() -> Path:
    """Where a group can be made: in the one that this process is in (version 1), or at the top (version 2)."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            return _CGROUPS / "memory" / path.removeprefix("/")
    return _CGROUPS


def no_memory_limit() -> str:
    try:
        with memory_limit(1 << 30):
            return ""
    except OSError as error:
        return f"no memory cgroup can be made here: {error.strerror}"


def _remove(group: Path, patience: float = 10.0) -> None:
    """Processes that outlive their test go back to the group above."""
    until = time.monotonic() + patience
    while True:
        with contextlib.suppress(OSError):
            for pid in (group / "cgroup.procs").read_text().split():
                (group.parent / "cgroup.procs").write_text(pid)
        try:
            group.rmdir()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return
