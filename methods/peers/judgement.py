"""Who is at fault in an incident, as a value: the evidence and the probabilities behind the ranking by peers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cluster.incident.model import Incident
from methods.answer.ties import steady
from methods.answer.types import NoRanking, Reason
from methods.peers.blocks import blocks_of
from methods.peers.evidence import Evidence, Weights, evidence_of
from methods.peers.hypotheses import Posterior, support
from methods.telemetry.onset import with_onset


@dataclass(frozen=True, eq=False)
class Judgement:
    """Attributes:
    scores: component -> probability that it is at fault, alone or with others; only components that can be judged.
    """

    evidence: Evidence
    posterior: Posterior
    scores: Mapping[str, float]

    @property
    def order(self) -> tuple[str, ...]:
        """The judged components, the most probable first; of equals, the first by id."""
        return tuple(sorted(self.scores, key=lambda c: (-self.scores[c], c)))

    @property
    def named(self) -> tuple[str, ...]:
        """The components of the most probable hypothesis, the most probable first; none for nobody.

        Of equals, which a pair mostly is, the first is who would be the more probable alone.
        """
        alone = self.posterior.probability
        by_odds = sorted(self.posterior.best, key=lambda c: (-self.scores[c], -alone[frozenset({c})], c))
        return tuple(by_odds)


def judge(incident: Incident, weights: Weights) -> Judgement | NoRanking:
    """NoRanking(NOT_APPLICABLE) with fewer than four blocks, without a signal above 0, a component, or any control."""
    blocks = blocks_of(incident)
    if blocks is None:
        return NoRanking(Reason.NOT_APPLICABLE, "too few samples for a baseline and a stretch of trouble after it")
    if not blocks.own.scaled and not blocks.called.scaled:
        return NoRanking(Reason.NOT_APPLICABLE, "no signal has a value above 0")
    evidence = evidence_of(blocks, incident.topology, weights)
    if not evidence.total:
        return NoRanking(Reason.NOT_APPLICABLE, "there is no component that could be at fault")
    # Without any control it helps to know when users were in trouble.
    candidates = () if evidence.controlled else with_onset(incident).onset_candidates
    posterior = support(evidence, incident.onset, candidates).posterior(weights)
    judged = [c for c, families in evidence.families.items() if families or c in evidence.routed]
    if not judged:
        return NoRanking(Reason.NOT_APPLICABLE, "no component has a control to be compared with")
    return Judgement(evidence, posterior, steady({component: posterior.of(component) for component in judged}))
