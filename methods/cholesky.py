"""Cholesky root cause discovery: in the right order of the signals, only the cause is left after whitening."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from cluster.incident.model import Incident
from cluster.text.quantities import number
from methods.answer.caveats import caveats_for
from methods.answer.ranking import by_signals
from methods.answer.refusals import NO_CHANGE
from methods.answer.ties import steady
from methods.answer.types import Cell, Explanation, Family, Method, NoRanking, Outcome, Reason, Step, Table
from methods.answer.wording import counted
from methods.telemetry.matrix import Floats, SignalMatrix, halves, prepare

_THRESHOLDS = np.arange(0.1, 5.0, 0.2)
_LEAST_BEFORE = 10
_RIDGE = 1e-6
_SHOWN = 8


class Cholesky(Method):
    """Cholesky root cause discovery: signals by how alone they stand when the others' noise is explained away.

    Idea:
        In a linear causal model, whitening a sample with the Cholesky factor of the normal covariance gives back the
        noise of each signal, if the signals are in causal order. Then only the cause is far from 0. The order is not
        known, but any order works that has the signals that the cause does not change first, then the cause, then the
        rest. So many orders are tried, and a signal counts that is far from 0 alone.

    Formula:
        x̃ = L⁻¹ (x - mean), with L Lᵀ the covariance before the onset in one order. score(i) = max over the orders in
        which |x̃_i| is the largest of (|x̃_i| - second largest) / second largest. The orders: for each threshold on
        z² = ((x - mean) / sd)² and each signal above it, the signals below in random order, that signal, the others
        above in random order. A signal that is never the largest gets its z², scaled to less than half of the smallest
        score.

    Inputs:
        Metrics (T × N), each signal in any unit. The onset, with at least 10 samples before it. Gaps are filled with
        the last value or the median.

    Parameters:
        shuffles: random orders for each threshold and signal, 5; the public code's default is 1.
        samples_per_signal: how many samples before the onset each signal needs, 4; of more signals those with the
            largest z² are kept. Not in the paper, see below.

    Fails when:
        The onset is late or early: a few samples of the fault before it inflate the covariance. Normal samples follow
        each other, so that there are fewer of them than the count says. Relations are not linear, or a fault breaks a
        relation instead of adding to one signal. Two signals are copies of each other: neither stands alone.

        NoRanking without an onset, without metrics, with fewer than 10 samples before the onset or none after it, with
        fewer than 2 signals that vary before the onset, and when no signal changes.

    Cost:
        O(25 P² shuffles) factorisations of O(P³) for P signals that are kept.

    Reference:
        Li, Chu, Scheller, Gagneur, Maathuis, Root cause discovery via permutations and Cholesky decomposition, Journal
        of the Royal Statistical Society B, 2025 (Algorithm 2; arXiv 2410.12151).

    Deviations:
        The sample x is the mean over the samples after the onset, because one sample of a live system is mostly noise.
        With more signals than samples the paper selects, for each signal, others by the lasso (Algorithm 3); here the
        signals with the largest z² are kept, at a fraction of the cost. Signals that do not vary before the onset have
        no covariance and are not ranked. Signals are standardised first, so that the small number that keeps the
        covariance invertible does not depend on units.

    Example:
        >>> import numpy as np
        >>> from cluster.incident.tiny import slow_replica
        >>> from methods.cholesky import Cholesky
        >>> ranking = Cholesky().rank(slow_replica(), np.random.default_rng(0))
        >>> [scored.component for scored in ranking.components]
        ['replica-1', 'gateway', 'node', 'replica-0']
        >>> print(ranking.explanation.steps[1].claim)
        replica-1 cpu_usage stands most alone: in its best order it is 5.37 times the next; of the other components
        gateway latency_p90 comes next with a score of 0.993.
    """

    name: ClassVar[str] = "cholesky"
    family: ClassVar[Family] = Family.BEYOND

    def __init__(self, shuffles: int = 5, samples_per_signal: int = 4) -> None:
        self.shuffles = shuffles
        self.samples_per_signal = samples_per_signal

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        parts = halves(prepare(incident, fill=True), incident.onset, least_before=_LEAST_BEFORE)
        if isinstance(parts, NoRanking):
            return parts
        before, after = parts
        normal, shift, varying = _standardised(before, after)
        if len(varying) < 2:
            detail = (
                f"a covariance needs at least 2 signals that vary before the onset, the incident has {len(varying)}"
            )
            return NoRanking(Reason.NOT_APPLICABLE, detail)
        if not shift.any():
            return NO_CHANGE
        most = max(2, before.samples // self.samples_per_signal)
        kept = np.argsort(-np.abs(shift), kind="stable")[:most]
        found, orders = discover(np.cov(normal[:, kept].T), shift[kept], self.shuffles, rng)
        keys = [before.keys[varying[i]] for i in kept]
        scores = steady(dict(zip(keys, found.tolist(), strict=True)))
        z = dict(zip(keys, (shift[kept] ** 2).tolist(), strict=True))
        steps = _steps(before, after, scores, z, orders, len(varying))
        return caveats_for(by_signals(scores, Explanation(steps)), incident)


def discover(covariance: Floats, shift: Floats, shuffles: int, rng: np.random.Generator) -> tuple[Floats, int]:
    """Score P variables by one sample of an intervention on one of them, of unknown position in an unknown order.

    Args:
        covariance: (P, P) of normal samples.
        shift: (P,) the sample less the normal mean, in the same units.
        shuffles: random orders for each threshold and variable.
        rng: draws the orders.

    Returns:
        (P,) scores, and how many orders were tried.
    """
    covariance = np.atleast_2d(covariance)
    lowest = float(np.linalg.eigvalsh(covariance)[0])
    if lowest < _RIDGE:
        covariance = covariance + (abs(lowest) + _RIDGE) * np.eye(len(covariance))
    z = shift**2 / np.diag(covariance)
    orders = _orders(z, shuffles, rng)
    ordered = covariance[orders[:, :, None], orders[:, None, :]]
    whitened = np.abs(np.linalg.solve(np.linalg.cholesky(ordered), shift[orders][:, :, None])[:, :, 0])
    ascending = np.sort(whitened, axis=1)
    alone = (ascending[:, -1] - ascending[:, -2]) / np.maximum(ascending[:, -2], 1e-12)
    scores = np.zeros(len(shift))
    np.maximum.at(scores, orders[np.arange(len(orders)), np.argmax(whitened, axis=1)], alone)
    never = scores == 0
    if never.all():
        return z, len(orders)
    if never.any() and z[never].max() > 0:
        scores[never] = z[never] / z[never].max() * scores[~never].min() / 2
    return scores, len(orders)


def _orders(z: Floats, shuffles: int, rng: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.intp]]:
    """(M, P) orders of the variables, each one a permutation: below a threshold, one above it, the others above it."""
    orders = []
    tried = set()
    for threshold in _THRESHOLDS:
        above = np.nonzero(z >= threshold)[0]
        if not len(above) or len(above) in tried:
            continue
        tried.add(len(above))
        below = np.nonzero(z < threshold)[0]
        for one in above:
            rest = above[above != one]
            orders += [np.concatenate([rng.permutation(below), [one], rng.permutation(rest)]) for _ in range(shuffles)]
    if not orders:
        orders = [np.argsort(z, kind="stable")]
    return np.array(orders, dtype=np.intp)


def _standardised(before: SignalMatrix, after: SignalMatrix) -> tuple[Floats, Floats, list[int]]:
    """(T0, V) standardised samples before the onset, (V,) mean shift after it, and which V of N signals vary before."""
    scale = np.maximum(np.abs(before.values).max(axis=0), np.abs(after.values).max(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    early, late = before.values / scale, after.values / scale
    mean, spread = early.mean(axis=0), early.std(axis=0, ddof=1)
    varying = [int(i) for i in np.nonzero(spread > 1e-9)[0]]
    chosen = spread[varying]
    return (
        (early[:, varying] - mean[varying]) / chosen,
        (late[:, varying].mean(axis=0) - mean[varying]) / chosen,
        varying,
    )


def _steps(
    before: SignalMatrix,
    after: SignalMatrix,
    scores: dict[tuple[str, str], float],
    z: dict[tuple[str, str], float],
    orders: int,
    varying: int,
) -> tuple[Step, ...]:
    order = sorted(scores, key=lambda key: (-scores[key], key))
    start, end = float(after.times[0]), float(after.times[-1]) + after.step
    rows: list[tuple[Cell, ...]] = [(*key, scores[key], z[key]) for key in order[:_SHOWN]]
    first = order[0]
    claim = f"{' '.join(first)} stands most alone: in its best order it is {number(scores[first] + 1)} times the next"
    other = next((key for key in order if key[0] != first[0]), None)
    if other:
        claim += f"; of the other components {' '.join(other)} comes next with a score of {number(scores[other])}"
    return (
        Step(
            "Covariance before the onset",
            f"{counted(before.samples, 'sample')} before the onset allow for {len(scores)} of {varying} signals: those "
            f"whose mean moved most.",
            {"samples_before": before.samples, "signals": len(scores), "varying": varying},
        ),
        Step(
            "Alone in some order",
            f"{claim}.",
            {"orders": orders, "score": scores[first]},
            table=Table(("component", "signal", "score", "z²"), tuple(rows)),
            pointers=tuple(after.pointer(key, start, end) for key in order[:3]),
        ),
    )
