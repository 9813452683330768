"""Phrases that several methods use in their claims. Numbers and times are written by `cluster.text`."""

from __future__ import annotations

from collections.abc import Mapping

from cluster.text.quantities import number
from cluster.text.times import duration


def unit_of(units: Mapping[str, str], signal: str) -> str:
    """The unit of a signal, empty when it is not known."""
    return units.get(signal, "")


def counted(items: int, noun: str) -> str:
    """A number of things: "1 edge", "60 edges"."""
    return f"{number(items)} {noun}{'' if items == 1 else 's'}"


def after_onset(time: float, onset: float) -> str:
    """Where a time lies: "12 s after the onset", "3 s before the onset", "at the onset"."""
    distance = round(time - onset)
    if distance == 0:
        return "at the onset"
    return f"{duration(abs(distance))} {'after' if distance > 0 else 'before'} the onset"
