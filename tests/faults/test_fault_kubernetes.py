"""Faults in a cluster: the engine and the real fault classes against the mock API server, over HTTP."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mock_stack
import pytest
from fake_deployment import wait_for
from fake_fault import Keeper
from mock_api import TOKEN, MockApi
from mock_chaos_mesh import GPU, KINDS, ChaosMesh, GpuNode

from cluster.deployment import DeploymentError
from cluster.kubernetes.deployment import KubernetesDeployment
from faults import catalog, recover, steady, watchdog
from faults import engine as engine_module
from faults.engine import Engine
from faults.errors import InjectionFailed
from faults.journal import Journal, journals
from faults.kubernetes import freeze, gpu_power_cap
from faults.kubernetes.control import chaos_mesh
from faults.kubernetes.control.cluster_fault import name_of
from faults.preflight import Preflight
from faults.states import State
from faults.types import Fault
from faults.undo import Undo

pytestmark = pytest.mark.slow

TARGET, POD = "ray-replicas-1", mock_stack.WORKER_PODS[1]
BY_CHAOS_MESH = ("cpu-stress", "memory-stress", "network-delay", "network-loss", "bandwidth", "partition")
UNDO = Undo(unhealthy=lambda deployment, level: "", sleep=lambda seconds: None)


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MockApi]:
    for variable in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{variable}_HOME", str(tmp_path / variable.lower()))
    with MockApi() as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
        mock_stack.reference(server)
        yield server


@pytest.fixture
def chaos(api: MockApi) -> ChaosMesh:
    return ChaosMesh(api)


@pytest.fixture
def gpu(api: MockApi) -> GpuNode:
    return GpuNode(api, mock_stack.ON_NODE[POD])


@pytest.fixture
def deployment(api: MockApi) -> Iterator[KubernetesDeployment]:
    found = KubernetesDeployment.connect("mock")
    yield found
    found.close()


@pytest.fixture
def engine(deployment: KubernetesDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(watchdog, "start", lambda journal, command: Keeper())
    monkeypatch.setattr(steady, "out_of_bounds", lambda deployment, ratio: "")
    monkeypatch.setattr(engine_module, "LOOK", 0.05)
    monkeypatch.setattr(chaos_mesh, "INJECT_PATIENCE", 0.5)
    monkeypatch.setattr(chaos_mesh, "GONE_PATIENCE", 0.3)
    monkeypatch.setattr(gpu_power_cap, "READY_PATIENCE", 0.5)
    return Engine(
        deployment, armed=True, folder=tmp_path / "journal", undo=UNDO, assess=lambda *_, **__: Preflight((), None)
    )


def load(name: str) -> Fault[Any]:
    return catalog.load(name, "kubernetes")


def experiments(api: MockApi) -> list[dict[str, Any]]:
    return [made for kind in KINDS for made in api.store.list(api.store.kind_of(kind))]


def test_the_catalogue_has_the_cluster_s_own_of_each_name() -> None:
    there = [entry.name for entry in catalog.entries() if "kubernetes" in entry.deployments]
    assert set(there) == {*BY_CHAOS_MESH, "crash", "freeze", "gpu-power-cap"}
    for name in there:
        fault = load(name)
        assert fault.name == name and fault.deployments == {"kubernetes"} and fault.effects
    assert load("cpu-throttle").deployments == {"local"}


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("cpu-stress", {"stressors": {"cpu": {"workers": 16, "load": 100}}, "containerNames": ["ray-worker"]}),
        ("memory-stress", {"stressors": {"memory": {"workers": 1, "size": "8000MB"}}}),
        ("network-delay", {"delay": {"latency": "1000ms", "jitter": "100ms", "correlation": "25"}, "direction": "to"}),
        ("network-loss", {"action": "loss", "loss": {"loss": "25", "correlation": "0"}}),
        ("bandwidth", {"action": "bandwidth", "bandwidth": {"rate": "8000bps", "limit": 200000, "buffer": 10000}}),
        ("partition", {"action": "partition", "direction": "to"}),
    ],
)
def test_injected_read_back_and_taken_out(
    engine: Engine, chaos: ChaosMesh, api: MockApi, name: str, spec: dict[str, Any]
) -> None:
    injection = engine.inject(load(name), TARGET, {}, 1)
    (made,) = experiments(api)
    assert made["spec"].items() >= spec.items()
    assert made["spec"]["selector"] == {"pods": {"llm": [POD]}}
    assert made["spec"]["duration"] == "21s"
    assert injection.plan.faulty == (TARGET,)
    assert engine.hold(injection) == ""
    undone = engine.revert(injection)
    assert (undone.state, undone.clean) == (State.RECOVERED, True)
    assert experiments(api) == []


def test_a_dry_run_says_what_would_be_done_and_does_nothing(engine: Engine, chaos: ChaosMesh, api: MockApi) -> None:
    plan = engine.dry_run(load("cpu-stress"), TARGET, {"workers": 3}, 30)
    assert '"workers": 3' in plan.actions[0] and '"duration": "50s"' in plan.actions[0]
    assert plan.undo.startswith("kubectl --context mock --namespace llm delete stresschaos rca-tui-")
    assert plan.undo.endswith(" --timeout=60s"), "the drill account may not delete pods"
    assert not chaos.seen and all(method == "GET" for method, _ in api.requests)


def test_no_chaos_mesh_and_no_rights_are_one_sentence_each(
    api: MockApi, chaos: ChaosMesh, deployment: KubernetesDeployment
) -> None:
    assert catalog.availability("network-delay", deployment).ok
    api.forbid("delete", "networkchaos")
    assert (
        "does not let you delete networkchaos.chaos-mesh.org in llm"
        in load("network-delay").available(deployment).reason
    )
    assert load("cpu-stress").available(deployment).ok
    api.store.forget(api.store.kind_of("StressChaos"))
    assert "no stresschaos.chaos-mesh.org: install Chaos Mesh" in load("cpu-stress").available(deployment).reason
    api.forbid("create", "pods/exec")
    assert "create pods/exec in llm" in load("freeze").available(deployment).reason
    assert (
        "local" in catalog.availability("cpu-throttle", deployment).reason
        or not catalog.availability("cpu-throttle", deployment).ok
    )


@pytest.mark.parametrize("name", ["kv-leak", "retry-storm", "slow-start", "telemetry-loss"])
def test_what_a_cluster_cannot_have_says_so(deployment: KubernetesDeployment, name: str) -> None:
    found = catalog.availability(name, deployment)
    assert (found.ok, found.reason) == (
        False,
        f"{name} needs a deployment on this machine, and this one is mock/falcon",
    )


def test_refused_by_rbac_nothing_is_left(engine: Engine, chaos: ChaosMesh, api: MockApi, tmp_path: Path) -> None:
    api.forbid("create", "stresschaos")
    with pytest.raises(InjectionFailed, match="everything was undone: the API server of mock refuses by RBAC"):
        engine.inject(load("cpu-stress"), TARGET, {}, 5)
    assert not chaos.seen
    assert journals(tmp_path / "journal")[0].read().state is State.RECOVERED


def test_no_pod_selected_is_a_failure_though_all_counts_as_injected(
    engine: Engine, chaos: ChaosMesh, api: MockApi
) -> None:
    chaos.blind = True
    with pytest.raises(InjectionFailed, match="it selected no pod"):
        engine.inject(load("network-delay"), TARGET, {}, 5)
    assert chaos.seen and experiments(api) == []


def test_what_chaos_mesh_says_of_a_failure_reaches_the_person_harmless(engine: Engine, chaos: ChaosMesh) -> None:
    chaos.failure = "unable to flush ip sets\x1b[31m"
    with pytest.raises(InjectionFailed, match="it is in 0 of 1 targets: unable to flush ip sets") as caught:
        engine.inject(load("network-delay"), TARGET, {}, 5)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("lost", [1, 3])
def test_a_connection_lost_half_way_is_undone(engine: Engine, chaos: ChaosMesh, api: MockApi, lost: int) -> None:
    def lose(event: str, made: dict[str, Any]) -> None:
        if event == "ADDED" and made["kind"] in KINDS:
            api.drop = lost

    api.store.controllers.append(lose)
    with pytest.raises(InjectionFailed, match=r"everything was undone: .* does not answer"):
        engine.inject(load("cpu-stress"), TARGET, {}, 5)
    assert chaos.seen and experiments(api) == []


def test_a_finalizer_that_does_not_go_is_stuck_and_is_never_forced(
    engine: Engine, chaos: ChaosMesh, api: MockApi, tmp_path: Path
) -> None:
    injection = engine.inject(load("cpu-stress"), TARGET, {}, 5)
    chaos.recovers = False
    undone = engine.revert(injection)
    assert undone.state is State.STUCK and not undone.clean
    assert "does not take StressChaos" in undone.detail and "it is in 1 of 1 targets" in undone.detail
    assert f"to delete the pod {POD} ends the fault, which the drill account may not" in undone.detail
    name = name_of(injection.plan.injection)
    assert undone.command == f"kubectl --context mock --namespace llm delete stresschaos {name} --timeout=60s"
    (made,) = experiments(api)
    assert made["metadata"]["finalizers"] == ["chaos-mesh/records"]
    assert not any(method in ("PUT", "PATCH") for method, _ in api.requests)
    chaos.recovers = True
    chaos.finish(made)
    (again,) = recover.recover(folder=tmp_path / "journal", undo=UNDO)
    assert again.state is State.RECOVERED


def test_an_experiment_of_somebody_else_is_never_deleted(engine: Engine, chaos: ChaosMesh, api: MockApi) -> None:
    """As a forged journal would have it: an object of that name is there, and was not made here."""
    injection = engine.inject(load("network-delay"), TARGET, {}, 60)
    (ours,) = experiments(api)
    plan = dataclasses.replace(injection.plan, injection="20260101T000000-0000000a")
    theirs = {**ours, "metadata": {"name": name_of(plan.injection), "namespace": "llm", "labels": {"app": "theirs"}}}
    api.create("networkchaos", "llm", theirs)
    with pytest.raises(DeploymentError, match="was not made here"):
        load("network-delay").revert(engine.deployment, plan)
    assert len(experiments(api)) == 2
    assert engine.revert(injection).state is State.RECOVERED
    (left,) = experiments(api)
    assert left["metadata"]["labels"] == {"app": "theirs"}


def test_a_pod_replaced_while_active_ends_the_fault(engine: Engine, chaos: ChaosMesh, api: MockApi) -> None:
    injection = engine.inject(load("network-delay"), TARGET, {}, 60)
    api.replace_pod("llm", POD, f"{POD[:-5]}n3w0z", "10.42.3.99")
    assert engine.hold(injection) in (f"{TARGET} was replaced", f"{TARGET} is gone")
    assert engine.revert(injection).state is State.RECOVERED


def test_a_pod_replaced_before_it_is_touched_refuses(engine: Engine, chaos: ChaosMesh, api: MockApi) -> None:
    planned = load("cpu-stress")
    plan = engine.dry_run(planned, TARGET, {}, 5)
    api.replace_pod("llm", POD, f"{POD[:-5]}n3w0z", "10.42.3.99")
    with pytest.raises(DeploymentError, match="was replaced"):
        planned.inject(engine.deployment, plan)
    assert not chaos.seen


def test_its_own_duration_takes_it_out_and_that_is_noticed(engine: Engine, chaos: ChaosMesh, api: MockApi) -> None:
    injection = engine.inject(load("cpu-stress"), TARGET, {}, 60)
    chaos.expire(experiments(api)[0])
    assert engine.hold(injection) == "the fault is gone before its time"
    assert engine.revert(injection).state is State.RECOVERED
    assert experiments(api) == []


def test_a_dead_watchdog_ends_the_fault(
    engine: Engine, chaos: ChaosMesh, api: MockApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dead(Keeper):
        def poll(self) -> int | None:
            return 1

    monkeypatch.setattr(watchdog, "start", lambda journal, command: Dead())
    injection = engine.inject(load("cpu-stress"), TARGET, {}, 60)
    assert engine.hold(injection) == "its watchdog died"
    assert engine.revert(injection).state is State.RECOVERED
    assert experiments(api) == []


def test_the_watchdog_finds_the_cluster_again_when_the_injecting_process_dies(
    chaos: ChaosMesh, api: MockApi, tmp_path: Path
) -> None:
    """A process injects and is killed; the real watchdog, a third process, undoes it by the journal's header alone."""
    program = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from cluster.kubernetes.deployment import KubernetesDeployment
        from faults import catalog
        from faults.engine import Engine
        from faults.preflight import Preflight

        engine = Engine(
            KubernetesDeployment.connect("mock"), True, folder=Path(sys.argv[1]),
            assess=lambda *_, **__: Preflight((), None),
        )
        engine.inject(catalog.load("cpu-stress", "kubernetes"), {TARGET!r}, {{}}, 300)
        print("in", flush=True)
        sys.stdin.read()
        """
    )
    folder = tmp_path / "journal"
    injecting = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert injecting.stdout is not None and injecting.stdin is not None
    assert injecting.stdout.readline() == "in\n"
    assert len(experiments(api)) == 1
    injecting.kill()
    injecting.wait()
    assert wait_for(lambda: not experiments(api), 120)
    (journal,) = journals(folder)
    assert wait_for(lambda: journal.read().reverted_at is not None, 60)
    text = journal.path.read_text()
    assert TOKEN not in text and "mock/falcon" in text
    _end_watchdogs(journal)


def _end_watchdogs(journal: Journal) -> None:
    """It would go on waiting for a service that this test has not got to be healthy."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and str(journal.path).encode() in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)


