"""A saved incident behind the interface of a deployment: telemetry comes from the recording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from cluster.deployment import Deployment, DeploymentError, DeploymentKind, HasIncident, Liveness, Samples, Status
from cluster.incident.model import Incident, rows_within
from cluster.text.times import span
from cluster.topology import Topology
from cluster.window import Window

_GRID_POINTS = 1_000_000


class ReplayDeployment(Deployment, HasIncident):
    """A saved incident as a deployment. It has no pods, so nothing can be injected into it."""

    kind = DeploymentKind.REPLAY

    def __init__(self, incident: Incident, name: str) -> None:
        self.incident = incident
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    @property
    def instance(self) -> str:
        return self.incident.id

    def topology(self) -> Topology:
        return self.incident.topology

    def status(self) -> Status:
        window = self.incident.window
        return Status(
            Liveness.REPLAY,
            None,
            f"recorded from the deployment {self.incident.deployment}, {span(window.seconds)}",
            self._observed(),
        )

    def samples(self, window: Window, step: float, signals: Sequence[str] | None = None) -> Samples:
        """What was recorded in the window, on a grid of `step` seconds from its start.

        Each grid point has the newest recorded row in the step that ends there; where there is none it is a gap.
        Raises DeploymentError for a step that is not positive or a grid of more than a million points.
        """
        if not step > 0 or window.seconds / step > _GRID_POINTS:
            raise DeploymentError(f"a step of {step} s does not fit a window of {span(window.seconds)}: choose another")
        telemetry = self.incident.telemetry
        provenance = self.incident.provenance
        grid = np.asarray(window.start + step * np.arange(int(np.ceil(window.seconds / step))), dtype=np.float64)
        return Samples(
            metrics=_on_grid(telemetry.metrics, grid, step, signals),
            edge_metrics=_on_grid(telemetry.edge_metrics, grid, step, signals),
            notes=self.incident.notes,
            provenance=provenance if signals is None else provenance.within(signals),
        )

    def spans(self, window: Window) -> pd.DataFrame:
        return rows_within(self.incident.telemetry.spans, "start", window)

    def logs(self, window: Window) -> pd.DataFrame:
        return rows_within(self.incident.telemetry.logs, "time", window)

    def close(self) -> None:
        """Nothing is held open."""

    def _observed(self) -> dict[str, bool]:
        """Component -> whether the recording has any telemetry of it."""
        telemetry = self.incident.telemetry
        metrics = telemetry.metrics
        measured = set(metrics.columns[metrics.notna().any(axis=0)].get_level_values("component"))
        spoke = measured | set(telemetry.spans["component"].dropna()) | set(telemetry.logs["component"].dropna())
        return {component: component in spoke for component in self.incident.topology.ids}


def _on_grid(
    frame: pd.DataFrame, grid: npt.NDArray[np.float64], step: float, signals: Sequence[str] | None
) -> pd.DataFrame:
    if signals is not None:
        frame = frame.loc[:, frame.columns.get_level_values("signal").isin(list(signals))]
    index = pd.Index(grid, dtype="float64", name="time")
    if frame.empty:
        return pd.DataFrame(np.nan, index=index, columns=frame.columns, dtype="float64")
    # a small tolerance: recorded times are sums of floats
    return frame.reindex(index + step * 1e-6, method="ffill", tolerance=step * (1 - 1e-6)).set_axis(index, axis=0)
