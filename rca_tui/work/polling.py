"""Polls the deployment once a second, in a worker thread: blocking calls in, frozen snapshots out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError, DeploymentKind, HasIncident, Liveness, Plays
from cluster.signals import UNITS
from cluster.topology import Topology
from cluster.window import Window
from rca_tui.frames import Frames, incident_frames
from rca_tui.session import Snapshot

if TYPE_CHECKING:
    import pandas as pd

    from cluster.deployment import Deployment, Samples
    from cluster.incident.model import Incident, Telemetry
    from methods.telemetry.happenings import Happening

HISTORY = 600.0
"""Seconds of telemetry kept."""
OVERLAP = 15.0
"""Seconds queried again: late samples arrive, rates over a window settle."""
OVERLAP_STEPS = 12
"""The same in steps, for a deployment that is scraped seldom."""


class Poller:
    """Connects at the first poll; each poll returns a snapshot. One call at a time.

    Args:
        connect: returns the deployment; may block, may raise an `RcaError`; called again at the next poll.
        clock: unix seconds.
    """

    def __init__(self, connect: Callable[[], Deployment], clock: Callable[[], float]) -> None:
        self._connect = connect
        self._clock = clock
        self._metrics: pd.DataFrame | None = None
        self._edges: pd.DataFrame | None = None
        self._uids: dict[str, str] = {}
        self._replaced: dict[str, float] = {}
        self.deployment: Deployment | None = None

    def now(self) -> float:
        """Unix seconds by which the telemetry is dated: those of the deployment, where it has a clock of its own."""
        return self.deployment.clock() if isinstance(self.deployment, Plays) else self._clock()

    def poll(self) -> Snapshot:
        """Raises what the deployment raises. A deployment that was restarted replaces the one before."""
        if self.deployment is None:
            self.deployment = self._connect()
        if isinstance(self.deployment, HasIncident):
            return _recorded(self.deployment.name, self.deployment.incident)
        try:
            snapshot = self._live(self.deployment)
        except DeploymentError:
            if not self._reconnect(self.deployment):
                raise
            return self._live(self.deployment)
        if snapshot.liveness is Liveness.DOWN and self._reconnect(self.deployment):
            return self._live(self.deployment)
        return snapshot

    def _reconnect(self, old: Deployment) -> bool:
        """Replace a local deployment that was restarted; False when it was not. A cluster keeps its instance."""
        if old.kind is not DeploymentKind.LOCAL:
            return False
        try:
            new = self._connect()
        except DeploymentError:
            return False
        if new is old:
            return False
        if new.instance == old.instance:
            new.close()
            return False
        old.close()
        self.deployment, self._metrics, self._edges = new, None, None
        self._uids, self._replaced = {}, {}
        return True

    def close(self) -> None:
        if self.deployment is not None:
            self.deployment.close()

    def _live(self, deployment: Deployment) -> Snapshot:

        status = deployment.status()
        step = deployment.step
        now = math.floor(self.now())
        start = now - HISTORY
        if self._metrics is not None and len(self._metrics.index):
            newest = math.floor(self._metrics.index[-1])
            if newest > now + step:  # the clock was set back: what was read lies in a future that comes again
                self._metrics = self._edges = None
            else:
                start = max(start, newest - max(OVERLAP, OVERLAP_STEPS * step))
        samples: Samples = deployment.samples(Window(start, now + step), step)
        self._metrics = _merge(self._metrics, samples.metrics, now - HISTORY)
        self._edges = _merge(self._edges, samples.edge_metrics, now - HISTORY)
        topology = deployment.topology()
        self._note_replaced(topology, now)
        return Snapshot(
            kind=deployment.kind,
            name=deployment.name,
            liveness=status.liveness,
            message=status.message,
            newest=None if status.data_age is None else self.now() - status.data_age,
            topology=topology,
            frames=Frames(self._metrics, self._edges, UNITS),
            up=dict(status.components),
            replaced=dict(self._replaced),
            fresh=status.fresh,
            step=step,
            notes=samples.notes,
            happenings=_happenings(self._metrics),
            provenance=samples.provenance,
        )

    def _note_replaced(self, topology: Topology, now: float) -> None:
        """Keep when the incarnation behind a component last changed, as long as its telemetry is kept."""
        uids = {component.id: component.uid for component in topology.components if component.uid}
        changed = {c: now for c, uid in uids.items() if self._uids.get(c, uid) != uid}
        self._replaced = {c: at for c, at in self._replaced.items() if at > now - HISTORY} | changed
        self._uids = {c: uid for c, uid in self._uids.items() if c in topology} | uids


def _recorded(name: str, incident: Incident) -> Snapshot:
    frames = incident_frames(incident)
    return Snapshot(
        kind=DeploymentKind.REPLAY,
        name=name,
        liveness=Liveness.REPLAY,
        message="",
        newest=frames.end,
        topology=incident.topology,
        frames=frames,
        notes=incident.notes,
        provenance=incident.provenance,
        incident=incident,
        happenings=_happenings(incident.telemetry.metrics, incident.telemetry),
    )


def _happenings(metrics: pd.DataFrame, recorded: Telemetry | None = None) -> tuple[Happening, ...]:
    from methods.telemetry.happenings import of_events, of_logs, of_metrics

    told = list(of_metrics(metrics))
    if recorded is not None:
        told += [*of_events(recorded.events), *of_logs(recorded.logs)]
    return tuple(sorted(told, key=lambda each: each.time))


def _merge(old: pd.DataFrame | None, new: pd.DataFrame, oldest: float) -> pd.DataFrame:
    """Rows of the old frame from before the new one, then the new frame."""
    import pandas as pd

    if old is None or not len(new.index):
        return new if old is None else old
    kept = old.loc[(old.index < new.index[0]) & (old.index >= oldest)]
    merged: pd.DataFrame = pd.concat([kept, new])
    merged.columns.names = new.columns.names
    merged.index.name = new.index.name
    return merged
