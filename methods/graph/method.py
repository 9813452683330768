"""The methods that learn a causal graph over the signals and then ask it who is to blame."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeAlias

import numpy as np

from cluster.incident.model import Incident
from methods.answer.types import Family, Method, NoRanking, Outcome
from methods.graph.discovery import Discovery
from methods.graph.signals import Signals, distinct

Discover: TypeAlias = Callable[[Signals, np.random.Generator], Discovery | NoRanking]
Blame: TypeAlias = Callable[[Incident, Signals, Discovery], Outcome]


class GraphMethod(Method):
    """One algorithm that discovers a causal graph, and one rule that turns the graph into a ranking."""

    family: ClassVar[Family] = Family.METRIC

    def __init__(self, discover: Discover, blame: Blame) -> None:
        self.discover = discover
        self.blame = blame

    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        signals = distinct(incident)
        if isinstance(signals, NoRanking):
            return signals
        graph = self.discover(signals, rng)
        if isinstance(graph, NoRanking):
            return graph
        return self.blame(incident, signals, graph)
