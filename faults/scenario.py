"""Scenario: one drill that teaches, read from a YAML file.

A file says what the player is told (title, page, story), what may go wrong (of which chance draws one), the load, the
time limit, hints with their costs, and the debrief. An error names the file, the line and the field.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cluster import signals
from cluster.deployment import DeploymentError
from cluster.incident.truth import NO_FAULT
from cluster.text.times import seconds_of
from cluster.topology import Kind
from faults import catalog
from faults.engine import MAX_SECONDS
from faults.errors import FaultError, Refused
from faults.recording import yaml_lines

if TYPE_CHECKING:
    from cluster.deployment import Deployment

ROUTER = "router"
"""Id of the one serving part whose name is neither its kind nor numbered."""
LOADS = ("constant", "bursty", "diurnal")


def _seconds(value: object) -> object:
    return seconds_of(value) if isinstance(value, str) else value


Seconds = Annotated[float, BeforeValidator(_seconds)]
Short = Annotated[str, Field(min_length=1, max_length=200)]
Long = Annotated[str, Field(min_length=1, max_length=4000)]
Value = bool | int | float | str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Severity(StrEnum):
    """Of an alert, as Alertmanager's label has it."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class PageText(_Strict):
    """The page that wakes the player."""

    text: Short = Field(description="what the pager shows")
    severity: Severity = Field(default=Severity.CRITICAL, description="of the alert")
    labels: dict[Short, Short] = Field(default={}, max_length=30, description="labels of the alert")
    latest: Seconds = Field(
        default=90.0, ge=5, le=600, description="time after the fault at which it comes although the SLI is good"
    )


