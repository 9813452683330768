"""Scores that differ by rounding only are made equal, so that ties stay ties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

K = TypeVar("K")
DIGITS = 10


def steady(scores: Mapping[K, float]) -> dict[K, float]:
    """The scores to `DIGITS` significant digits.

    Sums over hundreds of terms depend in their last digits on the order of the terms, and so on the order in which
    components arrive. That must not break the tie of two equal components.
    """
    # + 0.0 turns -0.0 into 0.0.
    return {key: float(f"{value:.{DIGITS}g}") + 0.0 for key, value in scores.items()}
