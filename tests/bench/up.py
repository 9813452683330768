"""What `rca-tui up` takes, what the deployment costs while it serves, and what a look of the live screen costs."""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Iterator

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
    "cluster.local.load": "the load",
    "cluster.local.exporter": "the exporter",
    "nginx": "NGINX: the gateway and the management port",
    "ray": "the rest of Ray",
}
"""What stands in a command line, and whose it is: the first that fits."""
_OTHER = "the rest of ours"


def run(options: argparse.Namespace) -> None:
    if lifecycle.status() is not None:
        tell("up: skipped, a deployment is up already, and its start is to be timed: `rca-tui down` ends it")
        return
    with live.deployment() as deployment:
        state = deployment.state
        spent = sum(cpu for _, cpu in _cpu(state))
        rows = [(phase, seconds(took)) for phase, took in state.phases.items()]
        title = "`rca-tui up`: its phases by the clock"
        columns = ("phase", "s")
        remark = f"CPU time of what runs then: {spent:.1f} s."
        show(title, columns, [*rows, ("all", seconds(sum(state.phases.values())))], [remark])
        tell(f"watching for {WATCHED:.0f} s")
        cores = _cores(state)
        rows = [(part, f"{share:.3f}") for part, share in cores.most_common()]
        title = f"The deployment over {WATCHED:.0f} s, at {deployment.load().rate:g} requests/s"
        show(title, ("part", "cores"), [*rows, ("all", f"{cores.total():.3f}")])
        wall, cpu = _looks(deployment)
        columns = ("a look of the live screen", "median ms", "most ms")
        table = [
            (name, f"{1000 * statistics.median(took):.1f}", f"{1000 * max(took):.1f}")
            for name, took in (("CPU time", cpu), ("by the clock", wall))
        ]
        show(f"{LOOKS} looks, one a second, after a first", columns, table)


def _cores(state: LocalState) -> Counter[str]:
    """CPU seconds a second of each part of the deployment, over the time that is watched."""
    began, before = time.monotonic(), _by_part(state)
    time.sleep(WATCHED)
    took, after = time.monotonic() - began, _by_part(state)
    return Counter({part: (after[part] - before[part]) / took for part in after})


def _by_part(state: LocalState) -> Counter[str]:
    parts: Counter[str] = Counter()
    for argv, cpu in _cpu(state):
        parts[next((part for text, part in _PARTS.items() if text in argv), _OTHER)] += cpu
    return parts


def _cpu(state: LocalState) -> Iterator[tuple[str, float]]:
    """Command line and CPU seconds of each process of the deployment, with the children that it has waited for."""
    assert state.sandbox is not None
    for pid in processes.with_descendants([state.sandbox.pid], processes.pids()):
        try:
            yield " ".join(processes.command(pid)), sum(psutil.Process(pid).cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue


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
