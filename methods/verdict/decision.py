"""The verdict on one incident: the tool's own method judges, the others agree or dissent.

Whom to blame is decided by `methods.serving`'s model alone (`methods.peers.judgement`): a vote of the other methods is
right less often than the best voter. What they answer is evidence for and against, a sentence each. Kind of trouble,
path and actions follow from who is named, and have no say in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cluster.incident.model import Incident
from cluster.signals import SERVING
from cluster.text.times import clock_time
from cluster.window import Window
from methods.answer.types import NoRanking, Ranking, Reason
from methods.peers.evidence import Weights
from methods.peers.explanation import unmeasured
from methods.peers.hypotheses import NOBODY
from methods.peers.judgement import Judgement, judge
from methods.telemetry.possible import possible
from methods.verdict import others
from methods.verdict.blame import Blame, blame, phrase, supporting
from methods.verdict.doubts import (
    happened,
    less_measured,
    look_next,
    misfits,
    not_known,
    older,
    out_of_order,
    rivals,
    unjudged,
)
from methods.verdict.path import Stretch, spread
from methods.verdict.phrases import listed
from methods.verdict.runbooks import actions_for
from methods.verdict.types import Answer, Evidence, Suspect, Trouble, Verdict, strength_of
from methods.verdict.users import Users, at_the_start, busy, none_ended, users

if TYPE_CHECKING:
    from methods.running.runner import Result

STRONGEST = 4
"""Signals that are told before what the other methods say."""


def decide(incident: Incident, results: Iterable[Result] = ()) -> Verdict:
    """Who is at fault, how sure, why and why not.

    Args:
        incident: an onset that an operator set makes trouble near it more probable; an estimated one is not used.
        results: answers of methods on this incident, so far as they have come; they agree or dissent.
    """
    answers = sorted(results, key=lambda result: result.method)
    incident = possible(incident)
    judged = judge(incident, Weights())
    if isinstance(judged, NoRanking):
        return _cannot_judge(incident, judged, answers)
    if judged.posterior.best == NOBODY:
        if gone := _all_gone(incident):
            why = f"no scrape of {listed(gone)} succeeds any more: they are down, or only unobserved"
            return _cannot_judge(incident, NoRanking(Reason.NOT_APPLICABLE, why), answers)
        seen = users(incident, judged.evidence)
        if wrong := at_the_start(incident, judged.evidence):
            return _older(incident, judged, wrong, answers)
        overload = seen is not None and seen.more and seen.slower
        if not overload and (quiet := none_ended(incident)):
            return _nothing_ends(incident, judged, quiet, answers)
        return _nobody(incident, judged, seen, answers)
    return _components(incident, judged, judged.named, answers)


def _components(incident: Incident, judged: Judgement, named: Sequence[str], answers: Sequence[Result]) -> Verdict:
    blames = [blame(incident, judged, component) for component in named]
    first, onset = blames[0], min(blamed.onset for blamed in blames)
    from_the_start = any(blamed.older for blamed in blames)
    stretches = {blamed.component: Stretch(blamed.onset, blamed.account.end) for blamed in blames}
    path = spread(incident, stretches, first.overfull)
    kind = next((blamed.kind for blamed in blames if blamed.kind is not Trouble.UNKNOWN), Trouble.UNKNOWN)
    told = [evidence for blamed in blames for evidence in supporting(incident, blamed)]
    agreement, dissent = others.agreement(named, answers), others.dissent(named, answers)
    return Verdict(
        Answer.COMPONENTS,
        tuple(named),
        _suspects(judged),
        judged.posterior.nobody,
        kind,
        None if from_the_start else onset,
        _headline(incident, judged, blames),
        path,
        (*told[:STRONGEST], *agreement, *told[STRONGEST:]),
        (
            *rivals(judged, named),
            *(e for blamed in blames for e in misfits(incident, blamed)),
            *out_of_order(incident, stretches),
            *older(incident, judged, onset, named),
            *dissent,
        ),
        not_known(incident, judged, blames, path),
        look_next(incident, judged, blames),
        tuple(dict.fromkeys(a for b in blames for a in actions_for(incident, b.kind, b.component, b.onset))),
        _methods(answers),
    )


def _nobody(incident: Incident, judged: Judgement, seen: Users | None, answers: Sequence[Result]) -> Verdict:
    missing = (
        *unmeasured(judged.evidence, judged.order),
        *(f"{component} itself" for component in unjudged(incident, judged)),
        *(f"{what} of {whom} (of peers it was)" for whom, what in less_measured(judged)),
    )
    unknown = not_known(incident, judged, (), ())
    lacks = []
    if missing:
        lacks.append(f"this was not measured: {', '.join(missing)}")
    if not judged.evidence.controlled:
        lacks.append("no component has a peer to be compared with")
    if seen is not None and seen.slower and not seen.more and lacks:
        since = clock_time(seen.onset)
        would_tell = (f"Who is at fault: {', '.join(missing)} would tell, and was not measured.",) if missing else ()
        return Verdict(
            Answer.UNKNOWN,
            (),
            _suspects(judged),
            judged.posterior.nobody,
            Trouble.UNKNOWN,
            seen.onset,
            f"Cannot tell: {seen.felt} for users since {since}, and {'; '.join(lacks)}.",
            opposing=others.blamed_anyway(answers),
            unknown=(*would_tell, *unknown),
            next=("What is not recorded and would tell: `rca-tui check`.", *look_next(incident, judged, ())),
            actions=actions_for(incident, Trouble.UNKNOWN, incident.topology.front_door or "", seen.onset),
            methods=_methods(answers),
        )
    kind = Trouble.OVERLOAD if seen is not None and seen.more and seen.slower else Trouble.NONE
    felt = seen is not None and seen.slower
    return Verdict(
        Answer.NOBODY,
        (),
        _suspects(judged),
        judged.posterior.nobody,
        kind,
        seen.onset if seen is not None and felt else None,
        _nobody_headline(judged, seen),
        supporting=_load(judged, seen),
        opposing=(
            *happened(incident),
            *rivals(judged, ()),
            *_unexplained(seen),
            *older(incident, judged, incident.window.end),
            *others.blamed_anyway(answers),
        ),
        unknown=(*(f"This was not measured, and might tell: {what}." for what in missing), *unknown),
        next=_next_of_users(incident, seen, look_next(incident, judged, ())),
        actions=actions_for(incident, kind, incident.topology.front_door or "", seen.onset if seen else None),
        methods=_methods(answers),
    )


def _older(incident: Incident, judged: Judgement, wrong: str, answers: Sequence[Result]) -> Verdict:
    """Users are in trouble at the first sample already, and no component stands apart from its peers."""
    start = incident.window.start
    apart = (
        "no component stands clearly apart from its peers" if judged.evidence.controlled else "no component has a peer"
    )
    return Verdict(
        Answer.UNKNOWN,
        (),
        _suspects(judged),
        judged.posterior.nobody,
        Trouble.UNKNOWN,
        None,
        f"Cannot tell: {wrong} from the first sample on, {clock_time(start)}; the time before is not recorded, and "
        f"{apart}.",
        opposing=(*rivals(judged, ()), *others.blamed_anyway(answers)),
        unknown=("What is normal: the trouble is older than the recording.", *not_known(incident, judged, (), ())),
        next=("A recording that begins before the trouble.", *look_next(incident, judged, ())),
        actions=actions_for(incident, Trouble.UNKNOWN, incident.topology.front_door or "", start),
        methods=_methods(answers),
    )


def _nothing_ends(incident: Incident, judged: Judgement, quiet: Window, answers: Sequence[Result]) -> Verdict:
    door = incident.topology.front_door or ""
    since = clock_time(quiet.start)
    until = f" until {clock_time(quiet.end)}" if quiet.end < incident.window.end else ""
    told = f"no request ended at {door} since {since}{until}"
    headline = f"{told}: its users went away, or it passes nothing on"
    unknown = f"Whether anybody asked: {told}, and all components alike had nothing to do"
    if held := listed(busy(incident, quiet)):
        headline = f"{told}, while requests wait or run at {held}: they are stuck, or asked for more than they can do"
        unknown = f"What holds up {held} alike"
    return Verdict(
        Answer.UNKNOWN,
        (),
        _suspects(judged),
        judged.posterior.nobody,
        Trouble.UNKNOWN,
        quiet.start,
        f"Cannot tell: {headline}.",
        opposing=others.blamed_anyway(answers),
        unknown=(f"{unknown}.", *not_known(incident, judged, (), ())),
        next=(f"Ask {door} for a completion from where its users are.", *look_next(incident, judged, ())),
        actions=actions_for(incident, Trouble.UNKNOWN, door, quiet.start),
        methods=_methods(answers),
    )


def _all_gone(incident: Incident) -> list[str]:
    """The components that serve, where no scrape of any of them succeeds: alike, and yet not well. Empty otherwise."""
    serving = [component.id for component in incident.topology.of_kind(*SERVING)]
    return serving if incident.provenance.unreached.issuperset(serving) else []


def _cannot_judge(incident: Incident, why: NoRanking, answers: Sequence[Result]) -> Verdict:
    return Verdict(
        Answer.UNKNOWN,
        (),
        (),
        0.0,
        Trouble.UNKNOWN,
        None,
        f"Cannot tell: {why.detail}.",
        opposing=others.blamed_anyway(answers),
        unknown=(f"Who is at fault: {why.detail}.", *incident.notes),
        next=("What is not recorded and would tell: `rca-tui check`.",),
        methods=_methods(answers),
    )


def _headline(incident: Incident, judged: Judgement, blames: Sequence[Blame]) -> str:
    named = [blamed.component for blamed in blames]
    sure = strength_of(max(judged.scores[component] for component in named))
    if len(blames) == 1:
        return f"{named[0]}, {sure}: {phrase(incident, blames[0])}."
    told = "; ".join(f"{blamed.component}: {phrase(incident, blamed, 2)}" for blamed in blames)
    return f"{listed(named)}, {sure}: {told}."


def _nobody_headline(judged: Judgement, seen: Users | None) -> str:
    sure = strength_of(judged.posterior.nobody)
    beyond = "its peers" if judged.evidence.controlled else "what is usual for it"
    if seen is None or not seen.slower:
        return f"Nobody is at fault, {sure}: no component changes beyond {beyond}."
    since = clock_time(seen.onset)
    if seen.more:
        alike = ", all alike" if judged.evidence.controlled else ""
        return f"Nobody is at fault, {sure}: users sent more, {seen.load}, {seen.felt} since {since}{alike}."
    return f"Nobody is at fault, {sure}: {seen.felt} since {since}, and no component changes beyond {beyond}."


def _load(judged: Judgement, seen: Users | None) -> tuple[Evidence, ...]:
    if seen is None or not (seen.more and seen.load):
        return ()
    alike = "; all components moved alike" if judged.evidence.controlled else ""
    return (Evidence(f"Users sent more: {seen.load}{alike}.", seen.pointer),)


def _unexplained(seen: Users | None) -> tuple[Evidence, ...]:
    if seen is None or not seen.slower or seen.more:
        return ()
    sentence = f"Users waited longer, {seen.felt}, without sending more: what hurts all components alike looks so."
    return (Evidence(sentence, seen.pointer),)


def _next_of_users(incident: Incident, seen: Users | None, rest: tuple[str, ...]) -> tuple[str, ...]:
    if seen is None:
        return rest
    door = incident.topology.front_door
    return (f"request_rate and connections of {door} from {clock_time(seen.onset)} on: what the users did.", *rest)


def _suspects(judged: Judgement) -> tuple[Suspect, ...]:
    return tuple(Suspect(component, judged.scores[component]) for component in judged.order)


def _methods(answers: Sequence[Result]) -> tuple[str, ...]:
    return tuple(answer.method for answer in answers if isinstance(answer.outcome, Ranking))
