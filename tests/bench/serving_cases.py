"""Incidents for `tests.bench.serving`: shipped drills, their healthy stretches, and what `serving` makes of each."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cluster.incident import library
from cluster.incident.model import Incident
from cluster.topology import Kind, Topology
from cluster.window import Window
from methods.answer.ranking import Places, by_components
from methods.answer.types import Explanation, NoRanking
from methods.evaluation.cases import Case, load_cases
from methods.evaluation.measures import score, set_score
from methods.peers.evidence import Weights
from methods.peers.hypotheses import Hypothesis
from methods.peers.judgement import judge

SPLIT = library.SHIPPED / "split.json"
HEALTHY = "healthy"
LEAST_HEALTHY = 60.0
"""Seconds before a fault that are worth being judged alone."""


@dataclass(frozen=True)
class Trial:
    """One stretch of telemetry with a known answer.

    Attributes:
        drill: the drill that it is of.
        kind: the fault's name, or HEALTHY for the time before it.
        true: the faulty components; empty for nobody.
        scored: of the part that nothing was tuned on.
    """

    drill: str
    kind: str
    true: Hypothesis
    scored: bool
    incident: Incident

    @property
    def topology(self) -> Topology:
        return self.incident.topology

    def changed(self, how: Callable[[Incident], Incident]) -> Trial:
        return dataclasses.replace(self, incident=how(self.incident))


@dataclass(frozen=True)
class Answer:
    """What was answered on one trial. `places` None: no ranking. `sure`: probability of the set, where said."""

    trial: Trial
    places: Places | None
    named: Hypothesis
    sure: float | None = None

    @property
    def right(self) -> bool:
        return self.named == self.trial.true

    @property
    def set_score(self) -> float:
        return set_score(self.named, self.trial.true)

    def accuracy(self, k: int) -> float:
        return score(self.places, self.trial.true).ac[k - 1]

    @property
    def blames_upstream(self) -> float:
        """Share of the first place that is the gateway's or the head's, for the fault of a replica."""
        topology, true = self.trial.topology, self.trial.true
        first = [component for component, rank in self.places or () if rank == 1]
        upstream = {c.id for c in topology.of_kind(Kind.GATEWAY, Kind.HEAD)}
        if not true or true & upstream or not first:
            return 0.0
        return len(upstream.intersection(first)) / len(first)


def scored_drills(path: Path = SPLIT) -> frozenset[str]:
    """Names of the drills that nothing was tuned on, from {"scored": ["drill-70", …]}; none without that file."""
    return drawn_drills(path).get("scored", frozenset())


def drawn_drills(path: Path = SPLIT) -> dict[str, frozenset[str]]:
    """Part, "developed" or "scored" -> names of the drills that a seed drew for it; empty without that file."""
    split = json.loads(path.read_text()) if path.is_file() else {}
    return {part: frozenset(names) for part, names in split.items() if part != "seed"}


def trials() -> tuple[list[Trial], list[Case]]:
    """A trial for each shipped drill and one for its healthy time; and the drills as cases for other methods."""
    scored = scored_drills()
    names = [listing.name for listing in library.listings() if listing.shipped]
    cases = load_cases(names)
    found = []
    for name, case in zip(names, cases, strict=True):
        incident, cause = case.load(), case.cause
        trial = Trial(name, cause.fault, frozenset(cause.components), name in scored, incident)
        found.append(trial)
        if trial.true and cause.injected_at - incident.window.start >= LEAST_HEALTHY:
            found.append(
                dataclasses.replace(trial, kind=HEALTHY, true=frozenset(), incident=until(incident, cause.injected_at))
            )
    return found, cases


def until(incident: Incident, end: float) -> Incident:
    """The part before `end`, in which no onset was searched for."""
    return incident.within(Window(incident.window.start, end)).at(None)


def by_serving(trial: Trial, weights: Weights) -> Answer:
    """The answer of `serving`, without its explanation."""
    judged = judge(trial.incident, weights)
    if isinstance(judged, NoRanking):
        return Answer(trial, None, frozenset())
    posterior = judged.posterior
    ranking = by_components(judged.scores, Explanation(()))
    places = None if isinstance(ranking, NoRanking) else [(c.component, c.rank) for c in ranking.components]
    best = posterior.best
    return Answer(trial, places, best, posterior.probability[best])


def by_simple_rule(trial: Trial) -> Answer:
    """The callee whose calls are slowest beside those of the other callees: 90th percentile, mean over the window."""
    calls = trial.incident.telemetry.edge_metrics
    callees = trial.topology.callees(trial.topology.front_door or "")
    columns = {c: calls[k] for c in callees if (k := (trial.topology.front_door, c, "latency_p90")) in calls.columns}
    frame = pd.DataFrame(columns)
    ratios = {c: float((frame[c] / frame.drop(columns=c).median(axis=1)).mean()) for c in frame}
    ranking = by_components(ratios, Explanation(()))
    if isinstance(ranking, NoRanking):
        return Answer(trial, None, frozenset())
    return Answer(trial, [(c.component, c.rank) for c in ranking.components], frozenset(ranking.top))


def answers(trials: Sequence[Trial], weights: Weights) -> list[Answer]:
    return [by_serving(trial, weights) for trial in trials]
