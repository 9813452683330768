"""What several answers share."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

OLD = "old: {}; goes with the next release"


def old(instead: str) -> Any:
    """A field that goes: what to read in its place."""
    return Field(description=OLD.format(f"use `{instead}`"))


class Shape(BaseModel):
    """An object with these keys and no others."""

    model_config = ConfigDict(extra="forbid")


class Answer(Shape):
    """One document, or one item of a list."""

    schema_: Literal[1] = Field(alias="schema", description="version of the shapes")


class Window(Shape):
    start: float = Field(description="unix seconds")
    end: float = Field(description="unix seconds; not part of the window")
    seconds: float


class Part(Shape):
    component: str = Field(description="id of a component")


class KnownPart(Part):
    kind: str = Field(description="gateway, router, head, replica, engine, gpu or node")


class Error(Answer):
    """Exit code 2; after Ctrl-C 130. The sentence stands on stderr, too."""

    error: str = Field(description="what happened and what to do, one sentence")
    command: str = Field(description="exactly what to run; empty where there is nothing")


class About(Answer):
    incident: str | None = Field(description="name or path that commands accept; null for what is not saved")
    window: Window
    onset: float | None = Field(description="when the trouble began, unix seconds")
    onset_between: tuple[float, float] | None = Field(description="earliest and latest onset of an estimate")
