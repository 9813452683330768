"""One ranking out of many: the Borda count for partial rankings with ties.

Every method is a voter that ranks some of the candidates. With m candidates, a voter gives each candidate the number of
candidates that it beats, plus half for each that it ties with, over m - 1. Candidates that a voter leaves out are tied
at the end of its ballot: they beat nobody, tie with each other, and lose to all that it ranks. Voters that read one
causal graph, by PageRank and by a walk, share a vote: their ballots repeat each other's errors. The consensus score is
the weighted mean over the voters, between 0 and 1; 0.5 is what chance gives.

Why this rule: it takes ballots that are short and tied, as many methods' are, without inventing an order; it treats
voters and candidates alike; and it satisfies consistency (two groups of methods that agree on a winner agree on it
together), which no Condorcet rule does. The optimal alternative, Kemeny's, is NP-hard, and the Borda count is within a
factor 5 of it (Coppersmith, Fleischer, Rudra 2006).

Attribution. Let an absent voter count as one that ties all candidates, so that each gets 0.5 from it. Then the score is
0.5 plus a sum with one term a voter, (share - 0.5) × weight / sum of weights, and a voter's Shapley value is its own
term: the attribution is exact and needs no sampling.

Reference: de Borda, Mémoire sur les élections au scrutin, 1781; ties and short ballots as in Emerson, The original
Borda count and partial voting, Social Choice and Welfare 2013, and Dwork et al., Rank aggregation methods for the Web,
WWW 2001.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cluster.display import Displayable
from methods.answer.ranking import Places
from methods.answer.types import ComponentScore, Outcome, Ranking

# Random guesses do not vote, nor does the contrast, which is no method, nor the families `serving` (the tool's own) and
# `beyond`, which stand beside the consensus of the study's. A test holds the names to the catalogue's families.
NO_VOTE = frozenset(
    {
        "dummy",
        "contrast",
        "serving",
        "prism",
        "score_ordering",
        "smooth_traversal",
        "idi",
        "cholesky",
        "anomaly_attribution",
    }
)
_GRAPH_OF = {
    f"{graph}_{reading}": graph
    for graph in ("pc", "fci", "granger", "lingam")
    for reading in ("pagerank", "randomwalk")
}
CHANCE = 0.5
"""The score that an order drawn at random gives on average."""


@dataclass(frozen=True, slots=True)
class Consensus(Displayable):
    """Attributes:
    components: by falling score; equal scores share a rank. Empty when nobody voted.
    voters: methods that ranked.
    agree: voters whose first place holds a first place of the consensus.
    dissent: (voter, the components that it ranks first) for the others.
    contributions: voter -> component -> what that voter added to the component's score. They sum to the score less 0.5.
    """

    components: tuple[ComponentScore, ...]
    voters: tuple[str, ...]
    agree: tuple[str, ...]
    dissent: tuple[tuple[str, tuple[str, ...]], ...]
    contributions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def top(self) -> tuple[str, ...]:
        return tuple(c.component for c in self.components if c.rank == 1)

    @property
    def claim(self) -> str:
        """One sentence for the operator."""
        if not self.voters:
            return "No method has ranked yet."
        agree, voters = len(self.agree), len(self.voters)
        blame = "blames" if agree == 1 else "blame"
        sentence = f"{agree} of {voters} methods that ranked {blame} {' or '.join(self.top)} first"
        if 2 * agree <= voters:
            sentence = f"No majority: weak. {sentence}"
        blamed: dict[str, int] = {}
        for _, others in self.dissent:
            for other in others:
                blamed[other] = blamed.get(other, 0) + 1
        others_said = ", ".join(
            f"{name} ({count})" for name, count in sorted(blamed.items(), key=lambda b: (-b[1], b[0]))
        )
        return f"{sentence}; the others say {others_said}." if others_said else f"{sentence}."

    def drivers(self) -> tuple[tuple[str, float], ...]:
        """(voter, what it added to the lead), the largest first: empty where there is no single first and a second.

        The lead is the score of the first over that of the second; the parts sum to it.
        """
        if len(self.top) != 1 or len(self.components) < 2:
            return ()
        first, second = self.components[0].component, self.components[1].component
        parts = {voter: shares[first] - shares[second] for voter, shares in self.contributions.items()}
        return tuple(sorted(parts.items(), key=lambda part: (-part[1], part[0])))


class Tally:
    """Ballots counted as they come: an answer costs its own Borda count, whatever has been counted before.

    Args:
        candidates: component ids of the incident.
        asked: methods of `NO_VOTE` that vote here, because the user named them.

    >>> tally = Tally(["a", "b", "c"])
    >>> tally.cast("baro", [("b", 1), ("a", 2)])
    >>> tally.cast("nsigma", [("b", 1)])
    >>> [(c.component, c.score) for c in tally.consensus.components]
    [('b', 1.0), ('a', 0.375), ('c', 0.125)]
    """

    def __init__(self, candidates: Sequence[str], asked: Collection[str] = ()) -> None:
        self._candidates = candidates
        self._silent = NO_VOTE - set(asked)
        self._points: dict[str, dict[str, int]] = {}
        self._first: dict[str, tuple[str, ...]] = {}

    def add(self, method: str, outcome: Outcome) -> None:
        """Count the answer of one method. NoRanking and methods without a vote change nothing."""
        if isinstance(outcome, Ranking):
            self.cast(method, [(c.component, c.rank) for c in outcome.components])

    def cast(self, method: str, places: Places) -> None:
        """Count the (component, rank) pairs of one method, the best first. Raises ValueError for a second ballot."""
        if method in self._silent:
            return
        if method in self._points:
            raise ValueError(f"{method} has voted already")
        points = _half_points(places, self._candidates)
        self._points[method] = points
        self._first[method] = tuple(component for component, rank in places if rank == 1)

    @property
    def consensus(self) -> Consensus:
        """The ranking by what has been counted so far; voters are listed by name, whatever the order of counting."""
        voters = tuple(sorted(self._points))
        if not voters:
            return Consensus((), (), (), ())
        most = 2 * max(len(self._candidates) - 1, 1)
        weights = _weights(voters)
        whole = sum(weights.values())
        totals = {c: sum(weights[voter] * self._points[voter][c] for voter in voters) for c in self._candidates}
        ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
        components = tuple(
            # Totals are whole numbers, so that equal candidates tie exactly.
            ComponentScore(c, round(total / (most * whole), 12), 1 + sum(o > total for o in totals.values()))
            for c, total in ordered
        )
        contributions = {
            voter: {c: (count / most - CHANCE) * weights[voter] / whole for c, count in self._points[voter].items()}
            for voter in voters
        }
        top = {c.component for c in components if c.rank == 1}
        agree = tuple(voter for voter in voters if top & set(self._first[voter]))
        dissent = tuple((voter, self._first[voter]) for voter in voters if voter not in agree)
        return Consensus(components, voters, agree, dissent, contributions)


def consensus(ballots: Iterable[tuple[str, Outcome]], candidates: Sequence[str]) -> Consensus:
    """The consensus of (method, outcome) pairs over the incident's candidates.

    Methods without a ranking and those in `NO_VOTE` do not vote.
    """
    tally = Tally(candidates)
    for method, outcome in ballots:
        tally.add(method, outcome)
    return tally.consensus


def _weights(voters: Sequence[str]) -> dict[str, int]:
    """Whole numbers in the ratio of the votes: one vote for each graph that is read, one for every other voter."""
    readings = Counter(_GRAPH_OF.get(voter, voter) for voter in voters)
    least = math.lcm(*readings.values())
    return {voter: least // readings[_GRAPH_OF.get(voter, voter)] for voter in voters}


def _half_points(ballot: Places, candidates: Sequence[str]) -> dict[str, int]:
    """Candidate -> two for each other that it beats, one for each that it ties with."""
    places = dict.fromkeys(candidates, len(candidates) + 1) | dict(ballot)
    points = {}
    for candidate in candidates:
        beaten = sum(places[other] > places[candidate] for other in candidates)
        tied = sum(places[other] == places[candidate] for other in candidates) - 1
        points[candidate] = 2 * beaten + tied
    return points
