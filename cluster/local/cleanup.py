"""Removes what a deployment of this state folder left behind, found by the state file and by environment markers."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from cluster import paths
from cluster.deployment import DeploymentError
from cluster.local import cgroups, processes, state
from cluster.local.layout import ENV_STATE
from cluster.local.processes import Process

_SECONDS = 15.0


def clean(folder: Path | None = None) -> list[str]:
    """Kill every process and remove every cgroup of ours; returns a description of each. Raises DeploymentError.

    Namespaces, links and mounts end with the last process in them.
    """
    folder = folder or paths.local()
    found = []
    ended = _end_processes(folder)
    if ended:
        found.append(f"{ended} processes")
    tops = {*cgroups.leftovers(state.owner(folder)), *_cgroups_of(folder)}
    for top in sorted(tops):
        if not cgroups.remove(top):
            raise DeploymentError(f"the cgroup {top} could not be removed: end what runs in it and try again")
    if tops:
        found.append(f"{len(tops)} cgroups")
    state.forget(folder)
    return found


def _cgroups_of(folder: Path) -> set[Path]:
    """Cgroups named in the state file: made in another login session, they are not among the ancestors of ours."""
    known = state.load(folder)
    if known is None or not cgroups.belongs(known.cgroups.name, state.owner(folder)):
        return set()
    tops = {(parent / known.cgroups.name).resolve() for parent in known.cgroups.parents}
    return {top for top in tops if top.is_dir() and cgroups.is_cgroup(top)}


def ours(folder: Path) -> list[Process]:
    """Processes with our state folder in their environment. The pids of the state file are not trusted."""
    wanted = str(folder.absolute())
    found = []
    for pid in processes.pids():
        if pid == os.getpid() or processes.environment(pid).get(ENV_STATE) != wanted:
            continue
        process = processes.identify(pid)
        if process is not None and process.alive():
            found.append(process)
    return found


def _end_processes(folder: Path) -> int:
    """Kill until none is left: a process that starts during one pass is found in the next."""
    seen: set[Process] = set()
    deadline = None
    while alive := ours(folder):
        seen.update(alive)
        # On an overloaded machine one pass takes long: the timeout starts after the first pass.
        if deadline is None:
            deadline = time.monotonic() + _SECONDS
        elif time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for process in alive)
            raise DeploymentError(f"processes of an earlier deployment cannot be ended: {pids}; end them and try again")
        for process in alive:
            # Checked again right before the kill: the pid may have been reused.
            if process.alive():
                _kill(process.pid)
        time.sleep(0.05)
    return len(seen)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    except PermissionError:
        raise DeploymentError(
            f"process {pid} of an earlier deployment belongs to another user: end it as that user"
        ) from None
