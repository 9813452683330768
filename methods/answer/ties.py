"""Scores that differ by rounding only are equal: what keeps ties as ties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

K = TypeVar("K")
DIGITS = 10


def steady(scores: Mapping[K, float]) -> dict[K, float]:
    """The scores to `DIGITS` significant digits.

    Sums over hundreds of terms depend in their last digits on the order of the terms, and so on the order in which
    components arrive. Two components that are alike must not be told apart by that.
    """
    # + 0.0 turns -0.0 into 0.0.
    return {key: float(f"{value:.{DIGITS}g}") + 0.0 for key, value in scores.items()}