def test_a_killed_pod_is_no_reason_to_abort(engine: Engine, chaos: ChaosMesh, api: MockApi) -> None:
    before = api.get("pods", "llm", POD)
    injection = engine.inject(load("crash"), TARGET, {}, 1)
    meta = {key: before["metadata"][key] for key in ("labels", "ownerReferences")}
    api.create("pods", "llm", {**before, "metadata": {**meta, "name": f"{POD[:-5]}n3w0z"}})
    assert engine.hold(injection) == ""
    assert engine.revert(injection).state is State.RECOVERED
    assert chaos.seen[0]["spec"]["action"] == "pod-kill" and experiments(api) == []


def test_frozen_and_let_go_by_a_shell_in_the_container(engine: Engine, api: MockApi) -> None:
    stopped, ran = 0, []

    def execute(namespace: str, pod: str, container: str, argv: list[str]) -> tuple[int, str, str]:
        nonlocal stopped
        ran.append((pod, container))
        stopped = {freeze.STOP: 7, freeze.GO_ON: 0}.get(argv[2], stopped)
        return 0, f"{stopped}\n" if argv[2] == freeze.COUNT else "", ""

    api.execute = execute
    injection = engine.inject(load("freeze"), TARGET, {}, 1)
    assert stopped == 7 and injection.plan.data["argv"][-1] == "21"
    assert engine.hold(injection) == ""
    assert engine.revert(injection).state is State.RECOVERED
    assert stopped == 0 and set(ran) == {(POD, "ray-worker")}


