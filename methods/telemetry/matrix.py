"""From an incident to an aligned float matrix: the preparation that metric methods share.

    prepare(incident) ──▶ SignalMatrix (T × N) ──▶ halves(matrix, onset) ──▶ before (T1 × N), after (T2 × N)

Columns are ordered by their *content* (a digest of where the values lie between their extremes), never by name, unit or
input order, so that a method whose result depends on column order answers the same whatever the columns are called, in
whatever unit they are measured and however they arrive. Columns that are equal but for unit and level are ordered by
the content of their component; `unique` leaves one of each group of identical ones where a method cannot handle
duplicates.

Gaps: infinities count as gaps. Columns without any value are dropped, constant columns are kept (`varying` drops
them). What is left is NaN, or with `fill=True` the last value for up to `CARRY` samples, and beyond them the column's
median on the same side of the onset: no value after the onset reaches the time before it. A column without any value on
one side is dropped then: it shows no change, and its silence is not calm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster.incident.model import Incident
from cluster.window import Onset
from methods.answer.refusals import NO_ONSET
from methods.answer.types import NoRanking, Reason, SeriesPointer
from methods.answer.wording import counted

Floats: TypeAlias = NDArray[np.float64]
Key: TypeAlias = tuple[str, str]
CARRY = 5
_DIGITS = 10
_ROUNDING = 1e-12
"""Share of a column's largest magnitude up to which a difference is rounding, as of a rate over a moving window."""
_STEPS = 1e6 / np.sqrt(2.0)
"""Irrational, so that no share of whole numbers, as counters have, lies between two steps."""


@dataclass(frozen=True, eq=False)
class SignalMatrix:
    """T samples of N signals.

    Attributes:
        values: (T, N) float64 in each signal's own unit.
        times: (T,) unix seconds, ascending.
        keys: N pairs (component, signal).
    """

    values: Floats
    times: Floats
    keys: tuple[Key, ...]

    @property
    def samples(self) -> int:
        return len(self.values)

    @property
    def signals(self) -> int:
        return len(self.keys)

    @property
    def step(self) -> float:
        """Median distance between samples in seconds; 1 when there are fewer than two."""
        return float(np.median(np.diff(self.times))) if self.samples > 1 else 1.0

    def rows(self, mask: NDArray[np.bool_]) -> SignalMatrix:
        return SignalMatrix(self.values[mask], self.times[mask], self.keys)

    def columns(self, chosen: Sequence[int] | NDArray[np.intp] | NDArray[np.bool_]) -> SignalMatrix:
        """The chosen columns, by position or by mask, in the given order."""
        positions = np.arange(self.signals)[np.asarray(chosen, dtype=None if len(chosen) else np.intp)]
        return SignalMatrix(self.values[:, positions], self.times, tuple(self.keys[i] for i in positions))

    def varying(self) -> SignalMatrix:
        """Without the columns that never change, gaps and rounding aside."""
        if not self.samples:
            return self.columns([])
        scaled = self.values / _largest(self.values)
        return self.columns(np.fmax.reduce(scaled, axis=0) - np.fmin.reduce(scaled, axis=0) > _ROUNDING)

    def unique(self) -> tuple[SignalMatrix, tuple[tuple[Key, ...], ...]]:
        """One of each group of identical columns, and for each column left the keys of its whole group."""
        groups: dict[bytes, list[int]] = {}
        for position in range(self.signals):
            groups.setdefault(_digest(self.values[:, position]), []).append(position)
        firsts = [members[0] for members in groups.values()]
        return self.columns(firsts), tuple(tuple(self.keys[i] for i in members) for members in groups.values())

    def standardized(self) -> Floats:
        """(T, N): each column less its mean, over its population standard deviation; constants become 0, NaN stays.

        Rounded to `_DIGITS` decimals, so that another unit gives the same values to the last digit.
        """
        if not self.samples or not self.signals:
            return self.values.copy()
        scaled = self.values / _largest(self.values)
        count = np.maximum(np.sum(np.isfinite(scaled), axis=0), 1)
        centred = scaled - np.nansum(scaled, axis=0) / count
        spread = np.sqrt(np.nansum(centred**2, axis=0) / count)
        # A constant such as 0.1 has a mean that is off by one rounding: that is no variation.
        flat = spread <= _ROUNDING
        return np.where(flat, np.where(np.isnan(centred), np.nan, 0.0), centred / np.where(flat, 1.0, spread)).round(
            _DIGITS
        )

    def pointer(self, key: Key, start: float, end: float) -> SeriesPointer:
        return SeriesPointer(key[0], key[1], float(start), float(end))


def prepare(incident: Incident, *, fill: bool = False) -> SignalMatrix:
    """The metrics of the incident's components as a matrix, in a column order that does not depend on names.

    Args:
        incident: only metrics and topology are read; columns of components outside the topology are left out.
        fill: fill gaps (see the module) instead of leaving NaN.
    """
    return from_frame(incident.telemetry.metrics, incident, fill=fill)


