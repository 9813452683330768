"""What `rca-tui up` takes, what the deployment costs while it serves, and what a look of the live screen costs."""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from pathlib import Path

import psutil

from cluster.local import lifecycle, processes
from cluster.local.deployment import LocalDeployment
from cluster.local.state import LocalState
from rca_tui.work.polling import Poller
from tests.bench import live
from tests.bench.tables import seconds, show, tell

WATCHED = 60.0
"""Seconds over which the processes' CPU time is taken."""
LOOKS = 20
_PARTS = {
    "ray::DashboardAgent": "Ray's dashboard agents",
    "ray::Serve": "Serve's controller and replicas, with the engines in them",
    "ray::Proxy": "Serve's proxies",
    "prometheus": "Prometheus",
    "nginx": "NGINX: the gateway and the management port",
    "cluster.local.load": "the load",
    "cluster.local.exporter": "the exporter",
    "cluster.local.supervisor": "the supervisor",
}
"""How a program, or the module that Python runs, begins, and whose it is."""
_RAY, _OTHER = "the rest of Ray", "the rest"


def run(options: argparse.Namespace) -> None:
    if lifecycle.status() is not None:
        tell("up: skipped, a deployment is up already, and its start is to be timed: `rca-tui down` ends it")
        return
    began = time.monotonic()
    with live.deployment() as deployment:
        whole, state = time.monotonic() - began, deployment.state
        spent = sum(cpu for _, cpu in _cpu(state).values())
        rows = [(phase, seconds(took)) for phase, took in state.phases.items()]
        rest = ("before and between", seconds(whole - sum(state.phases.values())))
        title, columns = "`rca-tui up`: its phases by the clock", ("phase", "s")
        remark = f"CPU time of the sandbox until then: {spent:.1f} s."
        show(title, columns, [*rows, rest, ("all", seconds(whole))], [remark])
        tell(f"watching for {WATCHED:.0f} s")
        cores = _cores(state)
        rows = [(part, f"{share:.3f}") for part, share in cores.most_common()]
        title = f"The deployment over {WATCHED:.0f} s, at {deployment.load().rate:g} requests/s"
        show(title, ("part", "cores"), [*rows, ("all", f"{cores.total():.3f}")])
        wall, cpu = _looks(deployment)
        columns = ("a look of the live screen", "median ms", "most ms")
        table = [
            (name, f"{1000 * statistics.median(took):.1f}", f"{1000 * max(took):.1f}")
            for name, took in (("our CPU time", cpu), ("by the clock", wall))
        ]
        show(f"{LOOKS} looks, one a second, after a first; without drawing", columns, table)


def _cores(state: LocalState) -> Counter[str]:
    """CPU seconds a second of each part of the deployment, of the processes that run from first to last."""
    began, before = time.monotonic(), _cpu(state)
    time.sleep(WATCHED)
    took, after = time.monotonic() - began, _cpu(state)
    shares: Counter[str] = Counter()
    for process in before.keys() & after.keys():
        shares[after[process][0]] += (after[process][1] - before[process][1]) / took
    return shares


def _cpu(state: LocalState) -> dict[psutil.Process, tuple[str, float]]:
    """The part that each process of the deployment is of, and its CPU seconds."""
    assert state.sandbox is not None
    used = {}
    for pid in processes.with_descendants([state.sandbox.pid], processes.pids()):
        try:
            process = psutil.Process(pid)
            used[process] = _part(process.cmdline()), sum(process.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return used


def _part(argv: list[str]) -> str:
    program = Path(argv[0].partition(" ")[0]).name if argv else ""  # NGINX has its whole title in one word
    module = argv[argv.index("-m") + 1] if "-m" in argv[:-1] else ""
    for begins, part in _PARTS.items():
        if program.startswith(begins) or module == begins:
            return part
    of_ray = program.startswith("ray") or module.startswith("ray.") or any("/ray/" in word for word in argv[:2])
    return _RAY if of_ray else _OTHER


def _looks(deployment: LocalDeployment) -> tuple[list[float], list[float]]:
    """Seconds by the clock and of our CPU time of each."""
    poller = Poller(lambda: deployment, time.time)
    poller.poll()
    wall, cpu = [], []
    for _ in range(LOOKS):
        time.sleep(1.0)
        began, used = time.perf_counter(), time.process_time()
        poller.poll()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    return wall, cpu
