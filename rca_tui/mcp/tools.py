"""The tools of the server, as plain functions: names and numbers in, bounded plain data out.

None of them injects a fault, changes a deployment, or opens the sealed cause of an incident. `capture`, and `triage`
without an incident, save one in the incident library, as `rca-tui triage` does. All that comes from telemetry is made
harmless and cut. Errors that a caller can repair are `RcaError`, one sentence each.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from cluster.errors import RcaError
from cluster.text.plain import plain

if TYPE_CHECKING:
    import pandas as pd

    from cluster.alerts import AlertGroup
    from cluster.deployment import Deployment
    from cluster.incident.model import Incident
    from methods.running.runner import Result
    from rca_tui.triage import Triage

ROWS = 20
"""Components, signals, rows of a table or steps in one answer."""
LISTED = 200
"""Incidents in one list, the newest last."""
POINTS = 240
"""Samples of a series: of a longer one, every second, third … of a mean."""
CAPTURES = 20
"""Incidents that one server saves: an agent in a loop must not fill the disk."""
TEXT, KEY, KEYS = 2_000, 100, 100
"""Characters of a text, and of a name; names in one object."""
DEADLINE = 60.0
LARGEST_SEED = 2**63 - 1
Alert: TypeAlias = str | dict[str, Any] | list[Any]
"""JSON as text, or what it stands for: the package `mcp` reads an argument that is JSON before a tool gets it."""


class ToolsError(RcaError):
    """A request that the tools do not serve."""


@dataclass
class Tools:
    """The tools over one deployment and the incident library.

    Args:
        connect: returns the live deployment; raises DeploymentError where there is none.
    """

    connect: Callable[[], Deployment]
    _captures: int = 0
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def list_incidents(self) -> dict[str, Any]:
        """Incidents that the other tools accept by name, with where they come from and when (unix seconds).

        The causes of drills stay sealed.
        """
        from cluster.incident import library
        from cluster.incident.summary import read_summary

        rows = []
        for listing in library.listings()[-LISTED:]:
            row: dict[str, Any] = {"incident": listing.name, "shipped": listing.shipped}
            try:
                summary = read_summary(listing.path)
            except RcaError as error:
                rows.append({**row, "problem": str(error)})
                continue
            rows.append(
                {
                    **row,
                    "deployment": summary.deployment,
                    "start": summary.window.start,
                    "seconds": summary.window.seconds,
                    "components": len(summary.components),
                }
            )
        return bounded({"incidents": rows}, rows=LISTED)

    def capture(self, since: str | None = None, at: str | None = None, alert: Alert | None = None) -> dict[str, Any]:
        """Save the live deployment's telemetry around an alert or a time as an incident, with a baseline before it.

        Give at most one argument; without any, the last minutes are saved. Changes nothing in the deployment.

        Args:
            since: the trouble began within this time: 15m, 1h30m.
            at: it was noticed at this time: HH:MM in UTC, ISO 8601, or unix seconds.
            alert: JSON of an Alertmanager: a webhook's payload of version 4, or an answer of /api/v2/alerts.
        """
        name, first = self._captured(since, at, alert)
        incident = first.incident
        return bounded(
            {
                "incident": name,
                "start": incident.window.start,
                "end": incident.window.end,
                "onset": incident.onset.time if incident.onset else None,
                "components": list(incident.topology.ids),
                "notes": [*incident.notes, *first.doubts],
            }
        )

    def triage(
        self,
        incident: str | None = None,
        since: str | None = None,
        at: str | None = None,
        alert: Alert | None = None,
        all_methods: bool = False,
    ) -> dict[str, Any]:
        """Who is to blame, how sure, the evidence for and against, what is not known, and what to do next.

        Args:
            incident: a name that list_incidents gives; without it, the live deployment is captured and saved first.
            since: of the live deployment: the trouble began within this time: 15m, 1h30m.
            at: it was noticed at this time: HH:MM in UTC, ISO 8601, or unix seconds.
            alert: JSON of an Alertmanager: a webhook's payload of version 4, or an answer of /api/v2/alerts.
            all_methods: wait for all methods, about a minute; otherwise the quick ones answer within seconds.

        Returns "verdict" ("components" with probabilities; none of them with "nobody" near 1 where no component is at
        fault), "onset" in unix seconds, and "methods": each method's ranking. The commands under "actions" are for a
        person to read and run.
        """
        from rca_tui.triage import answer_saved, as_json, refine

        if incident is None:
            name, first = self._captured(since, at, alert)
        elif since is not None:
            raise ToolsError("since counts back from now, and a saved incident has ended", "give at or nothing")
        else:
            name = incident
            loaded = _load(incident)
            with self._one_at_a_time:
                first = answer_saved(loaded, _alerts(alert), at)
        if all_methods:
            with self._one_at_a_time:
                first = list(refine(first))[-1]
        return bounded(as_json(name, first))

    def rank(self, incident: str, method: str, seed: int = 0) -> dict[str, Any]:
        """One method's ranking of the components, with the signals that put them there; or why it has none.

        Args:
            incident: a name that list_incidents gives.
            method: such as serving, baro, circa, microrca; an unknown one is answered with all names.
        """
        result, onset = self._run(incident, method, seed)
        from methods.running import results

        payload = results.as_json(None, [result])["results"][0]
        return bounded({"incident": incident, "onset": onset, **payload})

    def explain(self, incident: str, method: str, seed: int = 0) -> dict[str, Any]:
        """Why a method ranks as it does: its steps, each a claim with the numbers behind it, and its caveats.

        Args:
            incident: a name that list_incidents gives.
            method: such as serving, baro, circa, microrca; an unknown one is answered with all names.
        """
        from methods.answer.types import Ranking

        result, onset = self._run(incident, method, seed)
        outcome = result.outcome
        if not isinstance(outcome, Ranking):
            raise ToolsError(f"{method} has no ranking of {incident} ({outcome.reason}: {outcome.detail})")
        steps = [
            {"title": step.title, "claim": step.claim, "numbers": dict(step.numbers), "units": dict(step.units)}
            for step in outcome.explanation.steps
        ]
        return bounded(
            {
                "incident": incident,
                "method": method,
                "onset": onset,
                "first": list(outcome.top),
                "steps": steps,
                "caveats": list(outcome.explanation.caveats),
            }
        )

    def series(self, incident: str, component: str, signal: str, called: str | None = None) -> dict[str, Any]:
        """One signal of one component over time: unix seconds and values, null where nothing was measured.

        Args:
            incident: a name that list_incidents gives.
            component: an unknown one is answered with all names.
            signal: an unknown one is answered with those that the component has.
            called: another component: then the signal is what `component` measured of its calls to that one.
        """
        loaded = _load(incident)
        column = _column(loaded, component, signal, called)
        values, times = column.tolist(), column.index.tolist()
        every = max(1, math.ceil(len(values) / POINTS))
        parts = range(0, len(values), every)
        return bounded(
            {
                "incident": incident,
                "component": component,
                "called": called,
                "signal": signal,
                "unit": loaded.telemetry.units.get(signal, ""),
                "onset": loaded.onset.time if loaded.onset else None,
                "samples_per_point": every,
                "times": [float(times[i]) for i in parts],
                "values": [_mean(values[i : i + every]) for i in parts],
            },
            rows=POINTS,
        )

    def check(self, incident: str | None = None) -> dict[str, Any]:
        """Which faults this telemetry cannot diagnose: each observability check, its answer, and what would mend it.

        Args:
            incident: a name that list_incidents gives; without it, the live deployment.
        """
        from guidelines import checkup, survey

        if incident is not None:
            return bounded(checkup.as_data(checkup.run(survey.of_incident(_load(incident), incident))))
        deployment = self.connect()
        try:
            return bounded(checkup.as_data(checkup.run(survey.of_deployment(deployment))))
        finally:
            deployment.close()

    def _captured(self, since: str | None, at: str | None, alert: Alert | None) -> tuple[str, Triage]:
        from cluster.moment import window
        from rca_tui.triage import capture
        from rca_tui.when import moment_of

        alerts = _alerts(alert)
        now = time.time()
        window(moment_of(alerts, since, at, now, 1.0), now, 1.0)  # what cannot be is refused before it connects
        with self._one_at_a_time:
            if self._captures >= CAPTURES:
                raise ToolsError(
                    f"this server has saved {CAPTURES} incidents already", "triage one of those, or start it again"
                )
            deployment = self.connect()
            try:
                path, first = capture(deployment, alerts, since, at)
            finally:
                deployment.close()
            self._captures += 1
        return path.name.removesuffix(".zip"), first

    def _run(self, incident: str, method: str, seed: int) -> tuple[Result, float | None]:
        """The answer of one method, run in a process that is killed past its deadline, and the onset."""
        from methods import catalog
        from methods.running import runner
        from methods.telemetry.onset import with_onset

        if not 0 <= seed <= LARGEST_SEED:
            raise ToolsError(f"the seed is a whole number from 0 to {LARGEST_SEED}", "0 is as good as any")
        catalog.entry(method)
        located = with_onset(_load(incident))
        with self._one_at_a_time:
            result = next(runner.run(located, [method], seed=seed, deadline=DEADLINE))
        return result, located.onset.time if located.onset else None


def bounded(answer: Mapping[str, Any], rows: int = ROWS) -> dict[str, Any]:
    """Plain data: harmless text of at most `TEXT` characters, lists of at most `rows`, no NaN."""
    return {plain(key, KEY): _bounded(value, rows) for key, value in list(answer.items())[:KEYS]}


def _bounded(value: Any, rows: int) -> Any:
    if isinstance(value, Mapping):
        return bounded(value, rows)
    if isinstance(value, str):
        # A command has several lines at times.
        return "\n".join(plain(line, TEXT) for line in value[:TEXT].split("\n"))
    if isinstance(value, Sequence):
        return [_bounded(item, rows) for item in value[:rows]]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    return plain(value, TEXT)


def _load(name: str) -> Incident:
    """An incident of the library. No path: a program that calls this must not read what it likes."""
    from cluster.incident import library

    path = next((str(listing.path) for listing in library.listings() if listing.name == name), None)
    if path is None:
        raise ToolsError(f"there is no incident {plain(name, 80)!r}", "list_incidents names those that there are")
    return library.load(path)


def _alerts(payload: Alert | None) -> AlertGroup | None:
    if payload is None:
        return None
    from cluster.alerts import parse

    return parse(payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False))


def _column(incident: Incident, component: str, signal: str, called: str | None) -> pd.Series:
    telemetry = incident.telemetry
    for name in (component, called):
        if name is not None and name not in incident.topology.ids:
            known = ", ".join(incident.topology.ids[: ROWS * 5])
            raise ToolsError(plain(f"there is no component {name!r}; there are: {known}", 2000))
    if called is not None:
        frame, key = telemetry.edge_metrics, (component, called)
        signals = [str(column[2]) for column in frame.columns if tuple(column[:2]) == key]
    else:
        frame, signals = telemetry.metrics, list(telemetry.signals_of(component))
    if signal not in signals:
        whose = component if called is None else f"the calls of {component} to {called}"
        known = ", ".join(signals) or "none"
        raise ToolsError(plain(f"{whose} has no signal {signal!r}; there are: {known}", 2000))
    column: pd.Series = frame[(component, signal) if called is None else (component, called, signal)]
    return column


def _mean(values: Sequence[float]) -> float | None:
    measured = [float(value) for value in values if math.isfinite(value)]
    return sum(measured) / len(measured) if measured else None
