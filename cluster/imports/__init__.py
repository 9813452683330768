"""Telemetry of other tools as incidents: cases of RCAEval, days of OpenRCA, OTLP files, saved answers of Prometheus.

    read(path) -> (Incident, Truth | None)

A case of RCAEval is a layout that all commands accept (`cluster.incident.library`); the others are imported first.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from cluster.imports import json_files, openrca
from cluster.incident import rcaeval
from cluster.incident.container import IncidentError
from cluster.incident.model import Incident
from cluster.incident.truth import Truth


def read(path: Path) -> tuple[Incident, Truth | None]:
    """The incident and, where the files have one, its truth. Raises IncidentError for what cannot be read."""
    try:
        exists = path.exists()
        link = path.is_symlink()
    except (OSError, ValueError) as error:
        raise IncidentError(f"{str(path)[:200]!r} cannot be opened: give a folder or a file") from error
    if not exists:
        raise IncidentError(f"there is nothing at {path}: give a folder or a file of telemetry")
    if link:
        raise IncidentError(f"{path} is a link: give the place that it leads to")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # of numbers that make no sense, which the checks refuse
        if rcaeval.is_case(path):
            return rcaeval.read_case(path)
        if openrca.is_day(path):
            return openrca.read(path)
        if json_files.files(path):
            return json_files.read(path), None
        if days := openrca.days(path):
            raise IncidentError(f"{path} is no day but holds {len(days)} of OpenRCA: give one, such as {days[-1]}")
    raise IncidentError(
        f"{path} is none of what can be imported: a case of RCAEval (metrics.csv, data.csv), a day of OpenRCA "
        "(metric/, trace/, log/), or .json and .jsonl files of OTLP or of query_range"
    )
