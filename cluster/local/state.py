"""The state file of the embedded deployment and the lock that serializes its starts and stops."""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster import own_files, paths
from cluster.deployment import DeploymentError
from cluster.local import layout
from cluster.local.cgroups import Cgroups
from cluster.local.layout import RunDir
from cluster.local.processes import Process
from cluster.local.settings import cgroups_from, write_json

VERSION = 2
_LARGEST = 1 << 20  # bytes
_UNREAD = (OSError, own_files.NotOurs, ValueError, TypeError, KeyError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class LocalState:
    """One deployment, as `deployment.json` keeps it; written before anything starts and again when it is ready.

    Attributes:
        id: random; part of the cgroups' name and in the environment of every process.
        ready: whether the start was completed.
        sandbox: the `unshare` process; init: PID 1 of the sandbox (the supervisor); pids as seen outside.
        holders: pod -> the process that holds its namespaces.
        rootless: whether the sandbox has a user namespace.
        phases: seconds that each phase of the start took.
        replicas: degree of data parallelism; vLLM has one whatever it is.
    """

    id: str
    engine: str
    run: Path
    gateway_port: int
    prometheus_port: int
    cgroups: Cgroups
    rootless: bool
    ready: bool = False
    sandbox: Process | None = None
    init: Process | None = None
    holders: dict[str, Process] = field(default_factory=dict)
    started: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    replicas: int = layout.USUAL_REPLICAS
    version: int = VERSION

    @property
    def serving(self) -> tuple[str, ...]:
        return layout.serving(self.engine, self.replicas)

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def prometheus_url(self) -> str:
        return f"http://127.0.0.1:{self.prometheus_port}"

    @property
    def run_dir(self) -> RunDir:
        return RunDir(self.run)

    def alive(self) -> bool:
        """Whether the sandbox runs; everything in it ends with it."""
        return self.init is not None and self.init.alive()


def state_file(folder: Path | None = None) -> Path:
    return folder / paths.deployment().name if folder else paths.deployment()


def owner(folder: Path | None = None) -> str:
    """A short name of the state folder: distinguishes our leftovers from those of other users of this machine."""
    return hashlib.sha256(os.fsencode((folder or paths.local()).absolute())).hexdigest()[:8]


def save(state: LocalState, folder: Path | None = None) -> None:
    path = state_file(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, dataclasses.asdict(state))


def load(folder: Path | None = None) -> LocalState | None:
    """The state; None when there is none, or when it is damaged or not ours: cleanup must go on without it."""
    try:
        return _from(json.loads(own_files.read(state_file(folder), _LARGEST)))
    except _UNREAD:
        return None


def doubt(folder: Path | None = None) -> str:
    """Why a state file that there is does not count, one clause; "" where there is none, or where it does."""
    path = state_file(folder)
    try:
        _from(json.loads(own_files.read(path, _LARGEST)))
    except FileNotFoundError:
        return ""
    except own_files.NotOurs as error:
        return str(error)
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    except _UNREAD:
        return f"{path} is damaged, or of another version"
    return ""


def forget(folder: Path | None = None) -> None:
    state_file(folder).unlink(missing_ok=True)


@contextmanager
def locked(folder: Path | None = None) -> Iterator[None]:
    """Hold the lock of `up` and `down`. Raises DeploymentError when another process has it.

    The kernel drops the lock with the process, however it ends.
    """
    folder = folder or paths.local()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DeploymentError("another `rca-tui up` or `down` is running; wait for it to end") from None
        yield


def _from(fields: dict[str, Any]) -> LocalState:
    if fields["version"] != VERSION:
        raise ValueError("of another version")

    def process(value: Any) -> Process | None:
        return None if value is None else Process(int(value["pid"]), int(value["started"]))

    holders = {pod: Process(int(p["pid"]), int(p["started"])) for pod, p in fields["holders"].items()}
    return LocalState(
        **{
            **fields,
            "run": Path(fields["run"]),
            "cgroups": cgroups_from(fields["cgroups"]),
            "sandbox": process(fields["sandbox"]),
            "init": process(fields["init"]),
            "holders": holders,
        }
    )
