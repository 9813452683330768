"""One ranking out of many: the Borda count for partial rankings with ties.

Every method is a voter that ranks some of the candidates. With m candidates, a voter gives each candidate the number of
candidates that it beats, plus half for each that it ties with, over m - 1. Candidates that a voter leaves out are tied
at the end of its ballot: they beat nobody, tie with each other, and lose to all that it ranks. The consensus score is
the mean over the voters, between 0 and 1; 0.5 is what chance gives.

Why this rule: it takes ballots that are short and tied, as many methods' are, without inventing an order; it treats
voters and candidates alike; and it satisfies consistency (two groups of methods that agree on a winner agree on it
together), which no Condorcet rule does. The optimal alternative, Kemeny's, is NP-hard, and the Borda count is within a
factor 5 of it (Coppersmith, Fleischer, Rudra 2006).

Reference: de Borda, Mémoire sur les élections au scrutin, 1781; ties and short ballots as in Emerson, The original
Borda count and partial voting, Social Choice and Welfare 2013, and Dwork et al., Rank aggregation methods for the Web,
WWW 2001.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from methods.types import ComponentScore, Outcome, Ranking

# Guesses do not vote.
NO_VOTE = frozenset({"dummy"})


@dataclass(frozen=True, slots=True)
class Consensus:
    """Attributes:
    components: by falling score; equal scores share a rank. Empty when nobody voted.
    voters: methods that ranked.
    agree: voters whose first place holds a first place of the consensus.
    dissent: (voter, the components that it ranks first) for the others.
    """

    components: tuple[ComponentScore, ...]
    voters: tuple[str, ...]
    agree: tuple[str, ...]
    dissent: tuple[tuple[str, tuple[str, ...]], ...]

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


def consensus(ballots: Iterable[tuple[str, Outcome]], candidates: Sequence[str]) -> Consensus:
    """Aggregate the rankings of (method, outcome) pairs over the incident's candidates.

    Methods without a ranking, and the random one, do not vote.
    """
    rankings = {m: o for m, o in ballots if isinstance(o, Ranking) and m not in NO_VOTE}
    voters = tuple(sorted(rankings))
    if not voters:
        return Consensus((), (), (), ())
    totals = dict.fromkeys(candidates, 0.0)
    for ranking in rankings.values():
        for candidate, share in _borda(ranking, candidates).items():
            totals[candidate] += share / len(voters)
    # Sums in another order differ in the last digits: equal means must tie.
    means = {candidate: round(total, 12) for candidate, total in totals.items()}
    ordered = sorted(means.items(), key=lambda item: (-item[1], item[0]))
    components = tuple(
        ComponentScore(candidate, mean, 1 + sum(other > mean for other in means.values()))
        for candidate, mean in ordered
    )
    top = {c.component for c in components if c.rank == 1}
    agree = tuple(voter for voter in voters if top & set(rankings[voter].top))
    dissent = tuple((voter, rankings[voter].top) for voter in voters if voter not in agree)
    return Consensus(components, voters, agree, dissent)


def _borda(ranking: Ranking, candidates: Sequence[str]) -> dict[str, float]:
    """Candidate -> share of the others that it beats, a tie counting half."""
    last = len(candidates) + 1
    places = dict.fromkeys(candidates, last) | {c.component: c.rank for c in ranking.components}
    others = max(len(candidates) - 1, 1)
    shares = {}
    for candidate in candidates:
        beaten = sum(places[other] > places[candidate] for other in candidates)
        tied = sum(places[other] == places[candidate] for other in candidates) - 1
        shares[candidate] = (beaten + tied / 2) / others
    return shares
