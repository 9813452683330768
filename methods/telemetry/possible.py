"""Values that nothing can have are gaps: a rate below 0 is the reset of a counter, not a measurement."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from cluster.incident.frames import LARGEST
from cluster.incident.model import Incident
from cluster.signals import SIGNALS


def possible(incident: Incident) -> Incident:
    """The incident with NaN for infinite values, or nearly so, and for negative ones of signals of the vocabulary.

    All of those are times, rates, counts, bytes or shares. Of other signals the sign may mean something.
    """
    telemetry = incident.telemetry
    metrics, calls = _possible(telemetry.metrics), _possible(telemetry.edge_metrics)
    if metrics is telemetry.metrics and calls is telemetry.edge_metrics:
        return incident
    return dataclasses.replace(incident, telemetry=dataclasses.replace(telemetry, metrics=metrics, edge_metrics=calls))


def _possible(frame: pd.DataFrame) -> pd.DataFrame:
    values = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.array([str(column[-1]) in SIGNALS for column in frame.columns], dtype=np.bool_)
    wrong = (np.abs(values) >= LARGEST) | ((values < 0) & known)
    return frame.astype("float64").mask(wrong) if wrong.any() else frame
