"""The methods that learn a causal graph over the signals and then ask it who is to blame."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol, TypeAlias

import numpy as np

from cluster.incident.model import Incident
from methods.answer.types import Family, Method, NoRanking, Outcome
from methods.graph.discovery import Discovery
from methods.graph.signals import Signals, distinct

Blame: TypeAlias = Callable[[Incident, Signals, Discovery], Outcome]


class Discover(Protocol):
    """An algorithm that discovers a causal graph."""

    def most(self, samples: int) -> int:
        """How many signals it can search over so many samples."""

    def __call__(self, signals: Signals, rng: np.random.Generator) -> Discovery | NoRanking: ...


class GraphMethod(Method):
    """One algorithm that discovers a causal graph, and one rule that turns the graph into a ranking."""

    family: ClassVar[Family] = Family.METRIC

    def __init__(self, discover: Discover, blame: Blame) -> None:
        self.discover = discover
        self.blame = blame

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        signals = distinct(incident, most=self.discover.most(len(incident.telemetry.metrics)))
        if isinstance(signals, NoRanking):
            return signals
        graph = self.discover(signals, rng)
        if isinstance(graph, NoRanking):
            return graph
        return self.blame(incident, signals, graph)
