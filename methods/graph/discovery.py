"""Causal discovery: each algorithm's graph over an incident's signals, and its evidence as explanation steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cluster.text.quantities import number
from methods.answer.types import NoRanking, Reason, Step, Table
from methods.answer.wording import counted
from methods.graph.fci import fci
from methods.graph.granger import f_test, false_discovery
from methods.graph.lingam import NotConverged, ica_lingam
from methods.graph.mixed import Marks, directed
from methods.graph.pc import pc
from methods.graph.signals import MOST_SIGNALS, Signals
from methods.graph.skeleton import Skeleton, TooManyTests
from methods.telemetry.matrix import Floats

SHOWN = 10
MOST_TESTED = 250
"""Signals that PC and FCI compare: all triples of more exceed their budget of tests."""


@dataclass(frozen=True, eq=False)
class Discovery:
    """The causal graph that one algorithm found.

    Attributes:
        algorithm: its name in a sentence ("PC").
        marks: (N, N), see `methods.graph.mixed`.
        weights: (N, N) symmetric, the weight to show at an edge.
        evidence: makes the algorithm's own steps, given the relevance of each node, (N,).
    """

    algorithm: str
    marks: Marks
    weights: Floats
    evidence: Callable[[Floats], tuple[Step, ...]]


@dataclass(frozen=True, slots=True)
class Pc:
    """PC: the graph without hidden causes that fits the independence tests (a CPDAG).

    Attributes:
        alpha: level of each Fisher-z test.
    """

    alpha: float

    def most(self, samples: int) -> int:
        return MOST_TESTED

    def __call__(self, signals: Signals, rng: np.random.Generator) -> Discovery | NoRanking:
        """NoRanking(NOT_APPLICABLE) when the search would take too many tests."""
        try:
            graph = pc(signals.correlation, signals.samples, self.alpha)
        except TooManyTests as error:
            return NoRanking(Reason.NOT_APPLICABLE, f"PC: {error}")
        return Discovery(
            "PC",
            graph.marks,
            np.abs(signals.correlation),
            lambda relevance: (separation_step(signals, graph.skeleton, self.alpha, relevance),),
        )


@dataclass(frozen=True, slots=True)
class Fci:
    """FCI: the graph that fits the independence tests, hidden common causes allowed (a PAG).

    Attributes:
        alpha: level of each Fisher-z test.
    """

    alpha: float

    def most(self, samples: int) -> int:
        return MOST_TESTED

    def __call__(self, signals: Signals, rng: np.random.Generator) -> Discovery | NoRanking:
        """NoRanking(NOT_APPLICABLE) when the search would take too many tests."""
        try:
            graph = fci(signals.correlation, signals.samples, self.alpha)
        except TooManyTests as error:
            return NoRanking(Reason.NOT_APPLICABLE, f"FCI: {error}")

        def evidence(relevance: Floats) -> tuple[Step, ...]:
            removed = graph.beyond_neighbours
            claim = (
                f"Conditioning on signals beyond the neighbours, for possible hidden causes, removes "
                f"{counted(len(removed), 'more edge')}."
            )
            example = max(removed, key=lambda pair: relevance[list(pair)].sum(), default=None)
            if example is not None:
                found = graph.skeleton.separations[example]
                x, y = (signals.names[i] for i in example)
                given = ", ".join(signals.names[i] for i in found.given)
                claim += f" {x} and {y} correlate by only {number(found.correlation)} given {given}."
            hidden = Step("Hidden causes", claim, {"edges_removed": len(removed)})
            return separation_step(signals, graph.skeleton, self.alpha, relevance), hidden

        return Discovery("FCI", graph.marks, np.abs(signals.correlation), evidence)


@dataclass(frozen=True, slots=True)
class Granger:
    """Granger causality: i → j where the past of i improves the prediction of j.

    Attributes:
        lags: largest number of past samples in a prediction.
        rate: share of false edges among those drawn (Benjamini-Hochberg).
    """

    lags: int
    rate: float

    def most(self, samples: int) -> int:
        return MOST_SIGNALS

    def __call__(self, signals: Signals, rng: np.random.Generator) -> Discovery | NoRanking:
        """NoRanking(NOT_APPLICABLE) when no pair of signals can be tested."""
        tests = [f_test(signals.values, lag) for lag in range(1, self.lags + 1)]
        each = np.stack([p for _, p in tests])
        if not any(np.isfinite(f).any() for f, _ in tests):
            return NoRanking(
                Reason.NOT_APPLICABLE,
                f"Granger: no pair of signals can be tested with {signals.samples} samples and up to {self.lags} lags",
            )
        # Bonferroni over the lag orders that could be tested.
        usable = int(sum(np.isfinite(f).any() for f, _ in tests))
        p_values = np.minimum(1.0, usable * each.min(axis=0))
        causes = false_discovery(p_values, self.rate).T
        strength = np.where(causes, -np.log10(np.maximum(p_values.T, 1e-300)), 0.0)

        def evidence(relevance: Floats) -> tuple[Step, ...]:
            pairs = [(int(i), int(j)) for i, j in zip(*np.nonzero(causes), strict=True)]
            pairs.sort(key=lambda pair: (-(relevance[pair[0]] + relevance[pair[1]]), p_values[pair[1], pair[0]]))
            rows = []
            for i, j in pairs[:SHOWN]:
                lag = int(np.argmin(each[:, j, i]))
                rows.append(
                    (signals.names[i], signals.names[j], lag + 1, float(tests[lag][0][j, i]), float(each[lag, j, i]))
                )
            claim = (
                f"In {len(pairs)} of {signals.count * (signals.count - 1)} ordered pairs, the past of the first signal "
                f"improves the prediction of the second beyond its own past."
            )
            if rows:
                cause, effect, lag, f, p = rows[0]
                claim += f" {cause} predicts {effect} with {counted(lag, 'lag')}: F = {number(f)}, p = {number(p)}."
            numbers = {
                "pairs": signals.count * (signals.count - 1),
                "passed": len(pairs),
                "false_discovery_rate": self.rate,
            }
            finite = tuple(
                tuple(c if not isinstance(c, float) or np.isfinite(c) else None for c in row) for row in rows
            )
            table = Table(("cause", "effect", "lags", "F", "p"), finite)
            pointers = tuple(signals.pointer(i) for i in pairs[0]) if pairs else ()
            return (Step("Which past predicts", claim, numbers, table=table, pointers=pointers),)

        return Discovery("Granger causality", directed(causes), np.maximum(strength, strength.T), evidence)


class Lingam:
    """ICA-LiNGAM: linear effects with non-Gaussian noise, small effects pruned."""

    def most(self, samples: int) -> int:
        # With fewer than two samples a signal, the components that ICA finds are noise.
        return max(2, samples // 2)

    def __call__(self, signals: Signals, rng: np.random.Generator) -> Discovery | NoRanking:
        """NoRanking(NOT_APPLICABLE) with too few samples, NoRanking(NOT_CONVERGED) when ICA does not converge."""
        try:
            graph = ica_lingam(signals.values, rng)
        except ValueError as error:
            return NoRanking(Reason.NOT_APPLICABLE, f"LiNGAM: {error}")
        except NotConverged as error:
            return NoRanking(Reason.NOT_CONVERGED, f"LiNGAM: {error}")
        weights = np.abs(graph.effects)

        def evidence(relevance: Floats) -> tuple[Step, ...]:
            position = {int(node): place for place, node in enumerate(graph.order)}
            ends = [(int(i), int(j)) for j, i in zip(*np.nonzero(graph.effects), strict=True)]
            ends.sort(key=lambda pair: (-(relevance[pair[0]] + relevance[pair[1]]), -weights[pair[1], pair[0]]))
            rows = tuple(
                (signals.names[i], signals.names[j], float(graph.effects[j, i]), position[i] + 1, position[j] + 1)
                for i, j in ends[:SHOWN]
            )
            first = ", ".join(signals.names[int(i)] for i in graph.order[:3])
            claim = f"The causal order starts with {first}. {counted(len(ends), 'effect')} left after pruning."
            if rows:
                claim += f" One standard deviation of {rows[0][0]} moves {rows[0][1]} by {number(rows[0][2])}."
            if graph.left_out:
                claim += f" {counted(len(graph.left_out), 'linear combination')} of other signals left out."
            numbers = {"effects": len(ends), "left_out": len(graph.left_out), "iterations": graph.iterations}
            table = Table(("cause", "effect", "effect size", "cause's place", "effect's place"), rows)
            pointers = tuple(signals.pointer(i) for i in ends[0]) if ends else ()
            return (Step("Causal order", claim, numbers, table=table, pointers=pointers),)

        return Discovery("LiNGAM", directed((graph.effects != 0).T), np.maximum(weights, weights.T), evidence)


def separation_step(signals: Signals, found: Skeleton, alpha: float, relevance: Floats) -> Step:
    """Pairs of signals that correlate, but are independent given others."""
    conditional = [pair for pair, why in found.separations.items() if why.given]
    strength = np.abs(signals.correlation)
    conditional.sort(key=lambda pair: -strength[pair] * (relevance[pair[0]] + relevance[pair[1]]))
    rows = []
    for x, y in conditional[:SHOWN]:
        why = found.separations[x, y]
        given = ", ".join(signals.names[i] for i in why.given)
        rows.append(
            (
                signals.names[x],
                signals.names[y],
                float(signals.correlation[x, y]),
                given,
                why.correlation,
                why.threshold,
            )
        )
    pairs = signals.count * (signals.count - 1) // 2
    claim = (
        f"{counted(found.tests, 'test')} at level {alpha} separate {len(found.separations)} of {pairs} pairs of "
        f"signals, {len(conditional)} of them only given up to {max(found.depth, 0)} other signals."
    )
    if rows:
        first, second, raw, given, partial, bound = rows[0]
        claim += (
            f" {first} and {second} correlate by {number(raw)}, but given {given} only by {number(partial)} "
            f"(threshold {number(bound)})."
        )
    if found.unfinished:
        claim += (
            f" The search stopped there: {counted(found.unfinished, 'test')} given {found.depth + 1} signals "
            "exceed the budget, so some edges may be indirect."
        )
    numbers = {"tests": found.tests, "alpha": alpha, "depth": found.depth, "unfinished": found.unfinished}
    table = Table(("signal", "other", "correlation", "given", "partial correlation", "threshold"), tuple(rows))
    pointers = tuple(signals.pointer(i) for i in conditional[0]) if conditional else ()
    return Step("Separating sets", claim, numbers, table=table, pointers=pointers)
