"""All checks, by their number, name and signals."""

from __future__ import annotations

from cluster.errors import RcaError
from guidelines.checks import (
    edge_latency,
    engine_per_replica,
    gpu_throttling,
    gpu_to_pod,
    gpu_work,
    gpu_xid,
    head_apart,
    hygiene,
    limits,
    logs_per_replica,
    metric_names,
    metric_types,
    phases,
    ray_layer,
    resolution,
    scheduler,
    trace_depth,
    violation_units,
)
from guidelines.types import Guideline

_MODULES = (
    engine_per_replica,
    metric_names,
    phases,
    gpu_to_pod,
    gpu_throttling,
    violation_units,
    gpu_xid,
    gpu_work,
    scheduler,
    ray_layer,
    head_apart,
    edge_latency,
    trace_depth,
    logs_per_replica,
    resolution,
    metric_types,
    limits,
    hygiene,
)

_ALL: tuple[Guideline, ...] = tuple(module.GUIDELINE for module in _MODULES)


class UnknownCheck(RcaError):
    """No check of that name."""


def entries() -> tuple[Guideline, ...]:
    """Every check, in the order of the list."""
    return _ALL


def entry(name: str) -> Guideline:
    """The check of that name. Raises UnknownCheck, which names those that exist."""
    for guideline in _ALL:
        if guideline.name == name:
            return guideline
    raise UnknownCheck(f"there is no check {name!r}; there are: {', '.join(g.name for g in _ALL)}")


def asking_for(signal: str) -> Guideline | None:
    """The first check that asks for the signal, None when none does."""
    return next((guideline for guideline in _ALL if signal in guideline.signals), None)
