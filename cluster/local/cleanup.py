"""Ends what a deployment of this state folder left behind: by the state file, and by looking around."""

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
    """End every process and remove every cgroup of ours; returns what was found, in words. Raises DeploymentError.

    Namespaces, links and mounts go with the last process that lives in them.
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
    """Those that the state file names: made in another login session, they are not among the ancestors of ours."""
    known = state.load(folder)
    tops = {parent / known.cgroups.name for parent in known.cgroups.parents} if known else set()
    return {top.resolve() for top in tops if top.is_dir()}


def ours(folder: Path) -> list[Process]:
    """Processes that carry our state folder in their environment, and the sandbox of the state file."""
    wanted = str(folder.absolute())
    found = {}
    for pid in processes.pids():
        if pid == os.getpid() or processes.environment(pid).get(ENV_STATE) != wanted:
            continue
        process = processes.identify(pid)
        if process is not None and process.alive():
            found[pid] = process
    known = state.load(folder)
    for process in (known.sandbox, known.init) if known else ():
        if process is not None and process.alive():
            found[process.pid] = process
    return list(found.values())


def _end_processes(folder: Path) -> int:
    """Kill until none is left: what was being born while we looked is found the next time."""
    seen: set[Process] = set()
    deadline = None
    while alive := ours(folder):
        seen.update(alive)
        # On a machine that is out of breath a look takes long: the clock starts when all have been killed once.
        if deadline is None:
            deadline = time.monotonic() + _SECONDS
        elif time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for process in alive)
            raise DeploymentError(f"processes of an earlier deployment cannot be ended: {pids}; end them and try again")
        for process in alive:
            # Looked at again right before: the pid may belong to somebody else by now.
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
