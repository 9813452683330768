"""A scenario on a live deployment: chance draws what goes wrong, and the drill is recorded like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.incident.truth import NO_FAULT
from faults import drill, steady
from faults.drill import DrillReport, Progress
from faults.engine import Engine
from faults.errors import ReadOnly

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from faults.scenario import Scenario


def run(
    deployment: Deployment,
    scenario: Scenario,
    *,
    armed: bool,
    save: Path,
    abort_above: float = steady.ABORT_ERROR_RATIO,
    baseline: float | None = None,
    seconds: float | None = None,
    aftermath: float = 60.0,
    progress: Callable[[Progress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
    over: Callable[[], bool] = lambda: False,
) -> DrillReport:
    """Run one. Arguments and errors as `faults.drill.run`'s; Refused where nothing of it can go wrong there.

    Args:
        baseline: s, by default the scenario's.
        seconds: s of the fault, by default until the page has come for certain and the time limit is over.
    """
    if not armed:
        raise ReadOnly("read-only: nothing is injected unless armed")
    drawn = scenario.draw(deployment)
    baseline = scenario.baseline if baseline is None else baseline
    seconds = scenario.longest if seconds is None else seconds
    conditions = {"load": scenario.load}
    if drawn.fault == NO_FAULT:
        return drill.without_fault(
            deployment,
            baseline=baseline,
            seconds=seconds,
            aftermath=aftermath,
            save=save,
            progress=progress,
            cancelled=cancelled,
            over=over,
            conditions=conditions,
        )
    return drill.run(
        deployment,
        drawn.fault,
        drawn.target,
        drawn.parameters,
        armed=True,
        engine=Engine(deployment, armed=True, abort_above=abort_above),
        baseline=baseline,
        seconds=seconds,
        aftermath=aftermath,
        save=save,
        progress=progress,
        cancelled=cancelled,
        over=over,
        conditions=conditions,
    )
