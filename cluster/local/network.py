"""Pods of the sandbox: one namespace holder and two links for each pod, two bridges. Runs in the sandbox as root."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cluster.local import layout
from cluster.local.cgroups import Cgroups
from cluster.local.processes import namespace

# Moves itself into the folders given before "--", then becomes the command given after it.
ENTER_CGROUPS = 'while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs" || exit 126; shift; done; shift; exec "$@"'
SHM_BYTES = 1 << 30


def enter_argv(folders: Iterable[Path], argv: Sequence[str]) -> list[str]:
    """A command line that runs `argv` inside the cgroup folders."""
    names = [str(folder) for folder in folders]
    return ["/bin/sh", "-c", ENTER_CGROUPS, "sh", *names, "--", *argv] if names else list(argv)


def build_bridges() -> None:
    """The data and management bridges. The sandbox itself has an address on the management bridge only."""
    _ip("link", "set", "lo", "up")
    for bridge in (layout.DATA_BRIDGE, layout.MANAGEMENT_BRIDGE):
        _ip("link", "add", bridge, "type", "bridge")
        _ip("link", "set", bridge, "up")
    _ip("addr", "add", f"{layout.management_ip(layout.NODE)}/24", "dev", layout.MANAGEMENT_BRIDGE)


def hold_pod(pod: str, cgroups: Cgroups, environment: Mapping[str, str]) -> int:
    """Start the process that keeps a pod's namespaces alive, link it up, and return its pid.

    Like Kubernetes' pause container: it does nothing, so that the pod outlives the programs in it.
    """
    holder = subprocess.Popen(
        enter_argv(cgroups.of(pod), ["unshare", "--net", "--mount", "sleep", "infinity"]),
        env={**environment, layout.ENV_COMPONENT: pod},
        stdin=subprocess.DEVNULL,
    )
    ours = namespace(os.getpid(), "net")
    deadline = time.monotonic() + 10
    while namespace(holder.pid, "net") in (ours, None):
        if holder.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the namespaces of the pod {pod} could not be made")
        time.sleep(0.01)
    _link(pod, holder.pid, layout.DATA_LINK, layout.DATA_BRIDGE, layout.data_ip(pod))
    _link(pod, holder.pid, layout.MANAGEMENT_LINK, layout.MANAGEMENT_BRIDGE, layout.management_ip(pod))
    _ip("link", "set", "lo", "up", within=holder.pid)
    return holder.pid


def mount_ray_folders(holder: int, ray_folder: Path) -> None:
    """Mount a Ray folder and a /dev/shm for the pod: all Ray nodes use the head's path, and would collide."""
    inside = ["nsenter", "-t", str(holder), "-m", "mount"]
    subprocess.run([*inside, "--bind", str(ray_folder), layout.RAY_TEMP], check=True)
    subprocess.run([*inside, "-t", "tmpfs", "-o", f"size={SHM_BYTES}", "tmpfs", "/dev/shm"], check=True)  # noqa: S108


def in_pod(holder: int, argv: Sequence[str]) -> list[str]:
    """A command line that runs `argv` in the pod's network and mount namespaces, from inside the sandbox."""
    return ["nsenter", "-t", str(holder), "-n", "-m", "--", *argv]


def _link(pod: str, holder: int, name: str, bridge: str, address: str) -> None:
    outer = layout.host_link(pod, name)
    _ip("link", "add", outer, "type", "veth", "peer", "name", name, "netns", str(holder))
    _ip("link", "set", outer, "master", bridge, "up")
    _ip("addr", "add", f"{address}/24", "dev", name, within=holder)
    _ip("link", "set", name, "up", within=holder)


def _ip(*arguments: str, within: int | None = None) -> None:
    argv = ["ip", *arguments]
    if within is not None:
        argv = ["nsenter", "-t", str(within), "-n", "--", *argv]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"`{' '.join(argv)}` failed: {done.stderr.strip()}")
