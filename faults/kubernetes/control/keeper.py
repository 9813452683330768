"""A Job on the node of the GPU that restores the power limit past the deadline, without anything outside the cluster.

It is created before the cap, with the limit that was in force. Its pod has the image and the rights of the device
plugin, so that nothing is pulled; it is ready once it has read the GPU. Deleting it early restores the limit as well.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cluster.kubernetes.resources import JOBS, PODS, Object
from faults.kubernetes.control.cluster_fault import LABELS, OWN_TIMEOUT, require_ours

if TYPE_CHECKING:
    from cluster.kubernetes.api import Api
    from faults.kubernetes.control.gpu import Plugin

SPARE = 900  # s past its time after which Kubernetes ends the Job
KEPT = 600  # s for which the finished Job stays readable

SCRIPT = """set -eu
restore() { nvidia-smi -i "$GPU" -pl "$WATTS"; }
trap 'restore; exit 0' TERM INT
nvidia-smi -i "$GPU" --query-gpu=power.limit --format=csv,noheader > /keeper/ready
sleep "$KEEP" &
wait $!
restore
"""


def job(name: str, plugin: Plugin, node: str, uuid: str, watts: float, seconds: float) -> Object:
    """The Job, for the plugin's namespace. `watts`: the limit to restore."""
    keep = math.ceil(seconds) + OWN_TIMEOUT
    spec = plugin.made["spec"]
    same = {key: spec[key] for key in ("runtimeClassName", "imagePullSecrets") if spec.get(key)}
    environment = {
        "GPU": uuid,
        "WATTS": f"{watts:g}",
        "KEEP": str(keep),
        "NVIDIA_VISIBLE_DEVICES": "all",
        "NVIDIA_DRIVER_CAPABILITIES": "utility",
    }
    container: dict[str, Any] = {
        "name": "keeper",
        "image": spec["containers"][0]["image"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", SCRIPT],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        "securityContext": {"privileged": True},
        "readinessProbe": {"exec": {"command": ["test", "-s", "/keeper/ready"]}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [{"name": "keeper", "mountPath": "/keeper"}],
    }
    pod = {
        "nodeName": node,
        "restartPolicy": "OnFailure",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 30,
        "containers": [container],
        "volumes": [{"name": "keeper", "emptyDir": {}}],
        **same,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": plugin.namespace, "labels": LABELS},
        "spec": {
            "backoffLimit": 10,
            "activeDeadlineSeconds": keep + SPARE,
            "ttlSecondsAfterFinished": KEPT,
            "template": {"metadata": {"labels": LABELS}, "spec": pod},
        },
    }


def ready(api: Api, namespace: str, name: str) -> bool:
    """Whether the pod of the Job has read the GPU and waits. Raises DeploymentError."""
    return any(
        one.get("type") == "Ready" and one.get("status") == "True"
        for made in api.list(PODS, namespace, labels=f"job-name={name}")
        for one in made.get("status", {}).get("conditions") or []
    )


def delete(api: Api, namespace: str, name: str) -> None:
    """Delete the Job and its pod. It is no error when there is none. Raises DeploymentError."""
    require_ours(api, JOBS, namespace, name)
    api.delete(JOBS, namespace, name)
