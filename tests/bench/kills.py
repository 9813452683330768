"""kill -9 of the app, its watchdog, both, or the target, in every state, with the faults of the live deployment."""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from cluster.deployment import DeploymentError
from cluster.local.deployment import LocalDeployment
from faults import catalog, recover
from faults.journal import Journal, Record, journals
from faults.states import State
from faults.types import Plan
from tests.bench import live
from tests.bench.tables import REPOSITORY, show, tell
from tests.bench.victim import STATES

VICTIMS = ("app", "watchdog", "both", "target")
PODS = ("head", "replica-0", "replica-1", "replica-2")
TARGETS = {
    "bandwidth": PODS,
    "cpu-stress": PODS,
    "cpu-throttle": PODS,
    "crash": PODS,
    "freeze": PODS,
    "gateway-slow": ("gateway",),
    "head-overload": ("head",),
    "hot-replica": PODS,
    "kv-leak": PODS,
    "kv-pressure": PODS,
    "load-surge": ("gateway",),
    "long-prefill": PODS,
    "memory-stress": PODS,
    "network-delay": PODS,
    "network-loss": PODS,
    "partition": PODS,
    "retry-storm": ("gateway",),
    "slow-start": PODS,
    "telemetry-loss": PODS,
    "two-at-once": PODS,
}
SEED = 4
PATIENCE = 120.0  # s for what should happen by itself


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill the victim in that state of an injection."""

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
    if not _wait(lambda: all(_answers(deployment, pod) for pod in concerned)):
        raise RuntimeError(f"{' or '.join(concerned)} does not answer before {kill}")
    before = {journal.id for journal in journals()}
    seconds = 1 if kill.state == "REVERTING" else 3 if kill.victim in ("watchdog", "target") else 60
    app = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.victim", kill.fault, kill.target, kill.state, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    try:
        _await_state(app, kill)
        (journal,) = (one for one in journals() if one.id not in before)
        _kill(deployment, kill, app, journal)
        if kill.victim in ("watchdog", "target"):  # the app lives, and has to notice
            with contextlib.suppress(subprocess.TimeoutExpired):
                app.communicate("go on\n", timeout=PATIENCE)
    finally:
        app.kill()
        app.communicate()
    if kill.victim == "app" and journal.read().touched:
        _wait(lambda: _over(journal.read()))
    by_itself = _over(journal.read())
    recover.recover(undo=live.UNDO_ONLY)
    record = journal.read()
    plan, fault = Plan.from_json(record.header.plan), catalog.load(kill.fault)
    found = fault.readback(deployment, plan)
    left = "" if found.clean else found.detail
    return Outcome(by_itself, left if not record.pending else left or f"the journal says {record.state}")


def _await_state(app: subprocess.Popen[str], kill: Kill) -> None:
    assert app.stdout is not None
    said = []
    for line in app.stdout:
        said.append(line.strip())
        if said[-1] == kill.state:
            return
    raise RuntimeError(f"the app ended after {said}, before {kill}")


def _kill(deployment: LocalDeployment, kill: Kill, app: subprocess.Popen[str], journal: Journal) -> None:
    if kill.victim in ("watchdog", "both"):
        for process in psutil.process_iter(["cmdline"]):
            if str(journal.path) in (process.info["cmdline"] or []):
                _end(process.pid)
    if kill.victim in ("app", "both"):
        app.kill()
    if kill.victim == "target" and (pid := deployment.pod(kill.target).replica()) is not None:
        _end(pid)


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


def _wait(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE
    while not (met := condition()) and time.monotonic() < until:
        time.sleep(0.1)
    return met


def _at_random(rng: random.Random) -> Kill:
    fault = rng.choice(tuple(TARGETS))
    target = rng.choice(TARGETS[fault])
    # Nothing starts the gateway's process again: its death is an outage, not a fault that could be undone.
    victims = VICTIMS if target in PODS else tuple(victim for victim in VICTIMS if victim != "target")
    return Kill(fault, target, rng.choice(STATES), rng.choice(victims))


def run(options: argparse.Namespace) -> None:
    rng = random.Random(SEED)
    kills = [_at_random(rng) for _ in range(options.kills)]
    count: dict[str, Counter[str]] = defaultdict(Counter)
    remarks = []
    with live.deployment() as deployment, contextlib.suppress(KeyboardInterrupt):  # Ctrl-C: the table of what was run
        for number, kill in enumerate(kills, 1):
            outcome = carry_out(deployment, kill)
            tell(f"{number} of {len(kills)}: {kill}: {outcome}")
            end = "left" if outcome.left else "by itself" if outcome.by_itself else "by recover"
            for row in (kill.fault, "all"):
                count[row].update(("runs", end))
            if outcome.left:
                remarks.append(f"{kill}: {outcome.left}")
    columns = ("fault", "runs", "recovered by itself", "recovered by `rca-tui recover`", "left")
    rows = [
        (name, *(str(count[name][column]) for column in ("runs", "by itself", "by recover", "left")))
        for name in (*TARGETS, "all")
    ]
    whole = count["all"]
    remarks.append(f"{whole['runs']} runs, {whole['runs'] - whole['left']} recovered, {whole['left']} left")
    show(f"kill -9 at random (seed {SEED}): {', '.join(VICTIMS)}; in {', '.join(STATES)}", columns, rows, remarks)
