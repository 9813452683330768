"""One cgroup for each pod: its CPU limit, CPU use and memory use, on cgroup v1, v2, or without cgroups.

What this machine supports is detected from the mounted hierarchies and their permissions.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "rca-tui-"
PERIOD_US = 100_000
WEIGHT = 4
_V1_CONTROLLERS = ("cpu", "cpuacct", "memory")


class Version(StrEnum):
    V1 = "v1"
    V2 = "v2"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Cgroups:
    """Where the pods' cgroups of one deployment are.

    `parents` are the folders in which the deployment's folder is made: one for v2, one for each controller for v1.
    """

    version: Version
    parents: tuple[Path, ...] = ()
    name: str = ""
    reason: str = ""

    def of(self, pod: str) -> tuple[Path, ...]:
        """The pod's folders, one a hierarchy; empty without cgroups."""
        return tuple(parent / self.name / pod for parent in self.parents)

    def folder(self, pod: str, controller: str) -> Path | None:
        """The pod's folder of a controller (`cpu`, `cpuacct`, `memory`), None without cgroups."""
        folders = self.of(pod)
        if not folders:
            return None
        return folders[0] if self.version is Version.V2 else folders[_V1_CONTROLLERS.index(controller)]

    def create(self, pods: Iterable[str]) -> None:
        """Make the folders. Raises OSError."""
        pods = tuple(pods)
        for parent in self.parents:
            top = parent / self.name
            top.mkdir(exist_ok=True)
            if self.version is Version.V2:
                (top / "cgroup.subtree_control").write_text("+cpu +memory")
            for pod in pods:
                (top / pod).mkdir(exist_ok=True)

    def limit_cpu(self, pod: str, cores: float) -> None:
        """Set the pod's CPU limit. Raises OSError."""
        for path, content in self.quota(pod, cores).items():
            path.write_text(content)

    def quota(self, pod: str, cores: float | None = None, period_us: int = PERIOD_US) -> dict[Path, str]:
        """File -> content of the files that hold the pod's CPU limit, in the order in which to write them.

        As they are now, or as they would be for `cores` with that CFS period [s]; empty without cgroups.
        Raises OSError.
        """
        folder = self.folder(pod, "cpu")
        if folder is None:
            return {}
        names = ("cpu.max",) if self.version is Version.V2 else ("cpu.cfs_period_us", "cpu.cfs_quota_us")
        if cores is None:
            return {folder / name: (folder / name).read_text().strip() for name in names}
        quota, period = str(round(cores * period_us)), str(period_us)
        contents = (f"{quota} {period}",) if self.version is Version.V2 else (period, quota)
        return dict(zip((folder / name for name in names), contents, strict=True))

    def cpu_limit(self, pod: str) -> float | None:
        """The pod's CPU limit in cores, None where there is none. Raises OSError."""
        words = " ".join(self.quota(pod).values()).split()
        if self.version is not Version.V2:
            words.reverse()
        return None if not words or words[0] in ("max", "-1") else int(words[0]) / int(words[1])

    def prefer(self) -> None:
        """Give the deployment `WEIGHT` times the CPU weight of another process, where that is permitted.

        Not more: what undoes a fault, and the app, run outside and must get a core while the pods are overloaded.
        """
        for parent in self.parents:
            weight = parent / self.name / ("cpu.weight" if self.version is Version.V2 else "cpu.shares")
            if weight.exists() and os.access(weight, os.W_OK):
                weight.write_text(str(WEIGHT * (100 if self.version is Version.V2 else 1024)))

    def enter(self, pod: str) -> None:
        """Move this process. Raises OSError."""
        for folder in self.of(pod):
            (folder / "cgroup.procs").write_text("0")

    def members(self, pod: str) -> list[int]:
        """Pids in the pod's cgroup, as the caller's PID namespace sees them."""
        folders = self.of(pod)
        return _pids(folders[0]) if folders else []


