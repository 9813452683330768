"""Controllers for the mock API server: Chaos Mesh, and a GPU node with the device plugin and Jobs."""

from __future__ import annotations

import time
from typing import Any

import mock_stack
import schemas
from mock_api import MockApi

Object = dict[str, Any]
FINALIZER = "chaos-mesh/records"
KINDS = ("StressChaos", "NetworkChaos", "PodChaos")
GPU = "GPU-5b2c1f0e-1111-2222-3333-0123456789ab"
PLUGIN = "nvidia-device-plugin-daemonset-7xk2p"


class ChaosMesh:
    """Does what Chaos Mesh does to its experiments. It holds them to their schema.

    Attributes:
        failure: why it cannot inject, empty when it can.
        recovers: False leaves the fault in and the finalizer on.
        blind: it selects no pod, and so counts as all injected and all recovered.
        seen: every experiment that was made.
    """

    def __init__(self, api: MockApi) -> None:
        self.api = api
        self.failure = ""
        self.recovers = True
        self.blind = False
        self.seen: list[Object] = []
        api.store.controllers.append(self)

    def __call__(self, event: str, made: Object) -> None:
        if made["kind"] not in KINDS:
            return
        meta = made["metadata"]
        if event == "ADDED":
            schemas.check(made)
            self.seen.append(made)
            self._write(made, {"metadata": {"finalizers": [FINALIZER]}})
            self._status(made, "Injected" if not self.failure else "Not Injected/Wait", "Run")
        elif event == "MODIFIED" and "deletionTimestamp" in meta and FINALIZER in meta.get("finalizers", ()):
            self.finish(made)

    def finish(self, made: Object) -> None:
        """Take the fault out and let the experiment go, if it recovers."""
        if not self.recovers:
            return
        if made["status"]["experiment"]["desiredPhase"] == "Stop":
            self._write(made, {"metadata": {"finalizers": []}})
        else:
            self.expire(made)  # and that it did so comes back here

    def expire(self, made: Object) -> None:
        """Its own duration is over."""
        self._status(made, "Not Injected", "Stop")

    def _status(self, made: Object, phase: str, desired: str) -> None:
        ((namespace, names),) = made["spec"]["selector"]["pods"].items()
        there = {pod["metadata"]["name"] for pod in self.api.store.list(self.api.store.kind_of("Pod"), namespace)}
        chosen = [] if self.blind else [name for name in names if name in there or desired == "Stop"]
        if made["spec"].get("action") == "pod-kill" and desired == "Run":
            for name in chosen:
                self.api.delete("pods", namespace, name)
        ids = [f"{namespace}/{name}" for name in chosen]
        if made["kind"] == "StressChaos":
            ids = [f"{one}/{container}" for one in ids for container in made["spec"]["containerNames"]]
        event = {"type": "Failed" if self.failure else "Succeeded", "operation": "Apply", "message": self.failure}
        records = [{"id": one, "selectorKey": ".", "phase": phase, "events": [event]} for one in ids]
        truths = {
            "Selected": bool(records),
            "AllInjected": all(one["phase"] == "Injected" for one in records),
            "AllRecovered": all(one["phase"] == "Not Injected" for one in records),
            "Paused": False,
        }
        conditions = [{"type": name, "status": str(truth)} for name, truth in truths.items()]
        status = {"conditions": conditions, "experiment": {"desiredPhase": desired, "containerRecords": records}}
        self.api.set_status(made["kind"], namespace, made["metadata"]["name"], status)

    def _write(self, made: Object, patch: Object) -> None:
        kind = self.api.store.kind_of(made["kind"])
        meta = made["metadata"]
        self.api.store.patch(kind, meta["namespace"], meta["name"], patch)


class GpuNode:
    """One GPU behind `nvidia-smi`, in the pods of the target's node; its Jobs start when they are made.

    Attributes:
        watts: the power limit in force.
        starts: False leaves a Job's pod pending.
        order: what was done, in order.
    """

    def __init__(self, api: MockApi, node: str) -> None:
        self.api, self.node = api, node
        self.watts, self.lowest, self.highest = 700.0, 100.0, 700.0
        self.starts = True
        self.order: list[str] = []
        api.execute = self.execute
        api.store.controllers.append(self)
        container = {"name": "nvidia-device-plugin", "image": "nvcr.io/nvidia/k8s-device-plugin:v0.18.0"}
        api.create(
            "pods",
            "gpu-operator",
            {
                "metadata": {"name": PLUGIN, "labels": {"app": "nvidia-device-plugin-daemonset"}},
                "spec": {"nodeName": node, "runtimeClassName": "nvidia", "containers": [container]},
                "status": {"phase": "Running"},
            },
        )

    def execute(self, namespace: str, pod: str, container: str, argv: list[str]) -> tuple[int, str, str]:
        if argv[:2] == ["nvidia-smi", "--query-gpu=uuid"] and namespace == mock_stack.NAMESPACE:
            return 0, f"{GPU}\n", ""
        if (namespace, pod) != ("gpu-operator", PLUGIN) or argv[:3] != ["nvidia-smi", "-i", GPU]:
            return 1, "", f"no such thing here: {argv}"
        if argv[3] == "-pl":
            self.watts = float(argv[4])
            self.order.append(f"limit {self.watts:g}")
            return 0, f"Power limit for GPU set to {self.watts:.2f} W\n", ""
        return 0, f"{self.watts:.2f}, {self.lowest:.2f}, {self.highest:.2f}\n", ""

    def __call__(self, event: str, made: Object) -> None:
        if made["kind"] != "Job":
            return
        self.order.append(f"job {event.lower()}")
        if event == "ADDED":
            schemas.check(made)
            ready = "True" if self.starts else "False"
            pod = {
                "metadata": {
                    "name": f"{made['metadata']['name']}-{time.monotonic_ns() % 10000}",
                    "labels": {"job-name": made["metadata"]["name"]},
                },
                "spec": made["spec"]["template"]["spec"],
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
            }
            self.api.create("pods", made["metadata"]["namespace"], pod)
