"""What the API server checks of an object, as far as we use it: every field known, every value of its type.

Core kinds by the models that the `kubernetes` client brings, which are made from the API's own description. Custom
resources by the schemas below, written from their documentation: the fields that we use, and no others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jsonschema
from kubernetes.client import models
from pydantic import ValidationError

Object = dict[str, Any]

_KINDS = {
    "v1": "V1",
    "apps/v1": "V1",
    "batch/v1": "V1",
    "rbac.authorization.k8s.io/v1": "V1",
}
_TEXT, _WHOLE = {"type": "string"}, {"type": "integer"}
_TEXTS = {"type": "array", "items": _TEXT, "minItems": 1}
_LABELS = {"type": "object", "additionalProperties": _TEXT}
_DURATION = {"type": "string", "pattern": r"^[0-9]+(ms|s|m|h)$"}
_PERCENT = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}


def check(made: Object) -> None:
    """Raises AssertionError that names the place and what is wrong there."""
    name = f"{made['kind']} {made['metadata']['name']}"
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", made["metadata"]["name"]), name
    if made["apiVersion"] in _KINDS:
        _core(getattr(models, _KINDS[made["apiVersion"]] + made["kind"]), made, name)
        return
    schema = CUSTOM.get((made["apiVersion"], made["kind"]))
    assert schema is not None, f"{name}: no schema of {made['apiVersion']} {made['kind']}"
    _core(models.V1ObjectMeta, made["metadata"], name)
    found = [
        f"{'.'.join(map(str, error.path))}: {error.message}"
        for error in jsonschema.Draft202012Validator(schema).iter_errors(made["spec"])
    ]
    assert not found, f"{name}: {found}"
    for template in _templates(made):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": template["spec"]}
        _core(models.V1Pod, pod, name)


def _core(model: Any, made: Object, name: str) -> None:
    try:
        model.model_validate(made)  # strict: no number for a text, no field that is not in the API's description
    except ValidationError as error:
        raise AssertionError(f"{name}: {error.errors(include_url=False)[0]}") from None


def _templates(made: Object) -> list[Object]:
    cluster = made["spec"].get("rayClusterConfig")
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]] if cluster else []
    return [group["template"] for group in groups]


def _object(properties: Mapping[str, Any], *required: str) -> Object:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


_ray_group = {"rayStartParams": _LABELS, "template": _object({"metadata": {}, "spec": {"type": "object"}}, "spec")}
_RAY_SERVICE = _object(
    {
        "serveConfigV2": _TEXT,
        "rayClusterConfig": _object(
            {
                "rayVersion": _TEXT,
                "headGroupSpec": _object(_ray_group, "rayStartParams", "template"),
                "workerGroupSpecs": {
                    "type": "array",
                    "items": _object(
                        {**_ray_group, "groupName": _TEXT}
                        | dict.fromkeys(("replicas", "minReplicas", "maxReplicas"), _WHOLE),
                        *("groupName", "rayStartParams", "template"),
                    ),
                },
            },
            "headGroupSpec",
        ),
    },
    *("serveConfigV2", "rayClusterConfig"),
)
_relabeling = _object(
    {"sourceLabels": _TEXTS, "regex": _TEXT, "action": {"enum": ["keep", "drop", "replace"]}, "targetLabel": _TEXT}
)
_match_expression = _object(
    {"key": _TEXT, "operator": {"enum": ["In", "NotIn", "Exists", "DoesNotExist"]}, "values": _TEXTS},
    *("key", "operator"),
)
_POD_MONITOR = _object(
    {
        "selector": _object(
            {"matchLabels": _LABELS, "matchExpressions": {"type": "array", "items": _match_expression}}
        ),
        "podTargetLabels": _TEXTS,
        "podMetricsEndpoints": {
            "type": "array",
            "items": _object(
                {
                    "port": _TEXT,
                    "path": _TEXT,
                    "interval": _DURATION,
                    "scrapeTimeout": _DURATION,
                    "metricRelabelings": {"type": "array", "items": _relabeling},
                },
                "port",
            ),
        },
    },
    *("selector", "podMetricsEndpoints"),
)
_GATEWAY = _object(
    {
        "gatewayClassName": _TEXT,
        "listeners": {
            "type": "array",
            "minItems": 1,
            "items": _object({"name": _TEXT, "port": _WHOLE, "protocol": _TEXT}, "name", "port", "protocol"),
        },
    },
    *("gatewayClassName", "listeners"),
)
_tag_overrides = {"type": "object", "additionalProperties": _object({"value": _TEXT, "operation": _TEXT})}
_TELEMETRY = _object(
    {
        "targetRefs": {
            "type": "array",
            "items": _object({"group": _TEXT, "kind": _TEXT, "name": _TEXT}, "kind", "name"),
        },
        "metrics": {
            "type": "array",
            "items": _object(
                {
                    "providers": {"type": "array", "items": _object({"name": _TEXT}, "name")},
                    "overrides": {
                        "type": "array",
                        "items": _object(
                            {
                                "match": _object({"metric": {"enum": ["REQUEST_COUNT", "REQUEST_DURATION"]}}),
                                "tagOverrides": _tag_overrides,
                            }
                        ),
                    },
                }
            ),
        },
    }
)

# Chaos Mesh: every experiment names its pods, all of them, and how long it lasts.
_selected = {
    "mode": {"const": "all"},
    "selector": _object({"pods": {"type": "object", "additionalProperties": _TEXTS}}, "pods"),
    "duration": _DURATION,
}
_worker = {"workers": {"type": "integer", "minimum": 1}}
_STRESS_CHAOS = _object(
    {
        **_selected,
        "containerNames": _TEXTS,
        "stressors": {
            **_object(
                {
                    "cpu": _object({**_worker, "load": {"type": "integer", "minimum": 0, "maximum": 100}}, "workers"),
                    "memory": _object({**_worker, "size": {"type": "string", "pattern": "^[0-9]+(B|KB|MB|GB|TB|%)$"}}),
                }
            ),
            "minProperties": 1,
        },
    },
    *(*_selected, "containerNames", "stressors"),
)
_NETWORK_CHAOS = _object(
    {
        **_selected,
        "action": {"enum": ["delay", "loss", "bandwidth", "partition"]},
        # `from` and `both` need a target, which we do not name.
        "direction": {"const": "to"},
        "delay": _object({"latency": _DURATION, "jitter": _DURATION, "correlation": _PERCENT}, "latency"),
        "loss": _object({"loss": _PERCENT, "correlation": _PERCENT}, "loss"),
        "bandwidth": _object(
            {
                "rate": {"type": "string", "pattern": "^[0-9]+(bps|kbps|mbps|gbps|tbps)$"},
                **{key: {"type": "integer", "minimum": 1} for key in ("limit", "buffer")},
            },
            *("rate", "limit", "buffer"),
        ),
    },
    *(*_selected, "action", "direction"),
)
_POD_CHAOS = _object(
    {**_selected, "action": {"enum": ["pod-kill", "pod-failure"]}, "gracePeriod": {"type": "integer", "minimum": 0}},
    *(*_selected, "action"),
)

CUSTOM: dict[tuple[str, str], Object] = {
    ("ray.io/v1", "RayService"): _RAY_SERVICE,
    ("monitoring.coreos.com/v1", "PodMonitor"): _POD_MONITOR,
    ("gateway.networking.k8s.io/v1", "Gateway"): _GATEWAY,
    ("telemetry.istio.io/v1", "Telemetry"): _TELEMETRY,
    ("chaos-mesh.org/v1alpha1", "StressChaos"): _STRESS_CHAOS,
    ("chaos-mesh.org/v1alpha1", "NetworkChaos"): _NETWORK_CHAOS,
    ("chaos-mesh.org/v1alpha1", "PodChaos"): _POD_CHAOS,
}
