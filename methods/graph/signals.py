"""The input of graph methods: distinct, varying signals without gaps, and their correlation.

Given its copy (identical, or perfectly correlated up to sign), a signal is independent of everything else. So one
signal of each group of copies represents the group, and all of them get its score.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cluster.incident.model import Incident
from methods.answer.types import NoRanking, Pointer, Reason, Step
from methods.answer.wording import counted
from methods.graph.screening import Screened, screen
from methods.telemetry.matrix import Floats, Key, SignalMatrix, prepare

LEAST_SAMPLES = 8
MOST_SIGNALS = 1000
"""As many as are compared where an algorithm cannot take fewer: N² pairs."""
COPY = 1 - 1e-9


@dataclass(frozen=True, eq=False)
class Signals:
    """N distinct signals over T samples.

    Attributes:
        matrix: T × N, gaps filled, in the signals' own units.
        values: (T, N) standardised: mean 0, population standard deviation 1.
        groups: for each column the (component, signal) pairs that it represents, itself first.
        constant: number of constant signals that were left out.
        screened: what was left out besides, because there were too many.
    """

    matrix: SignalMatrix
    values: Floats
    groups: tuple[tuple[Key, ...], ...]
    constant: int
    screened: Screened | None = None

    @property
    def samples(self) -> int:
        return len(self.values)

    @property
    def count(self) -> int:
        return len(self.groups)

    @cached_property
    def correlation(self) -> Floats:
        """(N, N) Pearson, exactly symmetric with ones on the diagonal."""
        return correlate(self.values)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{component}:{signal}" for component, signal in self.matrix.keys)

    @property
    def window(self) -> tuple[float, float]:
        """(first time, last time + step): the window of every pointer."""
        return float(self.matrix.times[0]), float(self.matrix.times[-1]) + self.matrix.step

    def pointer(self, column: int) -> Pointer:
        return self.matrix.pointer(self.matrix.keys[column], *self.window)

    def ranked(self, left_out: frozenset[Key]) -> NDArray[np.bool_]:
        """(N,) whether a column represents any signal that is not in `left_out`."""
        return np.array([not left_out.issuperset(group) for group in self.groups], dtype=np.bool_)

    def spread(self, scores: Floats, left_out: frozenset[Key] = frozenset()) -> dict[Key, float]:
        """(N,) scores for every signal that is not in `left_out`: copies share theirs.

        Rounded, so that ties are not told apart by rounding.
        """
        return {
            key: float(f"{score:.10g}")
            for group, score in zip(self.groups, scores, strict=True)
            for key in group
            if key not in left_out
        }

    def steps(self) -> tuple[Step, ...]:
        """The first steps of an explanation: what was left out, if anything was, and which signals were compared."""
        return (self._compared(),) if self.screened is None else (self.screened.step(), self._compared())

    def _compared(self) -> Step:
        copies = sum(len(group) - 1 for group in self.groups)
        claim = f"{self.count} varying signals over {counted(self.samples, 'sample')}."
        if self.constant:
            left_out = "signal is" if self.constant == 1 else "signals are"
            claim += f" {self.constant} constant {left_out} left out: a constant is neither cause nor effect."
        if copies:
            example = next(group for group in self.groups if len(group) > 1)
            pair = " and ".join(f"{component}:{signal}" for component, signal in example[:2])
            told = "signal is a copy of another one" if copies == 1 else "signals are copies of another one"
            claim += f" {copies} {told} ({pair}) and {'shares' if copies == 1 else 'share'} its score."
        numbers = {"signals": self.count, "samples": self.samples, "constant": self.constant, "copies": copies}
        return Step("Signals compared", claim, numbers)


def correlate(values: Floats) -> Floats:
    """(N, N) Pearson correlation of standardised (T, N) values, exactly symmetric with ones on the diagonal."""
    raw = values.T @ values / len(values)
    correlation: Floats = np.clip((raw + raw.T) / 2, -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def distinct(incident: Incident, least_samples: int = LEAST_SAMPLES, most: int = MOST_SIGNALS) -> Signals | NoRanking:
    """The signals for a graph method, `most` at most; NoRanking(NOT_APPLICABLE) with too few samples or signals."""
    everything = prepare(incident, fill=True)
    if everything.samples < least_samples:
        sentence = f"a causal graph needs at least {least_samples} samples, the incident has {everything.samples}"
        return NoRanking(Reason.NOT_APPLICABLE, sentence)
    varying = everything.varying()
    if varying.signals < 2:
        sentence = f"a causal graph needs at least 2 varying signals, the incident has {varying.signals}"
        return NoRanking(Reason.NOT_APPLICABLE, sentence)
    chosen, screened = screen(varying, incident, most)
    unique, groups = chosen.unique()
    values = unique.standardized()
    correlation = correlate(values)
    first = np.argmax(np.abs(correlation) >= COPY, axis=0)
    # Only a column that is nobody's copy represents others; chains of near copies end at the first.
    kept = [i for i in range(unique.signals) if first[i] == i]
    members: dict[int, list[Key]] = {i: [] for i in kept}
    for i, group in enumerate(groups):
        root = i
        while first[root] != root:
            root = int(first[root])
        members[root].extend(group)
    if len(kept) < 2:
        sentence = "all signals are copies of each other, so a causal graph cannot distinguish them"
        return NoRanking(Reason.NOT_APPLICABLE, sentence)
    constant = everything.signals - varying.signals
    return Signals(unique.columns(kept), values[:, kept], tuple(tuple(members[i]) for i in kept), constant, screened)
