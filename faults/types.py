"""Fault, Plan, Effect: the shapes that every fault shares.

    fault.plan(deployment, target, parameters, …) ──▶ Plan ──▶ disk ──▶ fault.inject ──▶ fault.revert ──▶ fault.readback

A plan is data: `revert` and `readback` work from it alone, in another process, after everything else has died.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from cluster.text.invalid import clause
from cluster.text.plain import plain
from cluster.topology import Kind
from faults.errors import BadParameters, JournalError

if TYPE_CHECKING:
    from cluster.deployment import Deployment

INJECTION_ID = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{8}")


class Parameters(BaseModel):
    """Base of the parameters of a fault: each `Field(...)` has bounds and a unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(StrEnum):
    """Whose signal shows an effect. `EDGE`: the calls from the front door to the target; `EDGES`: all its calls."""

    TARGET = "target"
    PEERS = "peers"
    FRONT_DOOR = "front door"
    EDGE = "edge"
    EDGES = "edges"


class Direction(StrEnum):
    """Whether a signal should rise, fall, or no longer be measured."""

    UP = "up"
    DOWN = "down"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fault should show: `signal` (canonical) of `role` goes `direction` by at least `factor` (> 1).

    UP by 2: its median while active is at least twice the median before; DOWN by 2: at most half of it. LOST by 2:
    while active it has at most half as many samples a second as before.
    """

    role: Role
    signal: str
    direction: Direction
    factor: float = 1.5


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a fault can run on a deployment; `reason` is one sentence when it cannot, else empty."""

    ok: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Readback:
    """What the target itself reports. `clean`: nothing of the injection is left there."""

    clean: bool
    detail: str


@dataclass(frozen=True)
class Plan:
    """Exactly what an injection would do, and how to undo it. Convertible to JSON and back.

    Attributes:
        injection: id of the injection; tags everything that it starts.
        fault: catalogue name.
        target: the component that was asked for.
        components: ids of the components that are touched; their number is the blast radius.
        faulty: ids of the components to blame: the truth. Empty when none is (a load surge).
        uids: component id -> uid of the incarnation that the plan was made for.
        parameters: the fault's, validated.
        actions: what would be done, in order, a sentence or a command line each.
        prior: values read from the target before anything was touched, to restore.
        undo: the command with which a person undoes it when everything else fails.
        data: what else `inject`, `revert` and `readback` of the fault need.
    """

    injection: str
    fault: str
    target: str
    components: tuple[str, ...]
    faulty: tuple[str, ...]
    uids: Mapping[str, str]
    parameters: Mapping[str, Any]
    actions: tuple[str, ...]
    undo: str
    prior: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """The plan in a journal. Raises JournalError for anything else."""
        try:
            plan = _PLAN.validate_python(data)
        except ValidationError as error:
            raise JournalError(f"the journal holds no usable plan: {first_error(error)}") from None
        if not INJECTION_ID.fullmatch(plan.injection):
            raise JournalError("the journal holds no usable plan: its injection id is malformed")
        if not all(text.isprintable() for text in (plan.undo, *plan.actions, *plan.components, plan.target)):
            raise JournalError("the journal holds no usable plan: it has control characters")
        return plan


_PLAN = TypeAdapter(Plan)

P = TypeVar("P", bound=Parameters)


class Fault(ABC, Generic[P]):
    """One kind of fault. Subclasses hold no state: everything is in the plan.

    Attributes:
        name: catalogue name, in kebab-case.
        summary: what it does to the target, one line.
        needs: its requirements, a phrase each ("stress-ng on PATH").
        parameters: the model of its parameters; the defaults make a clear fault.
        deployments: kinds of deployment that it can run on.
        targets: kinds of component that it can hit.
        blast_radius: how many components it may touch.
        transient: it ends on its own once the target has been replaced (a crash). A new uid of the target and an end
            before the deadline are then expected, and no reason to abort.
        effects: what it should show; `faults.effects` measures whether it did.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    deployments: ClassVar[frozenset[str]]
    targets: ClassVar[frozenset[Kind]]
    blast_radius: ClassVar[int] = 1
    transient: ClassVar[bool] = False
    effects: ClassVar[tuple[Effect, ...]]

    @property
    @abstractmethod
    def parameters(self) -> type[P]: ...

    def parse(self, raw: Mapping[str, Any]) -> P:
        """Validated parameters, defaults filled in. Raises BadParameters with one sentence."""
        try:
            return self.parameters.model_validate(dict(raw))
        except ValidationError as error:
            known = ", ".join(self.parameters.model_fields) or "none"
            raise BadParameters(f"{self.name}: {first_error(error)} (its parameters: {known})") from None

    def expected(self, target: str, parameters: Mapping[str, Any]) -> tuple[tuple[str, Effect], ...]:
        """(component, effect) pairs to look for. The roles are relative to the component.

        `parameters` are those of a plan, or of the truth of a recorded drill.
        """
        return tuple((target, effect) for effect in self.effects)

    @abstractmethod
    def available(self, deployment: Deployment) -> Availability:
        """Whether it can run there. Reads only."""

    @abstractmethod
    def plan(self, deployment: Deployment, target: str, parameters: P, injection: str, seconds: float) -> Plan:
        """The plan for `seconds` at most. Reads prior values, changes nothing. Raises DeploymentError."""

    @abstractmethod
    def inject(self, deployment: Deployment, plan: Plan) -> None:
        """Inject it. It may raise anything at any point, and is then reverted."""

    @abstractmethod
    def revert(self, deployment: Deployment, plan: Plan) -> None:
        """Undo it. Works any number of times, also when nothing or only half of it was injected."""

    @abstractmethod
    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        """Read from the target whether anything of the injection is there."""

    def revert_without(self, plan: Plan) -> Readback:
        """Undo it and read back after the deployment has ended. For faults on what outlives it, such as a GPU."""
        return Readback(True, "the deployment is gone, and the fault with it")


def first_error(error: ValidationError) -> str:
    """The first thing that pydantic found wrong, as a clause: `workers must be at most 16`."""
    first = error.errors(include_url=False)[0]
    where, what = plain(".".join(str(part) for part in first["loc"]), 200), clause(first)
    return f"{where}{' ' if what.startswith('must ') else ': '}{what}" if where else what
