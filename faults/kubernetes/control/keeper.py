"""A Job on the GPU's node that sets the power limit back when its time is over: nothing outside the cluster is needed.

It is made before the cap, with the limit that was in force. Its pod is the device plugin's image with the same rights,
so nothing is pulled; it is ready once it has talked to the GPU. Deleting it early sets the limit back as well.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from cluster.kubernetes.resources import JOBS, PODS, Object
from faults.kubernetes.control.cluster_fault import LABELS, OWN_TIMEOUT

if TYPE_CHECKING:
    from cluster.kubernetes.api import Api
    from faults.kubernetes.control.gpu import Plugin

SPARE = 900  # s past its time after which Kubernetes ends the Job, whatever it is at
KEPT = 600  # s that it can be looked at afterwards

SCRIPT = """set -eu
restore() { nvidia-smi -i "$GPU" -pl "$WATTS"; }
trap 'restore; exit 0' TERM INT
nvidia-smi -i "$GPU" --query-gpu=power.limit --format=csv,noheader > /keeper/ready
sleep "$KEEP" &
wait $!
restore
"""


def job(name: str, plugin: Plugin, node: str, uuid: str, watts: float, seconds: float) -> Object:
    """The Job, for the plugin's namespace. `watts`: the limit to set back."""
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
    """Whether the Job's pod has talked to the GPU and waits. Raises DeploymentError."""
    return any(
        one.get("type") == "Ready" and one.get("status") == "True"
        for made in api.list(PODS, namespace, labels=f"job-name={name}")
        for one in made.get("status", {}).get("conditions") or []
    )


def delete(api: Api, namespace: str, name: str) -> None:
    """Its pod with it. One that is gone is no error. Raises DeploymentError."""
    api.delete(JOBS, namespace, name)
