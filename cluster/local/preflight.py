"""Checks that this machine can run the sandbox: programs, privileges, packages."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess

from cluster.deployment import DeploymentError

_DEBIAN_PACKAGE = {
    "nginx": "nginx",
    "prometheus": "prometheus",
    "stress-ng": "stress-ng",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}
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


def check(engine: str) -> None:
    """Raises DeploymentError for what is missing, with how to install it."""
    if os.uname().sysname != "Linux":
        raise DeploymentError(f"the embedded deployment needs Linux, this is {os.uname().sysname}: {_ELSEWHERE}")
    missing = missing_programs()
    if missing:
        raise DeploymentError(f"{', '.join(missing)} not found: `{install_command(missing)}`; {_REPLAY}")
    absent = missing_packages(engine)
    if absent:
        extras = ",".join(sorted(set(absent.values())))
        packages = ", ".join(absent)
        raise DeploymentError(f"Python packages {packages} not found: `pip install 'rca-tui[{extras}]'`; {_REPLAY}")
    problem = namespace_problem()
    if problem:
        raise DeploymentError(
            f"this machine allows neither root nor user namespaces ({problem}): nothing can start here; {_REPLAY}"
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
