"""Faults on one pod, without a deployment: on a process, on cgroup files, and what they refuse."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from fake_deployment import FakeDeployment, FakePod, wait_for

from cluster.deployment import Completed, DeploymentError
from cluster.local.cgroups import Cgroups, Version
from cluster.local.pod import LocalPod
from cluster.local.processes import Process, identify, stat_fields
from cluster.local.state import LocalState
from faults.local.control import link, replica
from faults.local.cpu_throttle import CpuThrottle
from faults.local.freeze import Freeze
from faults.local.memory_stress import MemoryStress
from faults.types import Plan

INJECTION = "20260101T000000-0000000a"


class Pod(FakePod):
    """One with a replica that is a process of the test, and a CPU limit that is a file of the test."""

    serves: int | None = None
    limited: LocalPod

    def replica(self) -> int | None:
        return self.serves

    def cpu_limit(self) -> float | None:
        return self.limited.cpu_limit()

    def cpu_quota(self, cores: float | None = None) -> dict[str, str]:
        return self.limited.cpu_quota(cores)

    def set_cpu_quota(self, quota: Mapping[str, str]) -> None:
        self.limited.set_cpu_quota(quota)


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDeployment:
    deployment = FakeDeployment.start(tmp_path)
    monkeypatch.setattr(deployment, "pod", lambda component: Pod(component, tmp_path))
    return deployment


def limited(folder: Path, version: Version, files: Mapping[str, str]) -> LocalPod:
    parent = folder / ("cpu" if version is Version.V1 else "")
    for name, content in files.items():
        path = parent / "deployment" / "replica-1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    cgroups = Cgroups(version, (parent,), "deployment")
    holder = identify(os.getpid())
    assert holder is not None
    return LocalPod(
        LocalState("id", "llamacpp", folder, 1, 2, cgroups, False, holders={"replica-1": holder}), "replica-1"
    )


V1 = (Version.V1, {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"})
V2 = (Version.V2, {"cpu.max": "50000 100000"})
UNLIMITED = (Version.V2, {"cpu.max": "max 100000"})


@pytest.mark.parametrize(("version", "files"), [V1, V2, UNLIMITED])
def test_throttle_puts_back_what_was_there(
    deployment: FakeDeployment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: Version,
    files: Mapping[str, str],
) -> None:
    monkeypatch.setattr(Pod, "limited", limited(tmp_path, version, files), raising=False)
    fault = CpuThrottle()
    assert fault.available(deployment).ok
    plan = Plan.from_json(fault.plan(deployment, "replica-1", fault.parse({"cores": 0.1}), INJECTION, 10).as_json())
    assert fault.readback(deployment, plan).clean
    for undo in (lambda: fault.revert(deployment, plan), lambda: subprocess.run(["sh", "-c", plan.undo], check=True)):
        fault.inject(deployment, plan)
        assert Pod.limited.cpu_limit() == 0.1
        assert not fault.readback(deployment, plan).clean
        undo()
        assert fault.readback(deployment, plan).clean
        assert {Path(path).name: text for path, text in Pod.limited.cpu_quota().items()} == files
        fault.revert(deployment, plan)


def test_throttle_refuses_what_is_no_throttling_and_other_files(
    deployment: FakeDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = limited(tmp_path, *V2)
    monkeypatch.setattr(Pod, "limited", pod, raising=False)
    fault = CpuThrottle()
    with pytest.raises(DeploymentError, match=r"limited to 0\.5 cores already"):
        fault.plan(deployment, "replica-1", fault.parse({"cores": 0.5}), INJECTION, 10)
    with pytest.raises(DeploymentError, match="not the files"):
        pod.set_cpu_quota({str(tmp_path / "other"): "1"})
    with (
        mock.patch.object(Path, "write_text", side_effect=PermissionError(errno.EACCES, "Permission denied")),
        pytest.raises(DeploymentError, match=r"cannot be set.*Permission denied"),
    ):
        pod.set_cpu_quota(pod.cpu_quota(0.1))


def test_throttle_says_why_where_pods_have_no_cgroup(
    deployment: FakeDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Cgroups(Version.NONE, reason="no cgroup hierarchy is mounted")
    holder = {"replica-1": Process(1, 1)}
    state = LocalState("id", "llamacpp", tmp_path, 1, 2, bare, False, holders=holder)
    monkeypatch.setattr(Pod, "limited", LocalPod(state, "replica-1"), raising=False)
    found = CpuThrottle().available(deployment)
    assert (found.ok, "no cgroup hierarchy is mounted" in found.reason) == (False, True)


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    with subprocess.Popen(["sleep", "600"]) as started:
        monkeypatch.setattr(Pod, "serves", started.pid)
        found = identify(started.pid)
        assert found is not None
        yield found
        started.kill()


def stopped(process: Process) -> bool:
    return stat_fields(process.pid)[0] == "T"


def test_freeze_stops_and_goes_on(deployment: FakeDeployment, process: Process) -> None:
    fault = Freeze()
    plan = Plan.from_json(fault.plan(deployment, "replica-1", fault.parse({}), INJECTION, 10).as_json())
    for undo in (lambda: fault.revert(deployment, plan), lambda: subprocess.run(["sh", "-c", plan.undo], check=True)):
        fault.inject(deployment, plan)
        assert wait_for(lambda: stopped(process))
        assert not fault.readback(deployment, plan).clean
        undo()
        assert wait_for(lambda: not stopped(process))
        assert fault.readback(deployment, plan).clean
        fault.revert(deployment, plan)


def test_a_pid_that_was_given_to_another_process_is_left_alone(deployment: FakeDeployment, process: Process) -> None:
    replica.send(Process(process.pid, process.started - 1), signal.SIGSTOP)
    replica.send(Process(2**22 + 1, 1), signal.SIGSTOP)
    assert not stopped(process)
    fault = Freeze()
    plan = fault.plan(deployment, "replica-1", fault.parse({}), INJECTION, 10)
    os.kill(process.pid, signal.SIGKILL)
    assert wait_for(lambda: not process.alive())
    fault.revert(deployment, plan)
    assert fault.readback(deployment, plan).clean


def test_no_permission_and_no_replica_are_one_sentence(deployment: FakeDeployment, process: Process) -> None:
    denied = PermissionError(errno.EPERM, "Operation not permitted")
    with (
        mock.patch.object(signal, "pidfd_send_signal", side_effect=denied),
        pytest.raises(DeploymentError, match="may not be signalled: Operation not permitted"),
    ):
        replica.send(process, signal.SIGSTOP)
    with mock.patch.object(Pod, "serves", None), pytest.raises(DeploymentError, match="no replica serves in head"):
        Freeze().plan(deployment, "head", Freeze().parse({}), INJECTION, 10)


def test_memory_stress_leaves_the_machine_its_share(deployment: FakeDeployment) -> None:
    fault = MemoryStress()
    with (
        mock.patch("faults.local.memory_stress._available_megabytes", return_value=2000),
        pytest.raises(DeploymentError, match="has 2000 MB available"),
    ):
        fault.plan(deployment, "replica-1", fault.parse({"megabytes": 1500}), INJECTION, 10)
    held = fault.plan(deployment, "replica-1", fault.parse({"megabytes": 64, "busy": False}), INJECTION, 10)
    assert "--vm-hang" in held.data["argv"]


def test_a_link_that_is_shaped_already_is_not_touched(deployment: FakeDeployment) -> None:
    found: dict[str, Any] = {"kind": "tbf", "handle": "8001:"}
    with (
        mock.patch.object(Pod, "run", lambda *_, **__: Completed(0, f"[{str(found).replace(chr(39), chr(34))}]", "")),
        pytest.raises(DeploymentError, match="shaped already"),
    ):
        link.unshaped(deployment, "replica-1")
