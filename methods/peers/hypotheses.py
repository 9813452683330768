"""Who is at fault: one component, a pair of peers, or nobody, each with its probability."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from cluster.window import Onset, OnsetCandidate, OnsetSource
from methods.peers.evidence import Evidence, Weights
from methods.telemetry.matrix import Floats

Hypothesis: TypeAlias = frozenset[str]
NOBODY: Hypothesis = frozenset()

MOST_PAIRED = 6
"""Pairs are looked for among this many components of a group: the likeliest."""
SURE = 0.9
"""Probability of an onset near the one that an operator has set; the rest is spread over all stretches."""
SUPPOSED = 0.5
"""The same near the time that an alert gives."""
OFF = 120.0
"""Seconds by which that time may be off."""
OLDER = 0.1
"""Probability that trouble is older than the recording, of which most are taken so that it is not."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Attributes:
    probability: hypothesis -> probability; they sum to 1.
    stretch: hypothesis -> index of its likeliest stretch; none for nobody.
    """

    probability: Mapping[Hypothesis, float]
    stretch: Mapping[Hypothesis, int]

    @property
    def nobody(self) -> float:
        return self.probability[NOBODY]

    @property
    def likely(self) -> tuple[Hypothesis, ...]:
        """Hypotheses by falling probability; of equals, the first by id."""
        return tuple(sorted(self.probability, key=lambda h: (-self.probability[h], sorted(h))))

    @property
    def best(self) -> Hypothesis:
        return self.likely[0]

    def of(self, component: str) -> float:
        """Probability that the component is at fault, alone or with another."""
        return self._of.get(component, 0)

    @cached_property
    def _of(self) -> Mapping[str, float]:
        found: dict[str, float] = {}
        for hypothesis, p in self.probability.items():
            for component in hypothesis:
                found[component] = found.get(component, 0) + p
        return found


@dataclass(frozen=True, eq=False)
class Support:
    """Log evidence of each hypothesis, before the price of several and of nobody."""

    evidence: Mapping[Hypothesis, float]
    stretch: Mapping[Hypothesis, int]

    def posterior(self, weights: Weights) -> Posterior:
        odds = {h: value - weights.several * (len(h) > 1) for h, value in self.evidence.items()}
        odds[NOBODY] = weights.nobody
        largest = max(odds.values())
        whole = sum(math.exp(value - largest) for value in odds.values())
        return Posterior({h: math.exp(value - largest) / whole for h, value in odds.items()}, self.stretch)


def support(evidence: Evidence, onset: Onset | None, candidates: Sequence[OnsetCandidate] = ()) -> Support:
    """Evidence of single components and of pairs of peers, averaged over the stretches.

    Args:
        onset: used where an operator or the evaluation gave it. An estimate comes from the SLI and is no second
            opinion on the signals that are compared here.
        candidates: of the search for an onset, where nothing but each component's own past is compared: then what
            users felt says when it is worth while to look.
    """
    prior = _prior(evidence, onset, candidates)
    names = list(evidence.total)
    weighted = np.stack([evidence.total[name] for name in names]) + prior
    singles = dict(zip(names, _log_sum(weighted), strict=True))
    found = {frozenset({name}): float(value) for name, value in singles.items()}
    stretch = {frozenset({name}): int(at) for name, at in zip(names, weighted.argmax(axis=1), strict=True)}
    for group in evidence.groups:
        suspects = sorted((c for c in group.members if singles[c] > 0), key=lambda c: (-singles[c], c))[:MOST_PAIRED]
        for pair in itertools.combinations(suspects, 2):
            both = evidence.total[pair[0]] + evidence.total[pair[1]] + prior
            found[frozenset(pair)] = float(_log_sum(both[None])[0])
            stretch[frozenset(pair)] = int(both.argmax())
    return Support(found, stretch)


def _prior(evidence: Evidence, onset: Onset | None, candidates: Sequence[OnsetCandidate]) -> Floats:
    """(A,) log probability of each stretch: all alike, or near a given onset; vaguely near one that was noticed."""
    first, edges, older = evidence.among.first, evidence.blocks.edges, evidence.among.older
    alike = np.where(older, OLDER / max(older.sum(), 1), (1 - OLDER) / max((~older).sum(), 1))
    block = edges[1] - edges[0]
    if onset is not None and onset.source is not OnsetSource.ESTIMATED:
        sure, off = (SUPPOSED, max(block, OFF)) if onset.source is OnsetSource.NOTICED else (SURE, block)
        spread = sure * _near(evidence, onset.time, onset.time, off)
    else:
        sure = sum(candidate.probability for candidate in candidates)
        near = (c.probability * _near(evidence, c.earliest, c.latest, block) for c in candidates)
        spread = sum(near, np.zeros(len(first)))
    prior: Floats = np.log((1 - sure) * alike + spread)
    return prior


def _near(evidence: Evidence, earliest: float, latest: float, off: float) -> Floats:
    """(A,) probability of each stretch if the trouble began between two times, give or take `off` seconds."""
    starts = evidence.blocks.edges[evidence.among.first]
    distance = np.maximum(np.maximum(earliest - starts, starts - latest), 0.0) / off
    # Against the nearest start, so that an onset outside of the window leaves a prior.
    near: Floats = np.exp(-np.maximum(distance - 1, 0.0) + np.maximum(distance.min() - 1, 0.0))
    near /= near.sum()
    return near


def _log_sum(values: Floats) -> Floats:
    """(N,) log of the sum of exponentials along the second axis."""
    largest = values.max(axis=1)
    total: Floats = largest + np.log(np.exp(values - largest[:, None]).sum(axis=1))
    return total
