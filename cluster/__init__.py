"""What is deployed, and what it tells us: topology, telemetry, incidents, deployments.

The names below are the public ones, for scripts and notebooks. They are imported when first used.

- Incidents: `list_incidents`, `load_incident`, `save_incident`, `capture_incident` (from a deployment),
  `load_incident_with_truth` (for a scorer), `new_incident_path`. One is an `Incident`: a `Window`, an `Onset`, a
  `Topology` of `Component`s and `Edge`s, and `Telemetry`.
- Deployments: every adapter is a `Deployment`: `LocalDeployment` (this machine), `KubernetesDeployment` (a cluster),
  `ReplayDeployment` (a saved incident), `PlayedDeployment` (a saved incident that arrives as time goes on). One that
  `HasPods` gives faults control of each `Pod`. `start_local`, `local_status` and `stop_local` control the one on this
  machine.
- Signals: `SIGNALS`, the canonical names and their units.
- Errors: everything that a person can cause or repair is an `RcaError`.

    >>> from cluster import load_incident
    >>> load_incident("drill-05").topology.front_door
    'gateway'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.lazy import exports

if TYPE_CHECKING:
    from cluster.capture import capture as capture_incident
    from cluster.deployment import Deployment, DeploymentError, HasPods, Pod
    from cluster.errors import RcaError
    from cluster.incident.container import IncidentError
    from cluster.incident.library import listings as list_incidents
    from cluster.incident.library import load as load_incident
    from cluster.incident.library import load_with_truth as load_incident_with_truth
    from cluster.incident.library import new_path as new_incident_path
    from cluster.incident.model import Incident, Telemetry, empty_edge_metrics, empty_logs, empty_metrics, empty_spans
    from cluster.incident.store import save as save_incident
    from cluster.incident.truth import Truth
    from cluster.kubernetes.deployment import KubernetesDeployment
    from cluster.local.deployment import LocalDeployment
    from cluster.local.lifecycle import down as stop_local
    from cluster.local.lifecycle import status as local_status
    from cluster.local.lifecycle import up as start_local
    from cluster.paths import cache_home
    from cluster.playback import PlayedDeployment
    from cluster.replay import ReplayDeployment
    from cluster.signals import SIGNALS
    from cluster.topology import Component, Edge, Kind, Relation, Topology
    from cluster.window import Onset, OnsetSource, Window

__all__ = [
    "SIGNALS",
    "Component",
    "Deployment",
    "DeploymentError",
    "Edge",
    "HasPods",
    "Incident",
    "IncidentError",
    "Kind",
    "KubernetesDeployment",
    "LocalDeployment",
    "Onset",
    "OnsetSource",
    "PlayedDeployment",
    "Pod",
    "RcaError",
    "Relation",
    "ReplayDeployment",
    "Telemetry",
    "Topology",
    "Truth",
    "Window",
    "cache_home",
    "capture_incident",
    "empty_edge_metrics",
    "empty_logs",
    "empty_metrics",
    "empty_spans",
    "list_incidents",
    "load_incident",
    "load_incident_with_truth",
    "local_status",
    "new_incident_path",
    "save_incident",
    "start_local",
    "stop_local",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "Component": "cluster.topology:Component",
            "Deployment": "cluster.deployment:Deployment",
            "DeploymentError": "cluster.deployment:DeploymentError",
            "Edge": "cluster.topology:Edge",
            "HasPods": "cluster.deployment:HasPods",
            "Incident": "cluster.incident.model:Incident",
            "IncidentError": "cluster.incident.container:IncidentError",
            "Kind": "cluster.topology:Kind",
            "KubernetesDeployment": "cluster.kubernetes.deployment:KubernetesDeployment",
            "LocalDeployment": "cluster.local.deployment:LocalDeployment",
            "Onset": "cluster.window:Onset",
            "OnsetSource": "cluster.window:OnsetSource",
            "Pod": "cluster.deployment:Pod",
            "RcaError": "cluster.errors:RcaError",
            "Relation": "cluster.topology:Relation",
            "PlayedDeployment": "cluster.playback:PlayedDeployment",
            "ReplayDeployment": "cluster.replay:ReplayDeployment",
            "SIGNALS": "cluster.signals:SIGNALS",
            "Telemetry": "cluster.incident.model:Telemetry",
            "Topology": "cluster.topology:Topology",
            "Truth": "cluster.incident.truth:Truth",
            "Window": "cluster.window:Window",
            "cache_home": "cluster.paths:cache_home",
            "capture_incident": "cluster.capture:capture",
            "empty_edge_metrics": "cluster.incident.model:empty_edge_metrics",
            "empty_logs": "cluster.incident.model:empty_logs",
            "empty_metrics": "cluster.incident.model:empty_metrics",
            "empty_spans": "cluster.incident.model:empty_spans",
            "list_incidents": "cluster.incident.library:listings",
            "load_incident": "cluster.incident.library:load",
            "load_incident_with_truth": "cluster.incident.library:load_with_truth",
            "local_status": "cluster.local.lifecycle:status",
            "new_incident_path": "cluster.incident.library:new_path",
            "save_incident": "cluster.incident.store:save",
            "start_local": "cluster.local.lifecycle:up",
            "stop_local": "cluster.local.lifecycle:down",
        },
    )
