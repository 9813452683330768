"""How far two rankings agree: rank-biased overlap, with ties, over one set of candidates.

    overlap = sum over depth d of p^(d-1) A_d / sum over d of p^(d-1)

`A_d` compares who is among the first d. A component in a tie of g at the ranks r .. r + g - 1 is there with probability
clamp((d - r + 1) / g, 0, 1), as in `methods.evaluation.measures`; A_d is the cosine of the two vectors of these
probabilities. Equal rankings therefore give 1, with or without ties, and the first places count most. Components that
are not ranked tie at the end.

Reference: Webber, Moffat, Zobel, A similarity measure for indefinite rankings, TOIS 2010; here the lists are whole, so
no extrapolation is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from methods.answer.ranking import Places
from methods.answer.types import ComponentScore, NoRanking, Outcome

PERSISTENCE = 0.7
"""Probability of reading on from one place to the next: the first three places carry most of the weight."""


def places(components: Sequence[ComponentScore]) -> Places:
    """(component, rank) pairs of a ranking or of the consensus."""
    return [(c.component, c.rank) for c in components]


def overlap(first: Places, second: Places, candidates: Sequence[str], p: float = PERSISTENCE) -> float:
    """Agreement of two rankings of the same candidates, (component, rank) pairs each, from 0 to 1."""
    ours, theirs = _membership(first, candidates), _membership(second, candidates)
    products = np.sum(ours * theirs, axis=1)
    lengths = np.sqrt(np.sum(ours**2, axis=1) * np.sum(theirs**2, axis=1))
    return _weighted(products / lengths, p)


def agreement(one: Outcome, other: Outcome, candidates: Sequence[str]) -> float | None:
    """Overlap of two outcomes; None where one of them has no ranking."""
    if isinstance(one, NoRanking) or isinstance(other, NoRanking):
        return None
    return overlap(places(one.components), places(other.components), candidates)


def by_chance(candidates: int, p: float = PERSISTENCE) -> float:
    """Mean overlap of a random order with any order without ties."""
    return _weighted(np.arange(1, candidates + 1) / candidates, p)


def _weighted(agreement: NDArray[np.float64], p: float) -> float:
    weights = p ** np.arange(len(agreement))
    return float(np.sum(weights * agreement) / math.fsum(weights))


def _membership(ranked: Places, candidates: Sequence[str]) -> NDArray[np.float64]:
    """(depths, candidates): the probability that each is among the first 1, 2, ..."""
    known = set(candidates)
    ranks = {component: rank for component, rank in ranked if component in known}
    last = len(ranks) + 1
    at = np.array([ranks.get(c, last) for c in candidates])
    group = np.sum(at[:, None] == at[None, :], axis=1)
    depths = np.arange(1, len(candidates) + 1)[:, None]
    return np.asarray(np.clip((depths - at[None, :] + 1) / group[None, :], 0.0, 1.0), dtype=np.float64)