class Cause(_Strict):
    """One thing that may go wrong."""

    fault: str = Field(description=f"name of a fault, or {NO_FAULT} for nothing at all")
    targets: tuple[Short, ...] = Field(
        default=(), max_length=100, description="ids or kinds of components to draw from; empty: all that it can hit"
    )
    parameters: dict[str, Value | tuple[Value, ...]] = Field(
        default={}, max_length=20, description="of the fault; a list is a choice that chance draws from"
    )

    @field_validator("fault")
    @classmethod
    def _exists(cls, name: str) -> str:
        if name != NO_FAULT:
            try:
                catalog.entry(name)
            except FaultError as error:
                raise ValueError(str(error)) from None
        return name

    @field_validator("targets")
    @classmethod
    def _fitting(cls, targets: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        name = info.data.get("fault", NO_FAULT)
        if name == NO_FAULT:
            if targets and "fault" in info.data:
                raise ValueError("without a fault there is no target")
            return targets
        able = catalog.load(name).targets
        for target in targets:
            if target in set(Kind) and target not in able:
                raise ValueError(f"{name} cannot hit a {target}; it can hit: {', '.join(sorted(able))}")
            if target not in set(Kind) and _is_no_id(target, able):
                kinds = ", ".join(sorted(able))
                raise ValueError(f"there is no kind of component {target!r}; {name} can hit: {kinds}, or an id of one")
        return targets

    @field_validator("parameters")
    @classmethod
    def _accepted(cls, parameters: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        name = info.data.get("fault", NO_FAULT)
        if name == NO_FAULT:
            return parameters
        for key, values in parameters.items():
            for value in _choices(values):
                try:
                    catalog.load(name).parse({key: value})
                except FaultError as error:
                    raise ValueError(str(error)) from None
        return parameters


def _is_no_id(word: str, able: Collection[Kind]) -> bool:
    """Whether what is no kind cannot be an id: serving parts are numbered but for `ROUTER`, nodes may have any name."""
    if not word.isalpha() or word == ROUTER:
        return False
    return Kind.NODE not in able or bool(difflib.get_close_matches(word, list(Kind), n=1, cutoff=0.75))


class Opens(_Strict):
    """What a hint opens: a guideline's page, a signal, or a step of a method's explanation."""

    guideline: Short | None = Field(default=None, description="name of a check")
    signal: Short | None = Field(default=None, description="name of a canonical signal")
    method: Short | None = Field(default=None, description="name of a method whose explanation is opened")
    step: int = Field(default=1, ge=1, le=50, description="which step of that explanation")

    @model_validator(mode="after")
    def _one(self) -> Opens:
        if sum(each is not None for each in (self.guideline, self.signal, self.method)) != 1:
            raise ValueError("name one of guideline, signal and method")
        return self

    @field_validator("signal")
    @classmethod
    def _known_signal(cls, name: str | None) -> str | None:
        if name is not None and name not in signals.SIGNALS:
            raise ValueError(f"there is no signal {name!r}")
        return name

    @field_validator("guideline", "method")
    @classmethod
    def _known(cls, name: str | None, info: ValidationInfo) -> str | None:
        names: Collection[str] | None = (info.context or {}).get(info.field_name)
        if name is not None and names is not None and name not in names:
            raise ValueError(f"there is no {info.field_name} {name!r}; there are: {', '.join(sorted(names))}")
        return name


class Hint(_Strict):
    """Help that costs points."""

    text: Long = Field(description="what the player is told")
    opens: Opens | None = Field(default=None, description="what it opens beside the text")
    costs: int = Field(ge=0, le=100, description="points")


class Scenario(_Strict):
    """A drill that teaches. Its name is that of its file."""

    title: Short = Field(description="one line; it must not tell the cause")
    difficulty: int = Field(ge=1, le=5, description="1 for a first drill, 5 for the hardest")
    page: PageText = Field(description="the page that wakes the player")
    story: Long = Field(description="what the player is told before it begins")
    may: tuple[Cause, ...] = Field(min_length=1, max_length=50, description="what may go wrong; chance draws one")
    load: Short = Field(
        default="constant",
        description=f"the load while it runs: {', '.join(LOADS)}, or a CSV file of requests, beside this file",
    )
    baseline: Seconds = Field(default=60.0, ge=30, le=600, description="time before the fault")
    limit: Seconds = Field(default=300.0, ge=30, le=480, description="time from the page to the guess")
    hints: tuple[Hint, ...] = Field(default=(), max_length=20, description="in the order in which they are given")
    learn: tuple[Short, ...] = Field(min_length=1, max_length=10, description="what the player should take away")
    debrief: Long = Field(description="what is told after the guess")

    @field_validator("load")
    @classmethod
    def _load(cls, load: str) -> str:
        if load not in LOADS and not load.endswith(".csv"):
            raise ValueError(f"{load!r} is no load: {', '.join(LOADS)}, or a file that ends with .csv")
        if Path(load).name != load or not load.isprintable():
            raise ValueError(f"{load!r} is not beside this file: give the name of a file, without a folder")
        return load

    @model_validator(mode="after")
    def _short_enough(self) -> Scenario:
        if self.longest > MAX_SECONDS:
            raise ValueError(f"page.latest and limit are {self.longest:g} s together, a fault lasts {MAX_SECONDS:g} s")
        return self

    @property
    def longest(self) -> float:
        """Seconds that a fault must last at most: until the page and the guess."""
        return self.page.latest + self.limit

    def draw(self, deployment: Deployment, rng: random.Random | None = None) -> Drawn:
        """One of what may go wrong there, its target and its parameters, each equally likely.

        Args:
            rng: by default the randomness of the system, which has no seed.

        Raises:
            Refused: none of what may go wrong can be made there.
            DeploymentError: the deployment cannot be read.
        """
        rng = rng or random.SystemRandom()
        able = [(cause, targets) for cause in self.may if (targets := _targets(cause, deployment)) is not None]
        if not able:
            raise Refused(
                "refused, nothing was touched: none of what may go wrong in this scenario can be injected into "
                "this deployment, see `rca-tui faults`"
            )
        cause, targets = rng.choice(able)
        parameters = {name: rng.choice(_choices(values)) for name, values in cause.parameters.items()}
        return Drawn(fault=cause.fault, target=rng.choice(targets), parameters=parameters)


class Drawn(_Strict):
    """What chance drew; no fault has no target."""

    fault: str
    target: str
    parameters: dict[str, Value]


def load(path: Path, known: dict[str, Collection[str]] | None = None) -> Scenario:
    """Read a scenario. Raises BadFile, which names line and field.

    Args:
        known: names of the methods under "method" and of the checks under "guideline", which hints are held to. This
            room knows neither; None accepts any.
    """
    data, lines = yaml_lines.read(path, "scenario")
    if not isinstance(data, dict):
        raise yaml_lines.wrong(path, lines, (), "a scenario is a mapping that begins with `title:`")
    try:
        scenario = Scenario.model_validate(data, context=known)
    except ValidationError as error:
        raise yaml_lines.invalid(path, lines, error) from None
    if scenario.load in LOADS:
        return scenario
    from cluster.local import load_trace

    beside = path.parent / scenario.load
    try:
        load_trace.plan(beside, rate=1.0, max_tokens=1)
    except DeploymentError as error:
        raise yaml_lines.wrong(path, lines, ("load",), str(error)) from None
    return scenario.model_copy(update={"load": str(beside)})


def _targets(cause: Cause, deployment: Deployment) -> list[str] | None:
    """Components that it can hit there, an empty one for no fault; None where it cannot be injected."""
    if cause.fault == NO_FAULT:
        return [""]
    fault = catalog.load(cause.fault, deployment.kind)
    able = [component.id for component in deployment.topology().of_kind(*fault.targets)]
    if cause.targets:
        kinds = {component.id: component.kind for component in deployment.topology().components}
        able = [name for name in able if name in cause.targets or kinds[name] in cause.targets]
    return able if able and fault.available(deployment).ok else None


def _choices(values: Value | tuple[Value, ...]) -> tuple[Value, ...]:
    return values if isinstance(values, tuple) else (values,)
