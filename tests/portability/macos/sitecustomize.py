"""Makes a Python on Linux look like one on macOS: what only Linux has is missing, and /proc cannot be reached.

Python imports this module at its start when its folder is on PYTHONPATH, also in the processes that it starts itself.
What psutil reads of /proc still works: it stands for psutil's own code on macOS. `sys.platform` stays as it is, because
compiled packages find their libraries by it.

RCA_TUI_LINUX_LOG names a file to which each attempt of our own code to reach /proc is added, also where the code goes
on after the error. With RCA_TUI_NO_LOCAL the packages that may be Linux-only cannot be imported.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import sys
import time

MISSING = {
    os: (
        *("sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_setscheduler", "sched_getscheduler"),
        *("pidfd_open", "setns", "unshare", "memfd_create", "eventfd", "pipe2", "splice", "copy_file_range", "waitid"),
        *("getxattr", "setxattr", "listxattr", "removexattr", "posix_fadvise", "posix_fallocate", "fdatasync"),
        *("getresuid", "getresgid", "setresuid", "setresgid", "getrandom"),
        *("O_DIRECT", "O_NOATIME", "O_PATH", "O_TMPFILE", "O_RSYNC"),
    ),
    signal: (
        *("pidfd_send_signal", "sigtimedwait", "sigwaitinfo"),
        *("SIGPWR", "SIGSTKFLT", "SIGPOLL", "SIGRTMIN", "SIGRTMAX"),
    ),
    time: ("CLOCK_BOOTTIME", "CLOCK_TAI", "pthread_getcpuclockid"),
    resource: ("prlimit", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_SIGPENDING", "RUSAGE_THREAD"),
    fcntl: ("F_SETPIPE_SZ", "F_GETPIPE_SZ", "F_NOTIFY", "F_ADD_SEALS", "F_OFD_SETLK", "F_SETLEASE"),
    select: ("epoll",),
}


def remove(owner: object, names: tuple[str, ...]) -> None:
    for name in names:
        if hasattr(owner, name):
            delattr(owner, name)


# Before anything else is imported: the standard library decides at import what it can use.
for module, names in MISSING.items():
    remove(module, names)

import importlib.abc  # noqa: E402
import socket  # noqa: E402
from pathlib import Path  # noqa: E402
from types import FrameType  # noqa: E402
from typing import Any  # noqa: E402

import psutil  # noqa: E402

remove(socket, ("AF_PACKET", "AF_NETLINK", "AF_VSOCK", "SO_PEERCRED", "SO_BINDTODEVICE"))
remove(psutil.Process, ("cpu_affinity", "cpu_num", "rlimit", "ionice", "io_counters"))

ROOT = str(Path(__file__).resolve().parents[3])
OURS = tuple(f"{ROOT}/{room}/" for room in ("cluster", "faults", "guidelines", "methods", "rca_tui"))
PSUTIL = str(Path(psutil.__file__).parent)
OUT_OF_REACH = ("/proc", "/sys", "/dev/shm")
OPENING = ("open", "os.listdir", "os.scandir", "os.chdir")


def audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in OPENING and arguments:
        refuse(arguments[0])


def refuse(path: object) -> None:
    """Raises FileNotFoundError for a path that macOS does not have, unless psutil asks."""
    if not isinstance(path, str | bytes | os.PathLike):
        return
    text = os.fsdecode(path)
    if not any(text == place or text.startswith(f"{place}/") for place in OUT_OF_REACH):
        return
    frames = list(callers(sys._getframe(1)))
    if any(file.startswith(PSUTIL) for file, _ in frames):
        return
    log = os.environ.get("RCA_TUI_LINUX_LOG")
    # A library that asks for what it can do without is not ours to change.
    mine = next(((file, line) for file, line in frames if file.startswith(OURS) or "/site-packages/" in file), None)
    if log and mine and mine[0].startswith(OURS):
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, f"{mine[0]}:{mine[1]} reaches for {text}\n".encode())
        os.close(descriptor)
    raise FileNotFoundError(2, "No such file or directory", text)


def callers(frame: FrameType | None) -> Any:
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


class NoLocal(importlib.abc.MetaPathFinder):
    """Refuses the packages that may be Linux-only."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".")[:2] in (["cluster", "local"], ["faults", "local"]):
            raise ModuleNotFoundError(f"{name} is for Linux", name=name)


def readlink(path: Any, *, dir_fd: int | None = None) -> Any:
    refuse(path)
    return _readlink(path, dir_fd=dir_fd)


_readlink = os.readlink
os.readlink = readlink
sys.addaudithook(audit)
if os.environ.get("RCA_TUI_NO_LOCAL"):
    sys.meta_path.insert(0, NoLocal())
