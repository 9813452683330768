"""Incidents with some of their telemetry replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pandas as pd

from cluster.incident.model import Incident


def with_telemetry(incident: Incident, **changed: object) -> Incident:
    """The incident with some of its telemetry replaced: `metrics=`, `edge_metrics=`, `spans=`, `logs=`, `units=`."""
    return dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, **changed))


def with_values(incident: Incident, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Incident:
    """The incident with its metrics and edge metrics passed through `change`."""
    telemetry = incident.telemetry
    return with_telemetry(
        incident, metrics=change(telemetry.metrics.copy()), edge_metrics=change(telemetry.edge_metrics.copy())
    )
