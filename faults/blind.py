"""A blind drill: fault and component are drawn at random and not shown before the incident is revealed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from faults import catalog
from faults.errors import Refused

if TYPE_CHECKING:
    from cluster.deployment import Deployment


def draw(deployment: Deployment, rng: random.Random | None = None) -> tuple[str, str]:
    """A fault that can run there and a component that it can hit, each fault equally likely.

    Args:
        rng: by default the randomness of the system, which has no seed.

    Raises:
        Refused: no fault can run there.
        DeploymentError: the deployment cannot be read.
    """
    rng = rng or random.SystemRandom()
    topology = deployment.topology()
    choices = []
    for entry in catalog.entries():
        fault = catalog.load(entry.name, deployment.kind)
        targets = topology.of_kind(*fault.targets)
        if targets and fault.available(deployment).ok:
            choices.append((fault.name, [component.id for component in targets]))
    if not choices:
        raise Refused("refused, nothing was touched: no fault can run on this deployment, see `rca-tui faults`")
    name, ids = rng.choice(choices)
    return name, rng.choice(ids)
