"""The load of a scenario on a live deployment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError

if TYPE_CHECKING:
    from cluster.deployment import Deployment


@contextmanager
def loaded(deployment: Deployment, load: str) -> Iterator[None]:
    """Send a scenario's load meanwhile, with the rate and the lengths of the usual one, which comes back afterwards.

    Another deployment than that of this machine has users of its own: their load stays. Raises DeploymentError.
    """
    from cluster.local import load_trace
    from cluster.local.deployment import LocalDeployment
    from cluster.local.load_plan import NAMED, LoadPlan, Shape

    if not isinstance(deployment, LocalDeployment):
        yield
        return
    usual = deployment.load()
    if load in NAMED:
        plan = LoadPlan(Shape(load), usual.rate, usual.max_tokens)
    else:
        plan = load_trace.plan(Path(load), usual.rate, usual.max_tokens)
    deployment.lend_load(plan)
    try:
        yield
    finally:
        with suppress(DeploymentError):  # it is gone, and its load with it
            deployment.return_load()
