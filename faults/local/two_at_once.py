"""Two at once: any two faults on different components. Both are to blame.

Post-mortems rarely have one cause. A method that ranks either of the two first is right (the rule of the study for
several true components).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field, field_validator

from cluster.deployment import DeploymentError, DeploymentKind, HasPods
from cluster.topology import Kind
from faults import catalog, preflight
from faults.errors import Refused, UnknownFault
from faults.local.control.pod_fault import not_here
from faults.types import Availability, Effect, Fault, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment

T = TypeVar("T")
KIND = DeploymentKind.LOCAL


class TwoAtOnceParameters(Parameters):
    """Each of the two faults has its own defaults."""

    fault: str = Field(default="cpu-stress", description="the fault on the target [name]")
    other: str = Field(default="kv-pressure", description="the fault on another component [name]")
    on: str = Field(default="", description="that component; empty: the target's next peer [id]")

    @field_validator("fault", "other")
    @classmethod
    def _composable(cls, name: str) -> str:
        try:
            fault = catalog.load(name, KIND)
        except UnknownFault as error:
            raise ValueError(str(error)) from None
        if fault.blast_radius > 1 or fault.transient:
            raise ValueError(f"{name} cannot be one of two")
        return name


class TwoAtOnce(Fault[TwoAtOnceParameters]):
    name = "two-at-once"
    summary = "Two faults on different components at the same time: both are to blame."
    needs = ("a deployment on this machine", "what the two faults need")
    deployments = frozenset({"local"})
    targets = frozenset({Kind.GATEWAY, Kind.HEAD, Kind.REPLICA})
    blast_radius = 2
    effects = ()  # those of the two faults

    @property
    def parameters(self) -> type[TwoAtOnceParameters]:
        return TwoAtOnceParameters

    def available(self, deployment: Deployment) -> Availability:
        if not isinstance(deployment, HasPods):
            return not_here(self.name, deployment)
        return Availability(True)

    def expected(self, target: str, parameters: Mapping[str, Any]) -> tuple[tuple[str, Effect], ...]:
        """Effects on peers are left out: the other fault may be on one of them."""
        chosen = self.parameters.model_validate(parameters)
        return tuple(
            (component, effect)
            for name, on in ((chosen.fault, target), (chosen.other, chosen.on))
            for component, effect in catalog.load(name, KIND).expected(on, {})
            if effect.role in (Role.TARGET, Role.EDGE)
        )

    def plan(
        self, deployment: Deployment, target: str, parameters: TwoAtOnceParameters, injection: str, seconds: float
    ) -> Plan:
        on = parameters.on or _next_peer(deployment, target)
        if on == target:
            raise Refused(f"refused, nothing was touched: the two faults must hit different components, not {target}")
        plans = [
            _plan(deployment, catalog.load(name, KIND), component, injection, seconds)
            for name, component in ((parameters.fault, target), (parameters.other, on))
        ]
        return Plan(
            injection=injection,
            fault=self.name,
            target=target,
            components=tuple(component for plan in plans for component in plan.components),
            faulty=tuple(component for plan in plans for component in plan.faulty),
            uids={component: uid for plan in plans for component, uid in plan.uids.items()},
            parameters=parameters.model_copy(update={"on": on}).model_dump(),
            actions=tuple(action for plan in plans for action in plan.actions),
            undo=" ; ".join(dict.fromkeys(plan.undo for plan in plans)),
            data={"parts": [plan.as_json() for plan in plans]},
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        for fault, part in _parts(plan):
            fault.inject(deployment, part)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        _each(plan, lambda fault, part: fault.revert(deployment, part))

    def revert_without(self, plan: Plan) -> Readback:
        return _both(_each(plan, lambda fault, part: fault.revert_without(part)))

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        return _both([fault.readback(deployment, part) for fault, part in _parts(plan)])


def _plan(deployment: Deployment, fault: Fault[Any], target: str, injection: str, seconds: float) -> Plan:
    for check in preflight.possible(fault, deployment, target):
        if not check.ok:
            raise Refused(f"refused, nothing was touched: {check.detail}")
    return fault.plan(deployment, target, fault.parse({}), injection, seconds)


def _each(plan: Plan, undo: Callable[[Fault[Any], Plan], T]) -> list[T]:
    """Apply it to both parts. Raises DeploymentError with what failed after both had their turn."""
    done, failures = [], []
    for fault, part in _parts(plan):
        try:
            done.append(undo(fault, part))
        except Exception as error:  # the other one must be reverted all the same
            failures.append(str(error) or type(error).__name__)
    if failures:
        raise DeploymentError("; ".join(failures))
    return done


def _both(found: list[Readback]) -> Readback:
    return Readback(all(one.clean for one in found), "; ".join(dict.fromkeys(one.detail for one in found)))


def _parts(plan: Plan) -> Iterator[tuple[Fault[Any], Plan]]:
    for data in plan.data["parts"]:
        part = Plan.from_json(data)
        yield catalog.load(part.fault, KIND), part


def _next_peer(deployment: Deployment, target: str) -> str:
    topology = deployment.topology()
    peers = topology.peers(target)
    if not peers:
        raise DeploymentError(f"{target} has no peer: name the other component")
    around = [component for component in topology.ids if component == target or component in peers]
    return around[(around.index(target) + 1) % len(around)]
