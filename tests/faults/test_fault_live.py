"""The real thing: faults on pods of the real deployment, undone in their time, and after kill -9 of everything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from fake_deployment import wait_for

from cluster.incident import envelope, store
from faults import catalog, drill, recover
from faults.effects import Landing
from faults.engine import Engine
from faults.journal import Journal, journals
from faults.states import State
from tests.bench import killing
from tests.bench.killing import Kill

if TYPE_CHECKING:
    from cluster.local.deployment import LocalDeployment

pytestmark = pytest.mark.live

TARGET = "replica-1"


@pytest.fixture
def deployment(
    live_deployment: LocalDeployment, live_state_home: Path, monkeypatch: pytest.MonkeyPatch
) -> LocalDeployment:
    monkeypatch.setenv("XDG_STATE_HOME", str(live_state_home))
    return live_deployment


def stressors(deployment: LocalDeployment, journal: Journal) -> list[int]:
    return deployment.pod(TARGET).tagged(journal.id)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        # What the pod says itself is of requests that ended before, where the machine is so slow that none ends now.
        ("cpu-stress", [("gateway", "latency_p90")]),
        ("network-delay", [("gateway", "connect_time_p90")]),  # and its telemetry came over the other link meanwhile
    ],
)
def test_a_drill_hurts_its_target_and_nothing_is_left(
    deployment: LocalDeployment, tmp_path: Path, fault: str, seen: list[tuple[str, str]]
) -> None:
    # A refusal is right while the service still swings from the test before, or on a busy machine.
    assert wait_for(lambda: Engine(deployment, armed=True).check(catalog.load(fault), TARGET).ok, 300)
    report = drill.run(
        deployment, fault, TARGET, armed=True, baseline=20, seconds=25, aftermath=10, save=tmp_path / "x.zip"
    )
    assert report.whole, report
    landed = {(one.source, one.signal): one.landing for one in report.effects if one.component == TARGET}
    # A pod so starved that no request on it ends has no latency.
    assert {landed[key] for key in seen} <= {Landing.LANDED, Landing.UNKNOWN}, report
    assert Landing.LANDED in landed.values(), report
    assert stressors(deployment, journals()[-1]) == []
    assert report.saved is not None
    truth = envelope.load_truth(report.saved)
    assert truth is not None
    assert truth.components == (TARGET,)
    incident = store.load(report.saved)
    assert truth.injected_at in incident.window
    assert {"gateway", TARGET} <= set(incident.telemetry.metrics.columns.get_level_values("component"))


def test_kill_of_the_drill_and_its_watchdog_leaves_what_recover_undoes(deployment: LocalDeployment) -> None:
    before = {journal.id for journal in journals()}
    command = [sys.executable, "-m", "rca_tui", "drill", "cpu-stress", "--target", TARGET, "--yes"]
    times = ["--baseline", "5", "--seconds", "120", "--aftermath", "5"]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen([*command, *times], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    process = start()

    def begun() -> list[Journal]:
        nonlocal process
        if process.poll() is not None:
            said = process.communicate()[1]
            # A refusal is right while the service still swings from the test before, or on a busy machine.
            assert "not steady" in said, said
            process = start()
        return [one for one in journals() if one.id not in before and one.read().state is State.ACTIVE]

    try:
        assert wait_for(begun, 300)
        (journal,) = begun()
        assert stressors(deployment, journal)
        for found in psutil.process_iter(["cmdline"]):
            if str(journal.path) in (found.info["cmdline"] or []):
                os.kill(found.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    assert stressors(deployment, journal)
    (undone,) = recover.recover()
    assert (undone.state, undone.clean) == (State.RECOVERED, True), undone
    assert stressors(deployment, journal) == []
    assert recover.pending() == []


@pytest.mark.parametrize(
    "kill",
    [
        Kill("bandwidth", "replica-0", "ACTIVE", "app"),
        Kill("bandwidth", "replica-1", "ACTIVE", "target"),
        Kill("cpu-stress", "head", "PLANNED", "app"),
        Kill("cpu-throttle", "head", "INJECTING", "both"),
        Kill("crash", "replica-2", "SPAWNED", "both"),
        Kill("freeze", "replica-0", "ACTIVE", "watchdog"),
        Kill("memory-stress", "replica-0", "REVERTING", "app"),
        Kill("network-delay", "replica-0", "SPAWNED", "app"),
        Kill("network-loss", "replica-1", "ACTIVE", "both"),
        Kill("partition", "replica-0", "ACTIVE", "both"),
    ],
    ids=lambda kill: f"{kill.victim}-in-{kill.state}-of-{kill.fault}",
)
def test_kill_9_leaves_nothing_that_recover_leaves(deployment: LocalDeployment, kill: Kill) -> None:
    """All of them at random: `python -m tests.bench kills`."""
    assert killing.carry_out(deployment, kill).left == ""
    assert recover.pending() == []
