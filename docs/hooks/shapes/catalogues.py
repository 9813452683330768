"""What there is: methods, faults; and what a check or a machine looks like."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from shapes.base import Answer, Part, Shape, Window, old


class Method(Answer):
    name: str
    class_name: str
    family: str
    cost: str
    needs: list[str]
    summary: str
    package: str
    requires: str


class Fault(Answer):
    name: str
    summary: str
    available: bool
    reason: str
    deployments: list[str]
    targets: list[str]
    needs: list[str]
    parameters: dict[str, Any] = Field(description="JSON Schema of each")


class Change(Shape):
    where: str
    setting: str


class Checked(Shape):
    number: int
    name: str
    title: str
    status: Literal["pass", "fail", "unknown"]
    verdict: Literal["pass", "fail", "unknown"] = old("status")
    saw: str
    change: list[Change]
    faults: list[str]
    methods: list[str]
    modes: list[int]


class Mode(Shape):
    number: int
    name: str
    checks: list[str]


class Checkup(Answer):
    incident: str | None
    window: Window
    name: str = Field(description="of the deployment or incident")
    live: bool
    checks: int
    pass_: int = Field(alias="pass")
    fail: int
    unknown: int
    cannot_diagnose: dict[str, list[str]] = Field(description="fault → checks")
    not_known_whether: dict[str, list[str]] = Field(description="fault → checks")
    blind_methods: dict[str, list[str]] = Field(description="method → checks")
    blind_modes: list[Mode]
    results: list[Checked]


class Examined(Shape):
    part: str
    name: str
    status: Literal["pass", "fail", "unknown"]
    verdict: Literal["pass", "fail", "unknown"] = old("status")
    found: str
    fix: str


class Sample(Part):
    signal: str
    unit: str
    value: float | None
    origin: str = Field(description="measured under which name, or why not")


class Doctor(Answer):
    ok: bool
    checks: list[Examined]
    samples: list[Sample]
    costs: dict[str, list[str]] = Field(description="missing telemetry → methods that then have no answer")
