"""Changes of a signal in candidate stretches of time, and how far they exceed the changes of the peers.

A stretch is some blocks that may be the trouble; all blocks before it are its baseline. A stretch with nothing before
it is trouble that is older than the recording: what the peers have is its baseline. A = number of stretches, C =
members of the group, B = blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cluster.signals import Hurts
from methods.peers.blocks import LEAST_BASELINE, PRESENT, mean
from methods.peers.families import hurts
from methods.telemetry.matrix import Floats

Ints: TypeAlias = NDArray[np.int64]

LENGTHS = (1, 2, 4, 8)
"""Blocks of a stretch."""
REST = 0.25
"""How differently replicas stand when all is well: a level that is a quarter above theirs says little, and so does one
that is as far from them as they are from each other."""
FEW = 8
"""Up to this many members, a member is left out of the median that it is compared with."""


@dataclass(frozen=True, eq=False)
class Stretches:
    """(A,) first block and (A,) number of blocks of each candidate stretch."""

    first: Ints
    length: Ints

    @property
    def older(self) -> NDArray[np.bool_]:
        """(A,) whether nothing lies before the stretch: its trouble would be older than the recording."""
        there: NDArray[np.bool_] = self.first == 0
        return there


@dataclass(frozen=True, eq=False)
class Level:
    """What stands for the baseline where nothing lies before: (A, 1), and (A, C) how far from it is usual."""

    usual: Floats
    rest: Floats


@dataclass(frozen=True, eq=False)
class Moves:
    """What one signal did in each stretch.

    Attributes:
        own: (A, C) mean in the stretch less the baseline's, NaN where either has too few blocks.
        before: (A, C) blocks with a value in the baseline.
        inside: (A, C) blocks with a value in the stretch.
        noise: (A, 1) standard deviation of one block before the stretch, of the group.
        rest: (A, C) by how much a member may be from the others when all is well; 0 with a baseline of its own.
    """

    own: Floats
    before: Floats
    inside: Floats
    noise: Floats
    rest: Floats | float = 0.0

    def contrast(
        self, shared: Floats, *, floor: float, follow: Floats | float = 0.0, counting: Floats | float = 0.0
    ) -> Floats:
        """(A, C) own change less the shared one, in standard errors.

        Args:
            shared: (A, C) or (A, 1): what the same signal did elsewhere.
            floor: a change that means nothing; 0.1 is ten per cent.
            follow: how differently members follow a shared change, as a share of it, (A, C) or one for all.
            counting: (A, C) variance by chance where the signal counts single events.
        """
        blocks = 2 / np.maximum(self.inside, 1) + 1 / np.maximum(self.before, 1)
        # Where a level is compared, there is no shared change that members could follow differently.
        followed = np.where(np.asarray(self.rest) > 0, 0.0, follow * shared)
        variance = self.noise**2 * blocks + floor**2 + self.rest**2 + followed**2 + counting
        found: Floats = (self.own - shared) / np.sqrt(variance)
        return found


def stretches(measured: NDArray[np.bool_]) -> Stretches:
    """Every block with samples after the least baseline, with every length that fits; (B,) whether it has samples.

    The last one begins with the recording, and has the longest length that fits.
    """
    starts = np.flatnonzero(measured)[LEAST_BASELINE:]
    pairs = [(first, length) for length in LENGTHS for first in starts if first + length <= len(measured)]
    pairs.append((0, min(LENGTHS[-1], len(measured))))
    return Stretches(np.array([f for f, _ in pairs], np.int64), np.array([n for _, n in pairs], np.int64))


def moves(series: Floats, among: Stretches, level: Level | None = None) -> Moves:
    """The changes of a (C, B) signal in each stretch, and what they are measured against."""
    _, of_base, _, of_within = _windows(series, among)
    older = among.older[:, None]
    return Moves(
        changes(series, among, level),
        np.where(older, of_within, of_base),
        of_within,
        _noise(series, among)[:, None],
        np.where(older, level.rest, 0.0) if level else 0.0,
    )


def changes(series: Floats, among: Stretches, level: Level | None = None) -> Floats:
    """(A, C) mean of a (C, B) signal in each stretch less the baseline's, NaN where either has too few blocks.

    Args:
        level: the baseline of stretches with nothing before them; without it they have no change.
    """
    base, of_base, within, of_within = _windows(series, among)
    known = of_base >= 2
    if level:
        older = among.older[:, None]
        base, known = np.where(older, level.usual, base), known | older
    enough = known & (of_within >= np.maximum(1.0, PRESENT * among.length[:, None]))
    return np.where(enough, within - base, np.nan)


def level_of_peers(series: Floats, among: Stretches) -> Level:
    """The median over the members of a (C, B) signal, and how far apart the others of each member are."""
    _, _, within, _ = _windows(series, among)
    if len(series) > FEW:
        spread = np.broadcast_to(_deviation(within)[:, None], within.shape)
    else:
        spread = np.stack([_deviation(np.delete(within, i, axis=1)) for i in range(len(series))], axis=1)
    return Level(median(within)[:, None], np.hypot(REST, np.nan_to_num(spread)))


def no_level(among: Stretches) -> Level:
    """Of what is nothing where all is well."""
    return Level(np.zeros((len(among.first), 1)), np.full((len(among.first), 1), REST))


def _deviation(values: Floats) -> Floats:
    """(A,) median absolute deviation along the members, as a standard deviation."""
    return 1.4826 * median(np.abs(values - median(values)[:, None]))


def counting_variance(events: Floats, among: Stretches) -> Floats:
    """(A, C) variance of the logarithm of a count: 1 / (events in the stretch + ½), from (C, B) events a block."""
    _, _, within, _ = _windows(events, among)
    return 1 / (np.nan_to_num(within) * among.length[:, None] + 0.5)


def median_of_others(own: Floats) -> Floats:
    """(A, C) median change of the other members; with one other, half of its change: who of the two moved is open."""
    if own.shape[1] > FEW:
        return np.broadcast_to(np.nan_to_num(median(own))[:, None], own.shape)
    shared = np.zeros_like(own)
    for i in range(own.shape[1]):
        others = np.delete(own, i, axis=1)
        shared[:, i] = np.nan_to_num(median(others))
    return np.where(one_other(own), shared / 2, shared)


def one_other(own: Floats) -> NDArray[np.bool_]:
    """(A, C) whether only one other member has a value: what the two share is then as open as who of them moved."""
    there = np.isfinite(own)
    alone: NDArray[np.bool_] = there.sum(axis=1)[:, None] - there == 1
    return alone


def of_most(values: Floats) -> Floats:
    """(A,) the change that more than half of the members reach; 0 where all are gaps."""
    if not values.shape[1]:
        return np.zeros(len(values))
    ordered = np.sort(values, axis=1)
    index = np.maximum(np.isfinite(values).sum(axis=1) - 1, 0) // 2
    reached: Floats = np.nan_to_num(ordered[np.arange(len(values)), index])
    return reached


def median(values: Floats) -> Floats:
    """(A,) median along the members, NaN where all are gaps."""
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    ordered = np.sort(values, axis=1)
    there = np.isfinite(values).sum(axis=1)
    rows = np.arange(len(values))
    low, high = (
        ordered[rows, np.maximum((there - 1) // 2, 0)],
        ordered[rows, np.minimum(there // 2, len(ordered.T) - 1)],
    )
    return np.where(there > 0, (low + high) / 2, np.nan)


def harmful(signal: str, z: Floats) -> Floats:
    """z with good news set to 0: a component that is faster than its peers is not at fault for that."""
    worse = hurts(signal)
    if worse is Hurts.EITHER:
        return z
    return np.maximum(z, 0.0) if worse is Hurts.UP else np.minimum(z, 0.0)


def _windows(series: Floats, among: Stretches) -> tuple[Floats, Floats, Floats, Floats]:
    """(A, C) each: mean before the stretch, blocks with a value there, and the same in the stretch."""
    finite = np.isfinite(series)
    none = np.zeros((len(series), 1))
    total = np.concatenate([none, np.cumsum(np.where(finite, series, 0.0), axis=1)], axis=1).T
    there = np.concatenate([none, np.cumsum(finite, axis=1)], axis=1).T
    first, last = among.first, among.first + among.length
    of_base, of_within = there[first], there[last] - there[first]
    base = np.where(of_base > 0, total[first] / np.maximum(of_base, 1), np.nan)
    within = np.where(of_within > 0, (total[last] - total[first]) / np.maximum(of_within, 1), np.nan)
    return base, of_base, within, of_within


def _noise(series: Floats, among: Stretches) -> Floats:
    """(A,) standard deviation of one block before each stretch, less what three or more members share.

    Where nothing lies before, of one block of the stretch.

    The larger of the plain and the robust estimate. The robust one, a median over all members and blocks, is made anew
    only when a quarter has come to the past, so that the time is linear in members and blocks.
    """
    shared = median(series.T)[None, :] if len(series) > 2 else 0.0
    centred = series - shared
    finite = np.isfinite(centred)
    # About its mean a series loses no digits in the difference of squares.
    values = np.nan_to_num(centred - mean(centred, axis=1)[:, None])
    total, squares, count = (np.cumsum(part, axis=1) for part in (values, values**2, finite))
    there = np.maximum(count, 1)
    spread = np.maximum(squares - total**2 / there, 0.0).sum(axis=0)
    plain = np.sqrt(spread / np.maximum(count.sum(axis=0), 1))
    robust = np.zeros(series.shape[1])
    until = np.where(among.older, among.length, among.first)
    for start in _anchors(int(until.max(initial=0))):
        past = np.abs(values[:, :start] - (total / there)[:, start - 1, None])[finite[:, :start]]
        if len(past):
            middle = (len(past) - 1) // 2, len(past) // 2
            robust[start - 1 :] = 1.4826 * float(np.partition(past, middle)[list(middle)].sum()) / 2
    found: Floats = np.maximum(plain, robust)[until - 1]
    return found


def _anchors(last: int) -> list[int]:
    """Starts at which the robust noise is estimated; each holds until the next, which is a quarter later at most."""
    found = [LEAST_BASELINE]
    while found[-1] < last:
        found.append(min(last, max(found[-1] + 1, found[-1] * 5 // 4)))
    return found
