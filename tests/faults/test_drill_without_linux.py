"""A drill in a cluster from a machine that is not Linux: inject, watchdog, recover, with nothing of Linux in reach."""

from __future__ import annotations

import contextlib
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

import mock_stack
import psutil
import pytest
from fake_deployment import wait_for
from mac import Mac
from mock_api import MockApi
from mock_chaos_mesh import KINDS, ChaosMesh

from faults.journal import journals
from faults.states import State

pytestmark = pytest.mark.slow

INJECT = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from cluster.kubernetes.deployment import KubernetesDeployment
    from faults import catalog
    from faults.engine import Engine
    from faults.preflight import Preflight
    from faults.undo import Undo

    undo = Undo(unhealthy=lambda deployment, level: "", sleep=lambda seconds: None)
    engine = Engine(
        KubernetesDeployment.connect("mock"), True, folder=Path(sys.argv[1]), undo=undo,
        assess=lambda *_, **__: Preflight((), None),
    )
    injection = engine.inject(catalog.load("cpu-stress", "kubernetes"), "ray-replicas-1", {}, 300)
    print("in", flush=True)
    sys.stdin.readline()
    print(engine.revert(injection).state, flush=True)
    """
)
RECOVER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from faults.recover import recover
    from faults.undo import Undo

    undo = Undo(unhealthy=lambda deployment, level: "", sleep=lambda seconds: None)
    print(*(one.state for one in recover(folder=Path(sys.argv[1]), undo=undo)))
    """
)


@pytest.fixture
def mac(tmp_path: Path) -> Mac:
    return Mac(tmp_path)


@pytest.fixture
def api(mac: Mac, tmp_path: Path) -> Iterator[MockApi]:
    with MockApi() as server:
        mac.environment["KUBECONFIG"] = str(server.kubeconfig(tmp_path / "kubeconfig"))
        mock_stack.reference(server)
        ChaosMesh(server)
        yield server


def experiments(api: MockApi) -> int:
    return sum(len(api.store.list(api.store.kind_of(kind))) for kind in KINDS)


def watchdogs(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "faults.watchdog" in process.cmdline() and str(folder) in process.cmdline()[-1]:
                found.append(process)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Of the journals. A watchdog that is left would wait for a service that this test does not have."""
    yield tmp_path / "journal"
    for process in watchdogs(tmp_path / "journal"):
        process.kill()


def test_inject_and_revert(mac: Mac, api: MockApi, folder: Path) -> None:
    process = mac.start("-c", INJECT, str(folder))
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == "in\n"
    assert experiments(api) == 1
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "RECOVERED\n"
    assert process.wait() == 0 and experiments(api) == 0
    mac.insist()


def test_the_watchdog_undoes_what_a_dead_process_left(mac: Mac, api: MockApi, folder: Path) -> None:
    process = mac.start("-c", INJECT, str(folder))
    assert process.stdout is not None and process.stdout.readline() == "in\n"
    assert watchdogs(folder)
    process.kill()
    process.wait()
    assert wait_for(lambda: not experiments(api), 120)
    (journal,) = journals(folder)
    assert wait_for(lambda: journal.read().reverted_at is not None)
    assert "the process that injected is dead" in [step.detail for step in journal.read().steps]
    mac.insist()


def test_recover_undoes_what_both_left(mac: Mac, api: MockApi, folder: Path) -> None:
    process = mac.start("-c", INJECT, str(folder))
    assert process.stdout is not None and process.stdout.readline() == "in\n"
    for watchdog in watchdogs(folder):
        watchdog.kill()
    process.kill()
    process.wait()
    assert experiments(api) == 1
    assert mac.run("-c", RECOVER, str(folder)) == "RECOVERED\n"
    assert experiments(api) == 0
    (journal,) = journals(folder)
    assert journal.read().state is State.RECOVERED


def test_the_command_line_refuses_only_for_want_of_telemetry(mac: Mac, api: MockApi) -> None:
    words = ("--context", "mock", "drill", "cpu-stress", "--target", "ray-replicas-1", "--dry-run", "--json")
    done = mac.complete("-m", "rca_tui", *words)
    mac.insist()
    # The made-up cluster has no telemetry, and that is all that is missing.
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"].startswith(
        "refused, nothing was touched: the deployment is DOWN: no Prometheus was found in mock"
    )
