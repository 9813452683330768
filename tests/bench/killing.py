"""One kill in the middle of a fault on the live deployment, and what is left of the fault."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from cluster import paths
from cluster.deployment import DeploymentError
from cluster.local import lifecycle, processes
from cluster.local.deployment import LocalDeployment
from cluster.local.layout import ENV_DEPLOYMENT
from faults import catalog, recover
from faults.journal import Journal, Record, journals
from faults.local.control import tags
from faults.states import State
from faults.types import Plan
from tests.bench import hardships, live
from tests.bench.hardships import Clock
from tests.bench.tables import REPOSITORY

PODS = ("head", "replica-0", "replica-1", "replica-2")
PARTS = ("supervisor", "gateway", "head", "prometheus")
VICTIMS = ("app", "watchdog", "both", "recovering", "target", "clock", "disk", "memory", *PARTS)
"""`recovering`: what undoes a fault that app and watchdog left; `target`: the engine under the fault. Then what the
machine does to the app, and parts of the deployment."""
PATIENCE = 120.0  # s for what should happen by itself
STARTING = 300.0  # s until a deployment of which a part was killed answers again
HOUR = 3600
MEMORY = 512 << 20
PAGES = 16


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill the victim in that state of an injection, or of a recovery."""

    fault: str
    target: str
    state: str
    victim: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`by_itself`: nothing was left before `recover` was asked; `left`: what is left after it, empty for nothing."""

    by_itself: bool
    left: str


def carry_out(deployment: LocalDeployment, kill: Kill) -> Outcome:
    """Inject, kill, wait for what should undo it, recover what is not undone, and look. Raises RuntimeError."""
    concerned = (kill.target,) if kill.target in PODS else PODS
    if not _wait(lambda: all(_answers(deployment, pod) for pod in concerned), STARTING):
        raise RuntimeError(f"{' or '.join(concerned)} does not answer before {kill}")
    with contextlib.ExitStack() as held:
        before = {journal.id for journal in journals()}
        clock, enter = None, None
        if kill.victim == "clock":
            clock = Clock.build(Path(held.enter_context(tempfile.TemporaryDirectory())))
        if kill.victim == "disk":
            before = set()
            held.enter_context(hardships.small_disk(paths.journal(), PAGES))
        if kill.victim == "memory":
            enter = held.enter_context(hardships.memory_limit(MEMORY))
        state = "ACTIVE" if kill.victim == "recovering" else kill.state
        dies = kill.victim in ("app", "both", "recovering", "memory")
        seconds = 1 if state == "REVERTING" else 60 if dies else 5
        app = _start([kill.fault, kill.target, state, str(seconds)], {} if clock is None else clock.environment, enter)
        held.callback(_close, app)
        _await_state(app, state)
        (journal,) = (one for one in journals() if one.id not in before)
        _strike(deployment, kill, app, journal, clock)
        if app.poll() is None:  # it lives, and has to notice
            with contextlib.suppress(subprocess.TimeoutExpired):
                app.communicate("eat\n" if kill.victim == "memory" else "go on\n", timeout=PATIENCE)
        _close(app)
        if kill.victim in ("app", "memory", "clock") and journal.read().touched:
            _wait(lambda: _over(journal.read()))
        by_itself = _over(journal.read())
        if kill.victim == "disk":
            hardships.grow(paths.journal(), 4 * PAGES)
        recover.recover(undo=live.UNDO_ONLY)
        return Outcome(by_itself, _left(deployment, kill, journal))


def _left(deployment: LocalDeployment, kill: Kill, journal: Journal) -> str:
    record = journal.read()
    if pids := tags.anywhere(journal.id):
        return f"the processes {pids}"
    if record.pending:
        return f"the journal says {record.state}: {record.detail}"
    if lifecycle.status() is None:  # it took the fault with it
        return ""
    found = catalog.load(kill.fault).readback(deployment, Plan.from_json(record.header.plan))
    return "" if found.clean else found.detail


def _start(
    arguments: list[str], environment: dict[str, str], enter: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.victim", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        preexec_fn=enter,
    )


def _close(app: subprocess.Popen[str]) -> None:
    app.kill()
    with contextlib.suppress(ValueError):  # it is closed already
        app.communicate()


def _await_state(app: subprocess.Popen[str], state: str) -> None:
    assert app.stdout is not None
    said = []
    for line in app.stdout:
        said.append(line.strip())
        if said[-1] == state:
            return
    raise RuntimeError(f"it ended after {said}, before {state}")


def _strike(
    deployment: LocalDeployment, kill: Kill, app: subprocess.Popen[str], journal: Journal, clock: Clock | None
) -> None:
    if kill.victim in ("watchdog", "both", "recovering"):
        for process in psutil.process_iter(["cmdline"]):
            if str(journal.path) in (process.info["cmdline"] or []):
                _end(process.pid)
    if kill.victim in ("app", "both", "recovering"):
        app.kill()
        app.wait()
    if kill.victim == "recovering":
        second = _start(["recover", kill.state], {})
        try:
            _await_state(second, kill.state)
        finally:
            _close(second)
    if kill.victim == "target" and (pid := deployment.pod(kill.target).replica()) is not None:
        _end(pid)
    if kill.victim in PARTS:
        for pid in part(deployment, kill.victim):
            _end(pid)
    if kill.victim == "disk":
        hardships.fill(paths.journal())
    if clock is not None:
        clock.set(random.choice((-HOUR, HOUR)))


def part(deployment: LocalDeployment, name: str) -> list[int]:
    """Pids of that part of the deployment. Raises RuntimeError where it does not run."""
    state = deployment.state
    if name == "supervisor" and state.init is not None:
        return [state.init.pid]

    def fits(pid: int) -> bool:
        argv = processes.command(pid)
        if name == "gateway":  # NGINX writes its title over its environment
            return str(state.run_dir.gateway_config) in " ".join(argv) and "master" in argv[0]
        if processes.environment(pid).get(ENV_DEPLOYMENT) != state.id:
            return False
        if name == "head":
            return "ray.scripts.scripts" in argv and "--head" in argv
        return argv[0].endswith("prometheus")

    found = [pid for pid in processes.pids() if processes.command(pid) and fits(pid)]
    if not found:
        raise RuntimeError(f"the {name} does not run")
    return found


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _answers(deployment: LocalDeployment, target: str) -> bool:
    try:
        return deployment.pod(target).answers()
    except DeploymentError:
        return False


def _over(record: Record) -> bool:
    """Undone and read back; that the service must be healthy as well is left to whoever waits for it."""
    return record.state is State.RECOVERED or record.reverted_at is not None


def _wait(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    until = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < until:
        time.sleep(0.1)
    return met
