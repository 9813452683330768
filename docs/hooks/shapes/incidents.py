"""What was recorded, and the truth of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from shapes.base import OLD, About, Answer, KnownPart, Part, Shape, Window, old


class OldPart(KnownPart):
    id: str = old("component")


class Truth(Shape):
    components: list[str]
    fault: str
    injected_at: float
    reverted_at: float | None
    parameters: dict[str, Any]
    conditions: dict[str, Any]


class RecordedPart(OldPart):
    signals: list[str]


class Edge(Shape):
    source: str
    target: str
    relation: str
    weight: float | None = Field(
        description="share of the calls that is to go to the target; null where nothing sets it"
    )


class Recording(About):
    name: str = old("incident")
    id: str
    deployment: str
    start: float = old("window")
    end: float = old("window")
    seconds: float = old("window")
    front_door: str | None
    components: list[RecordedPart]
    edges: list[Edge]
    samples: int
    spans: int
    logs: int
    notes: list[str]


class Listed(Answer):
    incident: str
    name: str = old("incident")
    path: str
    shipped: bool
    problem: str | None = Field(description="why it cannot be read; then nothing follows")
    deployment: str | None = None
    window: Window | None = None
    start: float | None = Field(default=None, description=OLD.format("use `window`"))
    seconds: float | None = Field(default=None, description=OLD.format("use `window`"))
    components: list[Part] = Field(default=[])
    sealed: bool | None = None
    tags: list[str] = Field(default=[])
    truth: Truth | None = Field(default=None, description="with --reveal")


class Revealed(Answer):
    incident: str
    window: Window
    truth: Truth | None
    seal: Literal["host", "all", "none"] | None = Field(
        description="who can open the truth; `none`: nothing shows whether it was edited"
    )


class Recorded(About):
    path: str
    id: str
    seconds: float = old("window")
    notes: list[str]


class Imported(About):
    path: str
    id: str
    components: list[KnownPart]
    front_door: str | None
    sealed: bool
    notes: list[str]