def test_a_container_without_a_shell_is_said(engine: Engine, api: MockApi) -> None:
    api.execute = lambda *_: (127, "", "sh: not found")
    with pytest.raises(InjectionFailed, match=r"sh failed in the pod .*: sh: not found"):
        engine.inject(load("freeze"), TARGET, {}, 5)


def test_a_power_cap_has_its_keeper_first_and_goes_before_it(engine: Engine, gpu: GpuNode, api: MockApi) -> None:
    injection = engine.inject(load("gpu-power-cap"), f"{TARGET}-gpu-0", {}, 1)
    assert gpu.order == ["job added", "limit 150"] and injection.plan.prior == {"watts": 700.0}
    (job,) = api.store.list(api.store.kind_of("Job"))
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "WATTS", "value": "700"} in container["env"] and {"name": "KEEP", "value": "21"} in container["env"]
    assert job["spec"]["template"]["spec"]["nodeName"] == gpu.node
    assert injection.plan.undo.endswith(f"-- nvidia-smi -i {GPU} -pl 700")
    assert engine.hold(injection) == ""
    assert engine.revert(injection).state is State.RECOVERED
    assert gpu.watts == 700 and gpu.order[-2:] == ["limit 700", "job deleted"]


def test_no_cap_without_a_keeper_that_is_ready(engine: Engine, gpu: GpuNode, api: MockApi) -> None:
    gpu.starts = False
    with pytest.raises(InjectionFailed, match="did not become ready"):
        engine.inject(load("gpu-power-cap"), f"{TARGET}-gpu-0", {}, 5)
    assert "limit 150" not in gpu.order and gpu.watts == 700
    assert api.store.list(api.store.kind_of("Job")) == []


def test_a_cap_that_the_gpu_does_not_take_is_refused(engine: Engine, gpu: GpuNode) -> None:
    gpu.lowest = 200.0
    with pytest.raises(DeploymentError, match="takes 200 W or more, and 700 W are in force: 150 W is no cap"):
        engine.dry_run(load("gpu-power-cap"), f"{TARGET}-gpu-0", {}, 5)
    assert gpu.order == []