def detect(name: str, root: Path = ROOT, own: Path = Path("/proc/self/cgroup")) -> Cgroups:
    """The cgroups that can be used here. `name` is the folder of the deployment; see `folder_name`."""
    if (root / "cgroup.controllers").is_file():
        parent = _v2_parent(root, own)
        if parent is None:
            return Cgroups(Version.NONE, reason="no cgroup v2 subtree with cpu and memory may be written")
        return Cgroups(Version.V2, (parent,), name)
    parents = tuple(root / controller for controller in _V1_CONTROLLERS)
    if not all((parent / "cgroup.procs").is_file() for parent in parents):
        return Cgroups(Version.NONE, reason="no cgroup hierarchy is mounted")
    # Hierarchies may be mounted together (cpu,cpuacct): then both names lead to one folder, which is harmless.
    if not all(os.access(parent, os.W_OK) for parent in parents):
        return Cgroups(Version.NONE, reason="the cgroup v1 hierarchies may not be written")
    return Cgroups(Version.V1, parents, name)


def folder_name(owner: str, deployment: str) -> str:
    """Folder name of a deployment. `owner` distinguishes the state folders of users of one machine."""
    return f"{PREFIX}{owner}-{deployment}"


def belongs(name: str, owner: str) -> bool:
    """Whether a folder of that name is a deployment's of this owner."""
    return name.startswith(f"{PREFIX}{owner}-") and "/" not in name


def is_cgroup(folder: Path) -> bool:
    """Whether it lies in a mounted cgroup hierarchy: a plain file called `cgroup.procs` names no processes."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    devices = set()
    for _, place, kind, *_ in mounts:
        if kind in ("cgroup", "cgroup2"):
            with contextlib.suppress(OSError):
                devices.add(Path(place.encode().decode("unicode_escape")).stat().st_dev)
    return folder.stat().st_dev in devices


def leftovers(owner: str, root: Path = ROOT, own: Path = Path("/proc/self/cgroup")) -> list[Path]:
    """Top folders left behind by deployments of this owner."""
    parents = [root / controller for controller in _V1_CONTROLLERS]
    if (root / "cgroup.controllers").is_file():
        parents = [root, *_v2_ancestors(root, own)]
    found = {path.resolve() for parent in parents for path in parent.glob(f"{PREFIX}{owner}-*") if path.is_dir()}
    return sorted(found)


def remove(top: Path, timeout: float = 10.0) -> bool:
    """Kill the processes in a deployment's cgroup and remove its folders, pods first. False on timeout."""
    deadline = time.monotonic() + timeout
    while top.is_dir():
        for folder in _tree(top):
            for pid in _pids(folder):
                _kill(pid)
            try:
                folder.rmdir()
            except OSError:
                continue
        if top.is_dir() and time.monotonic() > deadline:
            return False
        if top.is_dir():
            time.sleep(0.05)
    return True


def _tree(top: Path) -> Iterator[Path]:
    for folder, _, _ in os.walk(top, topdown=False):
        yield Path(folder)


def _pids(folder: Path) -> list[int]:
    try:
        return [int(line) for line in (folder / "cgroup.procs").read_text().split()]
    except (OSError, ValueError):
        return []


def _kill(pid: int) -> None:
    # 0 is a process of another PID namespace; killing it would kill our own process group.
    if pid > 1:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


def _v2_parent(root: Path, own: Path) -> Path | None:
    for folder in _v2_ancestors(root, own):
        controllers = _words(folder / "cgroup.subtree_control")
        if {"cpu", "memory"} <= controllers and os.access(folder, os.W_OK):
            return folder
    return None


def _v2_ancestors(root: Path, own: Path) -> list[Path]:
    """Our own cgroup's ancestors, nearest first. Our own folder holds processes, so it cannot delegate controllers."""
    try:
        line = next(line for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return [root]
    current = root / line.removeprefix("0::").lstrip("/")
    return [folder for folder in (current, *current.parents) if folder == root or root in folder.parents][1:] or [root]


def _words(path: Path) -> set[str]:
    try:
        return set(path.read_text().split())
    except OSError:
        return set()
