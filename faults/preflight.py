"""May this fault be injected now? Every doubt is a reason to refuse."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.deployment import DeploymentError, HasPods
from cluster.text.quantities import percent
from cluster.text.times import duration
from faults import steady
from faults.errors import JournalError, Refused
from faults.journal import journals
from faults.steady import Level, NotSteady
from faults.types import Fault

if TYPE_CHECKING:
    from cluster.deployment import Deployment


STEADY = "steady state"


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `detail` says why it failed, or what was found."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Preflight:
    """All checks. `level`: the SLI to which the service must return; None when it is not steady or was not checked."""

    checks: tuple[Check, ...]
    level: Level | None

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    def require(self) -> None:
        """Raises Refused with the first doubt."""
        for check in self.checks:
            if not check.ok:
                raise Refused(f"refused, nothing was touched: {check.detail}")


def check(
    deployment: Deployment,
    fault: Fault[Any],
    target: str,
    *,
    folder: Path | None = None,
    steady_state: bool = True,
) -> Preflight:
    """Run the checks in order, until one fails. Reads only.

    Args:
        folder: of the journals, by default `cluster.paths.journal()`.
        steady_state: also check that the SLI is within bounds (`faults.steady`); a drill does so after its baseline.
    """
    checks: list[Check] = []
    level = None
    try:
        checks += possible(fault, deployment, target)
        if all(one.ok for one in checks):
            checks.append(_free(deployment, folder))
        if steady_state and all(one.ok for one in checks):
            level = steady.level(deployment)
            detail = f"p90 latency {duration(level.latency)}, at most {percent(level.error_ratio_high)} failed"
            checks.append(Check(STEADY, True, detail))
    except NotSteady as error:
        checks.append(Check(STEADY, False, _unsteady(error)))
    except (DeploymentError, JournalError) as error:
        checks.append(Check("deployment", False, str(error)))
    return Preflight(tuple(checks), level)


def require_steady(deployment: Deployment) -> None:
    """Where there is no fault to check. Raises NotSteady in the words of `check`: a player reads them in both cases."""
    try:
        steady.level(deployment)
    except NotSteady as error:
        raise NotSteady(_unsteady(error)) from None


def _unsteady(error: NotSteady) -> str:
    return f"the service is not steady: {error}"


def possible(fault: Fault[Any], deployment: Deployment, target: str) -> list[Check]:
    """Whether the fault can run there, on a target that exists and is alive. Raises DeploymentError."""
    checks = [_available(fault, deployment), _target(fault, deployment, target)]
    return [*checks, _alive(deployment, target)] if checks[-1].ok else checks


def uid_of(deployment: Deployment, component: str) -> str:
    """The uid of what runs now as that component. Raises DeploymentError, also when nothing does."""
    if isinstance(deployment, HasPods) and (uid := deployment.pod(component).uid):
        return uid
    topology = deployment.topology()
    if component not in topology:  # between a pod and the one that takes its place
        raise DeploymentError(f"{component} is gone")
    return topology.component(component).uid


def _available(fault: Fault[Any], deployment: Deployment) -> Check:
    found = fault.available(deployment)
    return Check("fault available", found.ok, found.reason or f"{fault.name} can run here")


def _target(fault: Fault[Any], deployment: Deployment, target: str) -> Check:
    topology = deployment.topology()
    fitting = [component.id for component in topology.of_kind(*fault.targets)]
    choice = ", ".join(fitting) or "nothing"
    if target not in topology:
        return Check("target", False, f"there is no component {target!r}; {fault.name} can hit: {choice}")
    if target not in fitting:
        return Check("target", False, f"{fault.name} cannot hit {target}; it can hit: {choice}")
    return Check("target", True, target)


def _alive(deployment: Deployment, target: str) -> Check:
    status = deployment.status()
    if reason := steady.stale(status):
        return Check("telemetry fresh", False, reason)
    if status.components.get(target) is not True:
        return Check("target alive", False, f"{target} does not answer; see `rca-tui status`")
    uid_of(deployment, target)
    return Check("target alive", True, f"{target} answers, telemetry is fresh")


def _free(deployment: Deployment, folder: Path | None) -> Check:
    """No other fault may be active: a fault that hits several components plans for all of them itself.

    Which one is active is not said: it may be part of a blind drill.
    """
    for journal in journals(folder):
        record = journal.read()
        # Of an earlier instance too: a capped GPU outlives the deployment, and its cap must not become the prior value.
        if record.pending and (record.header.kind, record.header.name) == (deployment.kind, deployment.name):
            return Check("no other fault", False, "another fault is not undone yet; `rca-tui recover` undoes it")
    return Check("no other fault", True, "nothing is under a fault")
