"""One ranking out of many: the Borda count for partial rankings with ties.

Every method is a voter that ranks some of the candidates. With m candidates, a voter gives each candidate the number of
candidates that it beats, plus half for each that it ties with, over m - 1. Candidates that a voter leaves out are tied
at the end of its ballot: they beat nobody, tie with each other, and lose to all that it ranks. The consensus score is
the mean over the voters, between 0 and 1; 0.5 is what chance gives.

Why this rule: it takes ballots that are short and tied, as many methods' are, without inventing an order; it treats
voters and candidates alike; and it satisfies consistency (two groups of methods that agree on a winner agree on it
together), which no Condorcet rule does. The optimal alternative, Kemeny's, is NP-hard, and the Borda count is within a
factor 5 of it (Coppersmith, Fleischer, Rudra 2006).

Who drove it. Let a voter that stays away count as one that ties all candidates, so that each gets 0.5 from it. Then the
score is 0.5 plus a sum with one term a voter, (share - 0.5) / voters, and a voter's Shapley value is its own term: the
attribution is exact and needs no sampling.

Reference: de Borda, Mémoire sur les élections au scrutin, 1781; ties and short ballots as in Emerson, The original
Borda count and partial voting, Social Choice and Welfare 2013, and Dwork et al., Rank aggregation methods for the Web,
WWW 2001.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cluster.display import Document, Shown
from methods.answer.ranking import Places
from methods.answer.types import ComponentScore, Outcome, Ranking

# Guesses do not vote, nor does what belongs to no method.
NO_VOTE = frozenset({"dummy", "contrast"})
CHANCE = 0.5
"""The score that an order drawn at random gives on average."""


@dataclass(frozen=True, slots=True)
class Consensus(Shown):
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
        sentence = f"{len(self.agree)} of {len(self.voters)} methods that ranked blame {' or '.join(self.top)} first"
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

    def document(self) -> Document:
        from methods.answer import documents

        return documents.consensus(self)


def consensus(ballots: Iterable[tuple[str, Outcome]], candidates: Sequence[str]) -> Consensus:
    """Aggregate the rankings of (method, outcome) pairs over the incident's candidates.

    Methods without a ranking, and the random one, do not vote.
    """
    places = {m: [(c.component, c.rank) for c in o.components] for m, o in ballots if isinstance(o, Ranking)}
    return of_places(places, candidates)


def of_places(places: Mapping[str, Places], candidates: Sequence[str]) -> Consensus:
    """The same from the (component, rank) pairs of each method that ranked, the best first."""
    voters = tuple(sorted(places.keys() - NO_VOTE))
    if not voters:
        return Consensus((), (), (), ())
    ballots_cast = {voter: _borda(places[voter], candidates) for voter in voters}
    totals = {c: sum(shares[c] for shares in ballots_cast.values()) / len(voters) for c in candidates}
    contributions = {
        voter: {c: (share - CHANCE) / len(voters) for c, share in shares.items()}
        for voter, shares in ballots_cast.items()
    }
    # Sums in another order differ in the last digits: equal means must tie.
    means = {candidate: round(total, 12) for candidate, total in totals.items()}
    ordered = sorted(means.items(), key=lambda item: (-item[1], item[0]))
    components = tuple(
        ComponentScore(candidate, mean, 1 + sum(other > mean for other in means.values()))
        for candidate, mean in ordered
    )
    top = {c.component for c in components if c.rank == 1}
    blamed = {voter: tuple(component for component, rank in places[voter] if rank == 1) for voter in voters}
    agree = tuple(voter for voter in voters if top & set(blamed[voter]))
    dissent = tuple((voter, blamed[voter]) for voter in voters if voter not in agree)
    return Consensus(components, voters, agree, dissent, contributions)


def _borda(ballot: Places, candidates: Sequence[str]) -> dict[str, float]:
    """Candidate -> share of the others that it beats, a tie counting half."""
    places = dict.fromkeys(candidates, len(candidates) + 1) | dict(ballot)
    others = max(len(candidates) - 1, 1)
    shares = {}
    for candidate in candidates:
        beaten = sum(places[other] > places[candidate] for other in candidates)
        tied = sum(places[other] == places[candidate] for other in candidates) - 1
        shares[candidate] = (beaten + tied / 2) / others
    return shares
