"""Checks that this machine can run the sandbox: programs, privileges, packages."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess

import psutil

from cluster.deployment import DeploymentError
from cluster.local.layout import USUAL_REPLICAS
from cluster.local.options import Options

_DEBIAN_PACKAGE = {
    "nginx": "nginx",
    "prometheus": "prometheus",
    "stress-ng": "stress-ng",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}
BASE_MEMORY = 1 << 30
"""Bytes that Prometheus, the gateway and Ray's control plane take at most."""
REPLICA_MEMORY = 700 << 20
"""Bytes of one replica with its Ray node."""
OVERCOMMIT = 1.5
"""CPU limits of all replicas may add up to so many times the cores: the engines seldom all compute at once."""
_NAMESPACES = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_REPLAY = "`rca-tui replay` needs none of this"
_ELSEWHERE = "`rca-tui replay` shows a recorded incident, `rca-tui --context NAME` connects to a cluster"


def is_root() -> bool:
    return os.geteuid() == 0


def sandbox_argv() -> list[str]:
    """The command that creates the sandbox: without a user namespace for root, with one for other users."""
    user = [] if is_root() else ["--user", "--map-root-user"]
    return ["unshare", *user, *_NAMESPACES]


def search_path() -> str:
    """PATH with the folders of system programs, which are often not on a user's PATH."""
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), "/usr/local/sbin", "/usr/sbin", "/sbin"]
    return os.pathsep.join(dict.fromkeys(folder for folder in folders if folder))


def check(options: Options) -> None:
    """Raises DeploymentError for what is missing, with how to install it, and for more replicas than fit."""
    if os.uname().sysname != "Linux":
        raise DeploymentError(f"the embedded deployment needs Linux, this is {os.uname().sysname}: {_ELSEWHERE}")
    missing = missing_programs()
    if missing:
        raise DeploymentError(f"{', '.join(missing)} not found: `{install_command(missing)}`; {_REPLAY}")
    absent = missing_packages(options.engine)
    if absent:
        extras = ",".join(sorted(set(absent.values())))
        packages = ", ".join(absent)
        raise DeploymentError(f"Python packages {packages} not found: `pip install 'rca-tui[{extras}]'`; {_REPLAY}")
    problem = namespace_problem()
    if problem:
        raise DeploymentError(
            f"this machine allows neither root nor user namespaces ({problem}): nothing can start here; {_REPLAY}"
        )
    too_many = too_many_replicas(options, cores(), psutil.virtual_memory().available)
    if too_many:
        raise DeploymentError(too_many)


def cores() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


def too_many_replicas(options: Options, cores: int, memory: int) -> str:
    """Why this machine cannot hold more than the usual replicas; empty where it can. `memory` is what is free, bytes.

    The usual number is always tried: it was measured on two cores.
    """
    count = len(options.serving)
    if count <= USUAL_REPLICAS:
        return ""
    most = min(int((memory - BASE_MEMORY) // REPLICA_MEMORY), int(cores * OVERCOMMIT / options.pod_cpus - 0.5))
    if count <= most:
        return ""
    return (
        f"{count} replicas do not fit on this machine: with {options.pod_cpus:g} cores each, {cores} cores and "
        f"{memory / 2**30:.1f} GiB of free memory hold {max(most, USUAL_REPLICAS)}; take fewer, or less --pod-cpus"
    )


def missing_programs() -> list[str]:
    """Programs that are not on `search_path`."""
    return [name for name in _DEBIAN_PACKAGE if shutil.which(name, path=search_path()) is None]


def install_command(programs: list[str]) -> str:
    """What installs them on Debian and Ubuntu."""
    packages = " ".join(sorted({_DEBIAN_PACKAGE[name] for name in programs}))
    return f"{'' if is_root() else 'sudo '}apt-get install {packages}"


def missing_packages(engine: str) -> dict[str, str]:
    """Python packages that are not installed -> the extra that brings them."""
    modules = {"ray": "local", "opentelemetry": "local", "prometheus_client": "local", "aiohttp": "local"}
    modules |= {"llamacpp": {"xllamacpp": "local"}, "vllm": {"vllm": "vllm"}}[engine]
    return {name: extra for name, extra in modules.items() if importlib.util.find_spec(name) is None}


def namespace_problem() -> str:
    """Why a sandbox cannot be created here; empty when it can. Found by creating one."""
    argv = [*sandbox_argv(), "ip", "link", "add", "probe0", "type", "bridge"]
    environment = {**os.environ, "PATH": search_path()}
    try:
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
