"""The telemetry that all checks judge, read once: from a live deployment or a saved incident.

A live deployment also describes its metrics (`cluster.prometheus.exposition`). A saved incident keeps only values, so
some checks cannot answer on it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cluster import signals
from cluster.capture import capture
from cluster.deployment import Deployment, HasIncident
from cluster.incident.model import Incident, Telemetry
from cluster.prometheus.exposition import Exposition, HasExposition
from cluster.signals import Quantity
from cluster.topology import Kind, Topology
from cluster.window import Window

LOOK = 120.0
"""Seconds of telemetry, back from now, that are read from a live deployment: twice a fault of a minute."""
STEP = 1.0


@dataclass(frozen=True, eq=False)
class Survey:
    """The telemetry of one window, and how its metrics are exported.

    Attributes:
        name: of the deployment or incident.
        live: read from a live deployment, not from a saved incident.
        incident: topology and telemetry of the window.
        exposition: how the metrics are exported; None for a saved incident, or a deployment that does not say.
    """

    name: str
    live: bool
    incident: Incident
    exposition: Exposition | None = None

    @property
    def topology(self) -> Topology:
        return self.incident.topology

    @property
    def telemetry(self) -> Telemetry:
        return self.incident.telemetry

    @property
    def serving(self) -> tuple[str, ...]:
        """Components that serve requests: every replica, and a head that other components call."""
        topology = self.topology
        heads = [head.id for head in topology.of_kind(Kind.HEAD) if topology.callers(head.id)]
        return (*heads, *(replica.id for replica in topology.of_kind(Kind.REPLICA)))

    @property
    def gpus(self) -> tuple[str, ...]:
        return tuple(gpu.id for gpu in self.topology.of_kind(Kind.GPU))

    @property
    def busy(self) -> bool:
        """Whether there were requests in the window; without requests, a missing signal proves little."""
        return any(rate > 0 for rate in self._rates()) or not self.telemetry.spans.empty

    @property
    def idle(self) -> bool:
        """Whether the request rate was measured and is zero. Not measured is not idle."""
        return bool(self._rates()) and not self.busy

    def unserved(self, missing: Iterable[str]) -> bool:
        """Whether only signals that requests produce (quantiles, ratios) are missing, and there was no request."""
        made = (Quantity.QUANTILE, Quantity.RATIO)
        return self.idle and all(signals.signal(name).quantity in made for name in missing)

    def _rates(self) -> list[float]:
        found = (self.largest(component, "request_rate") for component in self.topology.ids)
        return [rate for rate in found if rate is not None]

    def has(self, component: str, signal: str) -> bool:
        """Whether the signal has at least one sample there."""
        key = (component, signal)
        return key in self.telemetry.metrics.columns and bool(self.telemetry.metrics[key].notna().any())

    def largest(self, component: str, signal: str) -> float | None:
        """The largest value in the window, None without a sample."""
        return float(self.telemetry.metrics[component, signal].max()) if self.has(component, signal) else None

    def missing(self, components: Iterable[str], signals: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Signal -> the components that lack it, for the signals that some of them lack."""
        among = tuple(components)
        lacking = {signal: tuple(c for c in among if not self.has(c, signal)) for signal in signals}
        return {signal: names for signal, names in lacking.items() if names}


def of_incident(incident: Incident, name: str) -> Survey:
    """The whole window of an incident; `name` is the title of the report."""
    return Survey(name, False, incident)


def of_deployment(deployment: Deployment, end: float | None = None) -> Survey:
    """The last `LOOK` seconds (up to `end`, unix seconds; now for None). Blocks. Raises DeploymentError.

    A replayed incident is read as it was saved.
    """
    if isinstance(deployment, HasIncident):
        return of_incident(deployment.incident, deployment.name)
    end = time.time() if end is None else end
    window = Window(end - LOOK, end)
    exposition = deployment.exposition(window) if isinstance(deployment, HasExposition) else None
    return Survey(deployment.name, True, capture(deployment, window, STEP), exposition)
