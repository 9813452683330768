"""A drill planned on paper: what is known of a fault before any deployment runs.

The values to restore and the exact commands are read from a running deployment: `faults.engine.Engine.dry_run`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cluster.text.quantities import number
from faults import catalog
from faults.engine import check_seconds
from faults.errors import Refused
from faults.types import Direction, Effect, Role

_WHOSE = {
    Role.TARGET: "{}",
    Role.PEERS: "the peers of {}",
    Role.FRONT_DOOR: "the front door",
    Role.EDGE: "the calls from the front door to {}",
    Role.EDGES: "all calls from the front door",
}


@dataclass(frozen=True)
class PaperPlan:
    """What a drill on the deployment of this machine would be.

    Attributes:
        summary: what the fault does.
        needs: its requirements, a phrase each.
        effects: what it should show: (component, effect).
    """

    fault: str
    target: str
    parameters: Mapping[str, Any]
    seconds: float
    summary: str
    needs: tuple[str, ...]
    effects: tuple[tuple[str, Effect], ...]

    def as_json(self) -> dict[str, Any]:
        effects = [{"component": component, **asdict(effect)} for component, effect in self.effects]
        return asdict(self) | {"effects": effects}

    def expectations(self) -> tuple[str, ...]:
        """A sentence for each effect."""
        return tuple(
            f"{effect.signal} of {_WHOSE[effect.role].format(component)} {_change(effect)}"
            for component, effect in self.effects
        )


def _change(effect: Effect) -> str:
    if effect.direction is Direction.LOST:
        return "no longer measured"
    return f"{effect.direction}, at least {number(effect.factor)}-fold"


def plan(name: str, target: str, parameters: Mapping[str, Any], seconds: float) -> PaperPlan:
    """The drill on paper, its parameters validated. Raises UnknownFault, BadParameters and Refused.

    >>> plan("cpu-stress", "replica-1", {"workers": 8}, 60.0).parameters
    {'workers': 8, 'load': 100}
    """
    from cluster.local.layout import KINDS

    entry = catalog.entry(name)
    if "local" not in entry.deployments:
        raise Refused(f"{name} needs a deployment in a cluster", "name one with --context")
    check_seconds(seconds)
    fault = catalog.load(name, "local")
    chosen = fault.parse(parameters)
    fitting = [component for component, kind in KINDS.items() if kind in fault.targets]
    if target not in fitting:
        known = ", ".join(fitting) or "none on this machine"
        raise Refused(f"{name} cannot hit {target!r} in the deployment that `rca-tui up` starts", f"targets: {known}")
    return PaperPlan(
        name,
        target,
        chosen.model_dump(mode="json"),
        seconds,
        fault.summary,
        fault.needs,
        fault.expected(target, chosen.model_dump()),
    )
