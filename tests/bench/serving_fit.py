"""The parameters of `serving` by maximum likelihood of the truth, leaving one kind of fault out.

Each parameter is varied alone around the shipped values, and the likeliest value of each is taken. The evidence of all
trials is computed once for each value, whichever kind is left out. `nobody` and `several` only weigh it, so all of
their values are tried for each.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence

from methods.answer.types import NoRanking
from methods.peers.evidence import Weights
from methods.peers.hypotheses import Support, support
from methods.peers.judgement import judge
from tests.bench.serving_cases import HEALTHY, Answer, Trial, by_serving
from tests.bench.tables import tell

GRID = {
    "share": (0.2, 0.4, 0.6),
    "slab": (7.0, 15.0, 30.0),
    "tails": (4.0, 7.0, 12.0),
    "floor": (0.05, 0.1, 0.2),
    "follow": (0.25, 0.5, 1.0),
}
NOBODY = (1.25, 2.25, 3.25, 4.25, 5.25)
SEVERAL = (3.5, 5.5, 7.5)
LEAST = 1e-4
"""Probability of the truth, at least: one trial that is quite wrong must not decide everything."""


def unseen(trials: Sequence[Trial]) -> Iterator[tuple[str, Weights, list[Answer]]]:
    """(kind, weights fitted without it, answers on its drills and their healthy stretches) for each kind of fault.

    Nothing is fitted on drills that are only to be scored.
    """
    varied = {(n, v): dataclasses.replace(Weights(), **{n: v}) for n, values in GRID.items() for v in values}
    supports = {weights: _supports(trials, weights) for weights in dict.fromkeys(varied.values())}
    points = {point: supports[weights] for point, weights in varied.items()}
    for kind in sorted({trial.kind for trial in trials} - {HEALTHY}):
        drills = {trial.drill for trial in trials if trial.kind == kind}
        used = [i for i, trial in enumerate(trials) if trial.drill not in drills and not trial.scored]
        weights = _best(trials, points, used)
        tell(f"  without {kind}: {weights}")
        yield kind, weights, [by_serving(trial, weights) for trial in trials if trial.drill in drills]


def _best(
    trials: Sequence[Trial], points: dict[tuple[str, float], list[Support | None]], used: Sequence[int]
) -> Weights:
    chosen = Weights()
    for name, values in GRID.items():
        scores = {value: _weighed(trials, points[name, value], used)[0] for value in values}
        shipped = getattr(Weights(), name)
        chosen = dataclasses.replace(chosen, **{name: max(values, key=lambda v: (scores[v], v == shipped))})
    at_shipped = _weighed(trials, points["share", Weights().share], used)
    return dataclasses.replace(chosen, nobody=at_shipped[1], several=at_shipped[2])


def _weighed(
    trials: Sequence[Trial], supports: Sequence[Support | None], used: Sequence[int]
) -> tuple[float, float, float]:
    """(mean log likelihood of the truth, nobody, several) with the likeliest of these two."""
    return max(
        (_likelihood(trials, supports, used, Weights(nobody=nobody, several=several)), nobody, several)
        for nobody, several in itertools.product(NOBODY, SEVERAL)
    )


def _likelihood(
    trials: Sequence[Trial], supports: Sequence[Support | None], used: Sequence[int], weights: Weights
) -> float:
    total = 0.0
    for i in used:
        known = supports[i]
        truth = 0.0 if known is None else known.posterior(weights).probability.get(trials[i].true, 0.0)
        total += math.log(max(truth, LEAST))
    return total / len(used)


def _supports(trials: Sequence[Trial], weights: Weights) -> list[Support | None]:
    tell(f"  {weights}")
    judged = [judge(trial.incident, weights) for trial in trials]
    return [None if isinstance(one, NoRanking) else support(one.evidence, None) for one in judged]
