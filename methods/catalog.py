"""All methods by name, without importing any of them: a class is loaded when it is asked for."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from methods.types import Method


class UnknownMethod(KeyError):
    """No method of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Entry:
    """One method: the module is `methods.<name>`, the class is `class_name` in it.

    `cost` orders the runs ("instant", "seconds", "minutes"); `needs` is the telemetry without which it has no answer.
    """

    name: str
    class_name: str
    family: str
    cost: str
    needs: tuple[str, ...]
    summary: str


def entries() -> tuple[Entry, ...]:
    """Every method, cheap ones first."""
    order = {"instant": 0, "seconds": 1, "minutes": 2}
    return tuple(sorted(_ENTRIES, key=lambda entry: (order[entry.cost], entry.name)))


def entry(name: str) -> Entry:
    """The method of that name. Raises UnknownMethod with a sentence that lists those there are."""
    for candidate in _ENTRIES:
        if candidate.name == name:
            return candidate
    known = ", ".join(sorted(e.name for e in _ENTRIES))
    raise UnknownMethod(f"there is no method {name!r}; there are: {known}")


def load(name: str) -> Method:
    """An instance with the paper's defaults. Raises UnknownMethod."""
    found = entry(name)
    method: Method = getattr(importlib.import_module(f"methods.{found.name}"), found.class_name)()
    return method


_ENTRIES = (
    Entry(
        "dummy",
        "Dummy",
        "metric",
        "instant",
        ("metrics",),
        "Guesses: a random order of the signals, the baseline that every other method must beat.",
    ),
    Entry(
        "nsigma",
        "NSigma",
        "metric",
        "instant",
        ("metrics", "onset"),
        "Largest deviation after the onset, in standard deviations of the baseline.",
    ),
    Entry(
        "baro",
        "Baro",
        "metric",
        "instant",
        ("metrics", "onset"),
        "Largest deviation after the onset, in interquartile ranges around the baseline's median.",
    ),
)
