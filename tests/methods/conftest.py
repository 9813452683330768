"""The synthetic incidents as fixtures, and the ways in which an incident can be awkward."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from altered import with_telemetry, with_values
from synthetic_incident import make_incident

from cluster.incident.model import Incident, Telemetry
from cluster.topology import Topology
from cluster.window import Onset, OnsetSource


def renamed(incident: Incident, names: dict[str, str], signals: dict[str, str] | None = None) -> Incident:
    """The same incident with components (and signals) called otherwise and everything in another order."""
    signals = signals or {}
    telemetry = incident.telemetry
    rng = np.random.default_rng(99)

    def frame(old: pd.DataFrame) -> pd.DataFrame:
        new = old.copy()
        levels = [
            (*(names.get(part, part) for part in column[:-1]), signals.get(column[-1], column[-1]))
            for column in old.columns
        ]
        new.columns = pd.MultiIndex.from_tuples(levels, names=old.columns.names)
        return new.iloc[:, rng.permutation(new.shape[1])]

    def rows(old: pd.DataFrame) -> pd.DataFrame:
        return old.assign(component=old["component"].map(lambda c: names.get(c, c)).astype("string"))

    topology = incident.topology
    components = [dataclasses.replace(c, id=names.get(c.id, c.id)) for c in topology.components]
    edges = [
        dataclasses.replace(e, source=names.get(e.source, e.source), target=names.get(e.target, e.target))
        for e in topology.edges
    ]
    front = topology.front_door
    return dataclasses.replace(
        incident,
        topology=Topology(
            tuple(components[i] for i in rng.permutation(len(components))),
            tuple(edges[i] for i in rng.permutation(len(edges))),
            names.get(front, front) if front else None,
        ),
        telemetry=Telemetry(
            frame(telemetry.metrics) if telemetry.metrics.shape[1] else telemetry.metrics,
            frame(telemetry.edge_metrics) if telemetry.edge_metrics.shape[1] else telemetry.edge_metrics,
            rows(telemetry.spans).iloc[rng.permutation(len(telemetry.spans))].reset_index(drop=True),
            rows(telemetry.logs),
            {signals.get(s, s): unit for s, unit in telemetry.units.items()},
        ),
    )


def _gaps(frame: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    holes = frame.mask(rng.random(frame.shape) < 0.2)
    holes.iloc[10:40] = np.nan
    holes.iloc[len(frame) // 2 :, 0] = np.nan
    return holes


def _infinite(frame: pd.DataFrame) -> pd.DataFrame:
    frame.iloc[::7] = np.inf
    return frame


def _correlated(frame: pd.DataFrame) -> pd.DataFrame:
    first = frame.iloc[:, 0].to_numpy()
    factors = 1.0 + np.arange(frame.shape[1])
    return pd.DataFrame(np.outer(first, factors) + factors, index=frame.index, columns=frame.columns)


def _unseen(incident: Incident) -> Incident:
    spans = incident.telemetry.spans.copy()
    late = spans["start"] >= incident.onset.time
    spans.loc[late, "operation"] = "GET /never-seen-before"
    return with_telemetry(incident, spans=spans)


def _no_edges(incident: Incident) -> Incident:
    empty = Telemetry().edge_metrics
    bare = dataclasses.replace(incident.topology, edges=())
    return dataclasses.replace(with_telemetry(incident, edge_metrics=empty), topology=bare)


def _orphans(incident: Incident) -> Incident:
    spans = incident.telemetry.spans.copy()
    spans["parent_id"] = spans["parent_id"].where(spans["parent_id"].isna(), "lost")
    spans["error"] = pd.array([pd.NA] * len(spans), dtype="boolean")
    return with_telemetry(incident, spans=spans)


def _at(incident: Incident, offset: float) -> Incident:
    return incident.at(Onset(incident.window.start + offset, OnsetSource.OPERATOR))


AWKWARD: dict[str, Callable[[Incident], Incident]] = {
    "constants": lambda i: with_values(i, lambda f: f * 0.0 + 0.1),
    "zeros": lambda i: with_values(i, lambda f: f * 0.0),
    "all NaN": lambda i: with_values(i, lambda f: f * np.nan),
    "gaps": lambda i: with_values(i, _gaps),
    "infinities": lambda i: with_values(i, _infinite),
    "huge values": lambda i: with_values(i, lambda f: f * 1e200),
    "one row": lambda i: with_values(i, lambda f: f.iloc[len(f) // 2 : len(f) // 2 + 1]),
    "three rows": lambda i: with_values(i, lambda f: f.iloc[len(f) // 2 - 1 : len(f) // 2 + 2]),
    "one column": lambda i: with_values(i, lambda f: f.iloc[:, :1]),
    "duplicate columns": lambda i: with_values(i, lambda f: f * 0.0 + f.iloc[:, [1]].to_numpy()),
    "perfectly correlated columns": lambda i: with_values(i, _correlated),
    "no metrics": lambda i: with_telemetry(i, metrics=Telemetry().metrics, edge_metrics=Telemetry().edge_metrics),
    "no spans": lambda i: with_telemetry(i, spans=Telemetry().spans),
    "one span": lambda i: with_telemetry(i, spans=i.telemetry.spans.iloc[:1]),
    "unseen operations": _unseen,
    "orphan spans of unknown status": _orphans,
    "no logs": lambda i: with_telemetry(i, logs=Telemetry().logs),
    "no telemetry": lambda i: dataclasses.replace(i, telemetry=Telemetry()),
    "no onset": lambda i: i.at(None),
    "onset at the start": lambda i: _at(i, 0.0),
    "onset after the end": lambda i: _at(i, 1e6),
    "no edges": _no_edges,
    "no front door": lambda i: dataclasses.replace(i, topology=dataclasses.replace(i.topology, front_door=None)),
}


@pytest.fixture(scope="session")
def incident() -> Incident:
    """The whole synthetic incident with a fault on replica-1. Shared: leave it as it is."""
    return make_incident()


@pytest.fixture(scope="session")
def small_incident() -> Incident:
    return make_incident(few=True)


@pytest.fixture(name="make_incident")
def _make_incident() -> Callable[..., Incident]:
    return make_incident


@pytest.fixture(params=list(AWKWARD))
def awkward(request: pytest.FixtureRequest) -> Incident:
    """The small incident in every awkward form."""
    return AWKWARD[request.param](make_incident(few=True))


@pytest.fixture(name="rename")
def _rename() -> Callable[..., Incident]:
    return renamed
