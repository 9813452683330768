"""The verdict on one incident: the tool's own method judges, the others agree or dissent.

Whom to blame is decided by `methods.serving`'s model alone (`methods.peers.judgement`); a vote of the other methods is
right less often than the best voter. What they answer is evidence for and against, in a sentence each.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cluster.incident.model import Incident
from cluster.text.times import clock_time
from methods.answer.consensus import NO_VOTE
from methods.answer.types import NoRanking, Ranking
from methods.peers.account import SMALL, Account, Measured, account_of
from methods.peers.evidence import Weights
from methods.peers.hypotheses import NOBODY
from methods.peers.judgement import Judgement, judge
from methods.running.runner import Result
from methods.verdict.phrases import listed, moved, of_peers
from methods.verdict.types import Answer, Evidence, Suspect, Trouble, Verdict

SHOWN = 3
"""Signals in a headline."""


def decide(incident: Incident, results: Iterable[Result] = ()) -> Verdict:
    """Who is at fault, how sure, why and why not.

    Args:
        incident: an onset that an operator set makes trouble near it more probable; an estimated one is not used.
        results: answers of methods on this incident, so far as they have come; they agree or dissent.
    """
    answers = sorted(results, key=lambda result: result.method)
    judged = judge(incident, Weights())
    methods = tuple(answer.method for answer in answers if isinstance(answer.outcome, Ranking))
    if isinstance(judged, NoRanking):
        return Verdict(
            Answer.UNKNOWN,
            (),
            (),
            0.0,
            Trouble.UNKNOWN,
            None,
            f"Cannot tell: {judged.detail}.",
            unknown=(f"Who is at fault: {judged.detail}.",),
            methods=methods,
        )
    suspects = tuple(Suspect(component, judged.scores[component]) for component in judged.order)
    best = judged.posterior.best
    named = tuple(component for component in judged.order if component in best)
    first = named[0] if named else judged.order[0]
    account = account_of(incident, judged.evidence, first, judged.posterior.stretch[frozenset({first})])
    told = _telling(account)
    if best == NOBODY:
        answer, headline, onset = Answer.NOBODY, "Nobody is at fault: no component changes beyond its peers.", None
        supporting: tuple[Evidence, ...] = ()
    else:
        answer, onset = Answer.COMPONENTS, account.start
        supporting = tuple(Evidence(f"{first}: {moved(incident, row)}.", row.pointer) for row in told)
        headline = _headline(incident, named, account, told[:SHOWN])
    return Verdict(
        answer,
        named,
        suspects,
        judged.posterior.nobody,
        Trouble.NONE if best == NOBODY else Trouble.UNKNOWN,
        onset,
        headline,
        supporting=supporting,
        opposing=_dissent(judged, named, answers),
        methods=methods,
    )


def _telling(account: Account) -> list[Measured]:
    """The signals that tell of trouble, the strongest first; the first signal where none does."""
    told = [row for row in account.rows if row.evidence > 0 and row.harmful and abs(row.change) > SMALL]
    return told or list(account.rows[:1])


def _headline(incident: Incident, named: Sequence[str], account: Account, rows: Sequence[Measured]) -> str:
    signals = ", ".join(moved(incident, row) for row in rows) or "no signal of its own was measured"
    peers = of_peers(incident, account, rows)
    since = f"since {clock_time(account.start)}"
    return f"{listed(named)}: {signals} {since}{', ' if peers else ''}{peers}."


def _dissent(judged: Judgement, named: Sequence[str], answers: Sequence[Result]) -> tuple[Evidence, ...]:
    found = []
    for answer in answers:
        outcome = answer.outcome
        if answer.method in NO_VOTE or isinstance(outcome, NoRanking) or not named or set(outcome.top) & set(named):
            continue
        why = outcome.explanation.steps[0].claim if outcome.explanation.steps else "it does not say why."
        found.append(Evidence(f"{answer.method} blames {listed(outcome.top)} first: {why}"))
    return tuple(found)
