"""Shipped drills with telemetry as other deployments have it: coarser, with parts missing, renamed.

More load is not among them: twice the counts have twice the noise, which twice the requests would not have.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from cluster.incident.model import Incident, empty_logs, empty_spans
from cluster.topology import Kind, Topology
from guidelines.removals import ENGINE, every, without, without_edges


def every_other_pod(incident: Incident) -> tuple[str, ...]:
    return tuple(c.id for c in incident.topology.of_kind(Kind.HEAD, Kind.REPLICA))[1::2]


POORER: Mapping[str, Callable[[Incident], Incident]] = {
    "a sample every 5 s": every(5),
    "a sample every 15 s": every(15),
    "a sample every 30 s": every(30),
    "every other engine not measured": without(ENGINE, every_other_pod),
    "without what callers measure": without_edges,
}


def renamed(incident: Incident) -> tuple[Incident, Mapping[str, str]]:
    """Metrics and calls with other ids in another order, and the old id of each new one."""
    rng = np.random.default_rng(0)
    ids = incident.topology.ids
    new = {old: f"c{at:04d}" for old, at in zip(ids, rng.permutation(len(ids)), strict=True)}

    def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
        if frame.columns.empty:
            return frame
        columns = [(*(new.get(str(part), str(part)) for part in column[:-1]), column[-1]) for column in frame.columns]
        found = frame.set_axis(pd.MultiIndex.from_tuples(columns, names=frame.columns.names), axis=1)
        return found.iloc[:, rng.permutation(len(columns))]

    topology = incident.topology
    components = [dataclasses.replace(c, id=new[c.id]) for c in topology.components]
    edges = [dataclasses.replace(e, source=new[e.source], target=new[e.target]) for e in topology.edges]
    telemetry = dataclasses.replace(
        incident.telemetry,
        metrics=shuffled(incident.telemetry.metrics),
        edge_metrics=shuffled(incident.telemetry.edge_metrics),
        spans=empty_spans(),
        logs=empty_logs(),
    )
    other = Topology(
        tuple(components[i] for i in rng.permutation(len(components))),
        tuple(edges[i] for i in rng.permutation(len(edges))),
        new[topology.front_door] if topology.front_door else None,
    )
    changed = dataclasses.replace(incident, topology=other, telemetry=telemetry)
    return changed, {name: old for old, name in new.items()}
