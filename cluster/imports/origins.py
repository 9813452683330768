"""Provenance of imported telemetry: the states of a live reading, told from the series that the files hold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cluster.imports.expressions import Labels
from cluster.imports.measured import OWNER, Measured, serves
from cluster.prometheus.client import Answer
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.promql import Query
from cluster.prometheus.samples import States, Targets
from cluster.prometheus.targets import near_names
from cluster.provenance import Builder, Origin, Provenance
from cluster.signals import SERVING, SIGNALS, carried_by
from cluster.topology import Kind, Topology

MOST_NAMES = 5000
"""Names that are compared with those of the tables; the targets of a deployment have some hundreds."""
_ANSWERING = 60.0
"""Seconds at the end in which a component answers if most of its spans went well."""
_TOLD = 5


def provenance(topology: Topology, metrics: pd.DataFrame, spans: pd.DataFrame, measured: Measured) -> Provenance:
    """A state for each signal that a component can carry.

    What a component of unknown kind could carry as an engine is told only where it, or a name near to it, is there.
    """
    named: list[tuple[str, str]] = [(str(one[0]), str(one[1])) for one in metrics.columns]
    columns = dict(zip(named, metrics.to_numpy().T, strict=True))
    keys = [key for key in columns if key[1] in SIGNALS]
    intervals = _intervals(measured)
    times = metrics.index.to_numpy(dtype=np.float64)
    filled = np.isfinite(metrics.to_numpy()).any(axis=1)
    states = States(
        topology,
        [_query(topology, measured, intervals, *key) for key in keys],
        Answer(times, tuple({(key[0],): columns[key]} for key in keys), (), ()),
        {key: number for number, key in enumerate(keys)},
        columns,
        Targets(_unknown(measured), failing=_failing(measured)),
        _answering(spans),
        float(times[filled].max(initial=-np.inf)),
    )
    builder = Builder()
    for one in topology.components:
        unsure = one.kind is Kind.SERVICE
        for signal in carried_by(Kind.REPLICA if unsure else one.kind):
            origin, about = states.of(one.id, signal.name)
            cut = measured.cut.get((signal.name, one.kind)) or (
                measured.cut.get((signal.name, Kind.REPLICA)) if one.id == topology.front_door else None
            )
            if cut is not None and origin is not Origin.MEASURED:
                origin, about = Origin.PARTIAL, {"metrics": cut[0], "reason": cut[1]}
            elif origin is Origin.NOT_EXPORTED:
                about = {"reason": "it is not in these files"}
            if not (unsure and origin is Origin.NOT_EXPORTED):
                builder.add(one.id, signal.name, origin, **about)
    return builder.build()


def strangers(topology: Topology, told: Provenance, measured: Measured) -> list[str]:
    """Notes on components of unknown kind whose metrics may be an engine's, under names that no table knows."""
    compared = len(_names(measured))
    near: dict[str, list[str]] = {}
    for record in told.records:
        for one in record.components if record.origin is Origin.UNKNOWN_NAME and serves(record.signal) else ():
            if topology.component(one).kind is Kind.SERVICE:
                near.setdefault(one, []).append(f"{record.metrics[0]} for {record.signal}")
    notes = [f"no table knows the metrics of {one}; the nearest: {', '.join(few[:3])}" for one, few in near.items()]
    more = [f"{len(notes) - _TOLD} more are like that"] if len(notes) > _TOLD else []
    if compared > MOST_NAMES:
        more.append(f"of {compared} names of metrics the first {MOST_NAMES} were compared with those that are known")
    return [*notes[:_TOLD], *more]


def _query(
    topology: Topology, measured: Measured, intervals: Mapping[tuple[str, str], float], component: str, signal: str
) -> Query:
    """What was read for a signal; of what a front door has merged from its replicas, their metrics."""
    owners = [component] if (component, signal) in measured.sources else [c.id for c in topology.of_kind(*SERVING)]
    signals = ("error_rate", "request_rate") if signal == "error_ratio" else (signal,)
    read = {(one, name) for one in owners for each in signals for name in measured.sources.get((one, each), ())}
    scrape = max((intervals.get(one, 0.0) for one in read), default=0.0)
    return Query(signal, "", (), metrics=tuple(sorted({name for _, name in read})), scrape=scrape)


def _intervals(measured: Measured) -> dict[tuple[str, str], float]:
    """(component, name of a metric) -> seconds between two samples of its first series that has two."""
    found: dict[tuple[str, str], float] = {}
    for name, series in measured.samples.series.items():
        for labels, samples in series.items():
            key = _owner(labels), name
            if key not in found and len(samples) > 1:
                found[key] = round(float(np.median(np.diff(np.sort(list(samples))))), 3)
    return found


def _unknown(measured: Measured) -> dict[str, frozenset[str]]:
    near = near_names(spellings(Environment.KUBERNETES), frozenset(sorted(_names(measured))[:MOST_NAMES]))
    return {one: own & near for one, own in measured.names_of.items() if own & near}


def _names(measured: Measured) -> frozenset[str]:
    return frozenset(measured.samples.series.keys() - SIGNALS.keys())


def _failing(measured: Measured) -> frozenset[str]:
    """Components with a target whose last scrape failed, where the files have `up`."""
    ups = measured.samples.series.get("up", {})
    return frozenset(_owner(labels) for labels, samples in ups.items() if samples and samples[max(samples)] == 0.0)


def _answering(spans: pd.DataFrame) -> frozenset[str]:
    if spans.empty:
        return frozenset()
    ends = spans["start"] + spans["duration"]
    failed = spans.loc[ends >= ends.max() - _ANSWERING, ["component", "error"]].fillna({"error": False})
    shares = failed["error"].astype("float64").groupby(failed["component"].astype(str)).mean()
    return frozenset(str(one) for one in shares.index[shares <= 0.5])


def _owner(labels: Labels) -> str:
    return dict(labels)[OWNER]
