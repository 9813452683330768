"""The plan of a campaign: faults × targets × intensities × loads × times, drawn in random order from its seed.

A plan is a YAML file:

    title: Two faults on two pods
    seed: 7
    targets: [head, replica-1]
    times: 3
    faults:
      - name: cpu-throttle
        stands-for: gpu-power-cap      # told beside every result; optional
        intensities: [{cores: 0.3}, {cores: 0.1}]
      - name: network-delay
        targets: [replica-2]           # in place of those above
    loads:
      - {rate: 4}
      - {shape: step, rate: 2, to: 5, after: 10, busy: true}
    baseline: 120                      # s; these three are the defaults
    seconds: 60
    aftermath: 60
    methods: [baro, nsigma]            # to evaluate; all of them without it

A fault without intensities has its default parameters. The fault `none` is a stretch without a fault: it has no target.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cluster.incident.truth import NO_FAULT
from faults import catalog
from faults.errors import BadParameters, UnknownFault
from faults.recording import yaml_lines
from faults.recording.conditions import Conditions, Shape
from faults.recording.recipe import Recording
from faults.recording.yaml_lines import BadFile

MOST_DRILLS = 5000
SUFFIX = ".yaml"
_Name = Annotated[str, Field(min_length=1, max_length=100)]
_Seconds = Annotated[float, Field(gt=0, le=3600)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class LoadPlan(_Part):
    """One load; see `faults.recording.conditions.Conditions`. `rate` and `to` in requests/s, `after` in s."""

    rate: Annotated[float, Field(gt=0, le=100)] = 4.0
    shape: Shape = Shape.STEADY
    to: Annotated[float, Field(gt=0, le=100)] | None = None
    after: Annotated[float, Field(ge=0, le=3600)] = 0.0
    busy: bool = False

    @property
    def conditions(self) -> Conditions:
        return Conditions(self.shape, self.rate, self.rate if self.to is None else self.to, self.after, self.busy)


class FaultPlan(_Part):
    """One fault, and where and how strongly it is injected.

    Attributes:
        stands_for: the fault of another machine that this one takes the place of; empty for itself.
    """

    name: _Name
    stands_for: Annotated[str, Field(max_length=100, alias="stands-for")] = ""
    targets: tuple[_Name, ...] = ()
    intensities: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)] = ({},)


class Plan(_Part):
    """A whole campaign; times in seconds."""

    title: _Name
    about: Annotated[str, Field(max_length=4000)] = ""
    seed: int = 0
    faults: Annotated[tuple[FaultPlan, ...], Field(min_length=1)]
    targets: tuple[_Name, ...] = ()
    loads: Annotated[tuple[LoadPlan, ...], Field(min_length=1)] = (LoadPlan(),)
    times: Annotated[int, Field(ge=1, le=1000)] = 1
    baseline: _Seconds = 120.0
    seconds: _Seconds = 60.0
    aftermath: _Seconds = 60.0
    methods: tuple[_Name, ...] = ()

    def targets_of(self, fault: FaultPlan) -> tuple[str, ...]:
        return ("",) if fault.name == NO_FAULT else fault.targets or self.targets

    def drills(self) -> tuple[Recording, ...]:
        """All of them in the order in which they are recorded: the same seed gives the same order."""
        every = [
            Recording(fault.name, target, intensity, load.conditions)
            for fault in self.faults
            for target in self.targets_of(fault)
            for intensity in fault.intensities
            for load in self.loads
            for _ in range(self.times)
        ]
        random.Random(self.seed).shuffle(every)  # noqa: S311  an order, no secret
        return tuple(every)

    def stand_ins(self) -> dict[str, str]:
        """Fault -> the one that it stands for, of those that stand for another."""
        return {fault.name: fault.stands_for for fault in self.faults if fault.stands_for}

    def digest(self) -> str:
        """Differs when other drills would be recorded, or under other names."""
        times = (self.baseline, self.seconds, self.aftermath)
        text = json.dumps([times, [asdict(drill) for drill in self.drills()]], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def shipped() -> tuple[str, ...]:
    """Names of the plans that come with the tool."""
    return tuple(sorted(p.name.removesuffix(SUFFIX) for p in _folder().iterdir() if p.name.endswith(SUFFIX)))


def read(name_or_path: str) -> Plan:
    """The plan of a file, or a shipped one by its name. Raises BadFile, which names line and field."""
    if name_or_path in shipped():
        with resources.as_file(_folder() / f"{name_or_path}{SUFFIX}") as path:
            return _read(path)
    path = Path(name_or_path)
    if not path.exists():
        raise BadFile(f"there is no plan {name_or_path}: name a file, or one of {', '.join(shipped())}")
    return _read(path)


def _read(path: Path) -> Plan:
    data, lines = yaml_lines.read(path, "plan")
    try:
        plan = Plan.model_validate(data)
    except ValidationError as error:
        raise yaml_lines.invalid(path, lines, error) from None
    _check(plan, path, lines)
    return plan


def _check(plan: Plan, path: Path, lines: Mapping[yaml_lines.Path_, int]) -> None:
    """What the shape does not say. Raises BadFile."""
    for number, fault in enumerate(plan.faults):
        at = ("faults", number)
        if not plan.targets_of(fault):
            raise yaml_lines.wrong(path, lines, at, f"{fault.name} has no targets, and the plan has none for all")
        if fault.name == NO_FAULT:
            continue
        try:
            entry = catalog.entry(fault.name)
        except UnknownFault as error:
            raise yaml_lines.wrong(path, lines, (*at, "name"), str(error)) from None
        known = catalog.load(fault.name, entry.deployments[0])
        for position, intensity in enumerate(fault.intensities):
            try:
                known.parse(intensity)
            except BadParameters as error:
                raise yaml_lines.wrong(path, lines, (*at, "intensities", position), str(error)) from None
    if len(plan.drills()) > MOST_DRILLS:
        raise BadFile(f"{path} is {len(plan.drills())} drills; there may be {MOST_DRILLS}")


def _folder() -> Any:
    return resources.files("faults.recording") / "plans"
