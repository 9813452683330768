"""Closed frequent item sets of a few kinds of transactions.

A set is closed when no larger one is in the same transactions. Support is that of every set with the same closure, and
confidence can only be higher, so the best set around an item is always a closed one: mining these alone loses nothing.
They are the intersections of the transactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from methods.telemetry.spans import Flags

ItemSet: TypeAlias = tuple[int, ...]
MOST_SETS = 2000


def closed_sets(transactions: Flags, counts: Sequence[int], least: float) -> tuple[list[ItemSet], bool]:
    """Closed item sets that hold for at least `least` of all transactions.

    Args:
        transactions: (K, I) K distinct transactions over I items.
        counts: K numbers of equal transactions.
        least: share of all transactions, 0..1.

    Returns:
        The sets, and whether all were found: beyond `MOST_SETS`, rare transactions are no longer intersected.
    """
    order = np.argsort(-np.asarray(counts), kind="stable")
    sets: set[int] = set()
    complete = True
    masks = [sum(1 << int(i) for i in np.flatnonzero(row)) for row in transactions[order]]
    for mask in masks:
        if len(sets) > MOST_SETS:
            complete = False
            break
        sets |= {mask & other for other in sets}
        sets.add(mask)
    sets.discard(0)
    weight = [int(counts[i]) for i in order]
    needed = least * sum(weight)
    frequent = [s for s in sets if sum(w for m, w in zip(masks, weight, strict=True) if m & s == s) >= needed]
    return [tuple(i for i in range(transactions.shape[1]) if s >> i & 1) for s in sorted(frequent)], complete