def from_frame(frame: pd.DataFrame, incident: Incident, *, fill: bool = False) -> SignalMatrix:
    """Like `prepare`, of any frame with columns (component, signal) and a `time` index in unix seconds."""
    known = set(incident.topology.ids)
    keys = [(str(column[0]), str(column[1])) for column in frame.columns]
    values = np.array(frame.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    present = [i for i, key in enumerate(keys) if key[0] in known and not np.all(np.isnan(values[:, i]))]
    ordered = [present[i] for i in content_order(values[:, present], [keys[i][0] for i in present])]
    chosen = np.ascontiguousarray(values[:, ordered])
    times = np.asarray(frame.index, dtype=np.float64)
    if fill:
        chosen, heard = filled(chosen, times, incident.onset)
        ordered = [position for position, kept in zip(ordered, heard, strict=True) if kept]
    return SignalMatrix(chosen, times, tuple(keys[i] for i in ordered))


def halves(
    matrix: SignalMatrix, onset: Onset | None, *, least_before: int = 2, least_after: int = 1
) -> tuple[SignalMatrix, SignalMatrix] | NoRanking:
    """The samples before the onset, and those from it on; NoRanking(NOT_APPLICABLE) where one side is too short."""
    if onset is None:
        return NO_ONSET
    if not matrix.signals:
        return NoRanking(Reason.NOT_APPLICABLE, "the incident has no metrics")
    early = matrix.times < onset.time
    before, after = matrix.rows(early), matrix.rows(~early)
    for half, side, least in ((before, "before", least_before), (after, "after", least_after)):
        if half.samples < least:
            sentence = f"{counted(half.samples, 'sample')} {side} the onset, at least {least} are needed"
            return NoRanking(Reason.NOT_APPLICABLE, sentence)
    return before, after


def filled(values: Floats, times: Floats, onset: Onset | None, carry: int = CARRY) -> tuple[Floats, NDArray[np.bool_]]:
    """Fill the gaps as the module describes.

    Args:
        values: (T, N).
        times: (T,) unix seconds.
        onset: None, or outside of `times`, for one side only.
        carry: samples that a value is carried.

    Returns:
        (T, K) without NaN, and which of the N columns these are, (N,): those with a value on every side.
    """
    gaps = np.isnan(values)
    heard = np.ones(values.shape[1], dtype=np.bool_)
    if not gaps.any():
        return values, heard
    early = np.zeros(len(times), dtype=np.bool_) if onset is None else times < onset.time
    sides = [side for side in (early, ~early) if side.any()]
    for side in sides:
        heard &= ~gaps[side].all(axis=0)
    carried = pd.DataFrame(values[:, heard]).ffill(limit=carry).to_numpy(dtype=np.float64, copy=True)
    for side in sides:
        middle = np.broadcast_to(np.nanmedian(values[side][:, heard], axis=0), carried[side].shape)
        carried[side] = np.where(np.isnan(carried[side]), middle, carried[side])
    return carried, heard


def content_order(values: Floats, components: Sequence[str]) -> list[int]:
    """Column positions sorted by digest of the content, whatever its unit; equal ones by that of their component."""
    shapes = [hashlib.blake2b(row, digest_size=16).digest() for row in _shapes(values)]
    keys = _with_component(shapes, components)
    if len(set(keys)) < len(keys):
        # Equal in all but unit and level.
        exact = _with_component([_digest(column) for column in values.T], components)
        keys = [(*key, *own) for key, own in zip(keys, exact, strict=True)]
    return sorted(range(len(keys)), key=keys.__getitem__)


def _with_component(digests: Sequence[bytes], components: Sequence[str]) -> list[tuple[bytes, ...]]:
    """Each column's digest and that of all columns of its component."""
    of_component: dict[str, list[bytes]] = {}
    for component, digest in zip(components, digests, strict=True):
        of_component.setdefault(component, []).append(digest)
    whole = {component: hashlib.blake2b(b"".join(sorted(d))).digest() for component, d in of_component.items()}
    return [(digest, whole[component]) for digest, component in zip(digests, components, strict=True)]


def _shapes(values: Floats) -> NDArray[np.int32]:
    """(N, T): where each value lies between the least and the largest of its column, in `_STEPS` steps; -1 for a gap.

    Another unit or level changes the last digits of a float: the steps are too wide to show that.
    """
    if not values.size:
        return np.zeros(values.shape[::-1], dtype=np.int32)
    low, high = np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
    with np.errstate(all="ignore"):
        extent = high - low
        moves = extent > 1e-12 * np.fmax(np.abs(low), np.abs(high))
        steps = np.rint((values - low) * np.where(moves, _STEPS / extent, 0.0))
        return np.ascontiguousarray(np.where(np.isfinite(steps), steps, -1.0).T.astype(np.int32))


def _digest(column: Floats) -> bytes:
    # + 0.0 turns -0.0 into 0.0: equal values must have equal bytes. NaNs may differ in payload.
    clean = np.where(np.isnan(column), np.nan, column + 0.0)
    return hashlib.blake2b(np.ascontiguousarray(clean).tobytes(), digest_size=16).digest()


def _largest(values: Floats) -> Floats:
    """(N,) largest magnitude of each column, 1 where there is none: dividing by it keeps squares from overflowing."""
    magnitude = np.fmax.reduce(np.abs(values), axis=0)
    return np.where(np.isfinite(magnitude) & (magnitude > 0), magnitude, 1.0)
