"""The catalogue of checks: a name each, so that naming them imports none of them.

To add a check: write `guidelines/checks/<name>.py` and add its name to `_CHECKS`. Another package announces its
`Guideline` as an entry point of the group `rca_tui.guidelines`; see `cluster.plugins`.
"""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import cache

from cluster.errors import RcaError
from cluster.plugins import Plugins, announced, collect
from guidelines.types import Guideline

_GROUP = "rca_tui.guidelines"
_CHECKS = (
    "engine-per-replica",
    "metric-names",
    "phases",
    "gpu-to-pod",
    "gpu-throttling",
    "violation-units",
    "gpu-xid",
    "gpu-work",
    "scheduler",
    "ray-layer",
    "head-apart",
    "edge-latency",
    "trace-depth",
    "logs-per-replica",
    "resolution",
    "metric-types",
    "limits",
    "hygiene",
)


class UnknownCheck(RcaError):
    """No check of that name."""


def names() -> tuple[str, ...]:
    """Every check's name in the order of their numbers, those of other packages last. Imports no check."""
    return (*_CHECKS, *(point.name for point in announced(_GROUP)))


@cache
def entries() -> tuple[Guideline, ...]:
    """Every check, in the order of their numbers; those of other packages come last and get the next numbers."""
    ours = [_load(name) for name in _CHECKS]
    return (*ours, *(replace(other, number=len(ours) + i) for i, other in enumerate(_others().rows, 1)))


def problems() -> tuple[str, ...]:
    """A sentence for each check of another package that is left out."""
    return _others().problems


def entry(name: str) -> Guideline:
    """The check of that name. Raises UnknownCheck, which names those that exist."""
    for guideline in entries():
        if guideline.name == name:
            return guideline
    raise UnknownCheck(f"there is no check {name!r}; there are: {', '.join(g.name for g in entries())}")


def asking_for(signal: str) -> Guideline | None:
    """The first check that asks for the signal, None when none does."""
    return next((guideline for guideline in entries() if signal in guideline.signals), None)


def _load(name: str) -> Guideline:
    guideline: Guideline = importlib.import_module(f"guidelines.checks.{name.replace('-', '_')}").GUIDELINE
    return guideline


def _others() -> Plugins[Guideline]:
    return collect(_GROUP, Guideline, frozenset(_CHECKS))
