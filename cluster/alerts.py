"""Alerts of an Alertmanager: what they say about the time, the place and the kind of trouble.

Two forms are read: the payload of a webhook (version 4, one group of alerts) and the list that `/api/v2/alerts`
answers. Everything else in them is left alone. They are hostile text: sizes are bounded, and no expression of theirs is
ever sent to a server.

When it began: `startsAt` is the time at which the rule fired. Its condition had then been true for the rule's `for`,
which no payload carries. A live Prometheus that evaluates the rule knows when the condition became true (the series
`ALERTS_FOR_STATE`, see `AlertGroup.asked`). Else it is taken from the first of these: a label or annotation `for`
(`for: 5m`); a phrase in an annotation such as "for over 5m" or "for more than 15 minutes". Where nothing says it, it
became true at any time from `DEFAULT_FOR` before `startsAt` on.

The condition becomes true up to one window of its expression after the trouble began. The expression is in
`generatorURL`, and its longest range selector (`[5m]`) is that window. A minute is added for the interval at which
rules are evaluated.

Which alerts: alerts of one group are one incident. In a group that has been firing for days, and in a list, only the
newest episode counts: the alert that began last, and those that began within `EPISODE` of the next one. Resolved,
silenced and inhibited alerts are left out while another one fires.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, ValidationError

from cluster.errors import RcaError
from cluster.moment import Moment
from cluster.text.invalid import clause
from cluster.text.plain import plain
from cluster.text.times import DURATION, seconds_of
from cluster.topology import Kind, Topology

LARGEST = 4 << 20
"""Bytes of one payload."""
MOST = 5_000
"""Alerts in one payload."""
MOST_ASKED = 10
"""Alerts of a group, the first ones, whose state a server is asked for."""
DEFAULT_FOR = 300.0
LONGEST = 6 * 3600.0
"""Seconds of a `for` or of a window, at most: slow burn rates look back over days, and no baseline is that long."""
EVALUATED_EVERY = 60.0
EPISODE = 900.0
_COMPONENT_LABELS = (
    *("component", "replica", "pod", "exported_pod", "instance", "upstream", "node", "gpu", "container", "service"),
    *("deployment", "destination_workload"),
)
"""Labels of an alert that may name a component, the most exact first."""
_OWN_LABELS = {Kind.NODE: ("node",), Kind.GPU: (), Kind.ENGINE: ()}
"""Labels of a component that are a name of its own; the others say where it runs."""
_NAME, _VALUE = 200, 4_000  # characters of a label's name, and of its value or of an address
_WORDS = {"second": 1.0, "minute": 60.0, "min": 60.0, "hour": 3600.0, "day": 86400.0}
_RANGE = re.compile(rf"\[({DURATION})[\]:]")
_PHRASE = re.compile(
    r"\bfor (?:at least |over |more than |longer than |the last |the past )?"
    rf"(?:({DURATION})\b|(\d{{1,6}}) ?(second|minute|min|hour|day)s?\b)",
    re.IGNORECASE,
)
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]{2,199}")
_PARTS = re.compile("_(?:bucket|sum|count)$")  # of a histogram


class AlertError(RcaError):
    """What was given is no alert that can be read."""


def _cut(value: Any) -> Any:
    return value[:_VALUE] if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_cut)]
Labels = Annotated[dict[Annotated[str, Field(max_length=_NAME)], Text], Field(max_length=200)]


class _Status(BaseModel):
    state: Text = "active"


class _Alert(BaseModel):
    labels: Labels = {}
    annotations: Labels = {}
    starts: AwareDatetime = Field(alias="startsAt")
    ends: AwareDatetime | None = Field(None, alias="endsAt")
    source: Text = Field("", alias="generatorURL")
    fingerprint: Text = ""
    status: _Status | Text = "firing"


class _Group(BaseModel):
    key: Text = Field("", alias="groupKey")
    alerts: list[_Alert] = Field(max_length=MOST)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. Its text is as it came: make it harmless before you show it.

    Attributes:
        name: the rule's, from the label `alertname`.
        starts: unix seconds at which it fired.
        ends: unix seconds at which it ended; None while it fires.
        waited: seconds for which the condition had been true by then, the rule's `for`; the usual ones if `assumed`.
        assumed: nothing says how long: it may be any time up to `waited`.
        window: seconds that the expression looks back over; 0 where it is not known.
        expression: PromQL of the rule; empty where it is not known.
        active: it fires, and is neither silenced nor inhibited.
    """

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    fingerprint: str
    starts: float
    ends: float | None
    waited: float
    assumed: bool
    window: float
    expression: str
    active: bool

    @property
    def latest(self) -> float:
        """The latest time at which the trouble can have begun, unix seconds."""
        return self.starts if self.assumed else self.starts - self.waited

    @property
    def likely(self) -> float:
        """When it began if the expression needed its whole window."""
        return self.starts - self.waited - self.window

    @property
    def earliest(self) -> float:
        """The earliest such time that is to be expected."""
        return self.likely - EVALUATED_EVERY


@dataclass(frozen=True, slots=True)
class AlertGroup:
    """Alerts of one incident, by the time at which they fired; at least one.

    Attributes:
        key: the group's, as the Alertmanager names it; empty for a list.
        left_out: how many alerts of the payload belong to no newest episode, or are not active.
    """

    key: str
    alerts: tuple[Alert, ...]
    left_out: int = 0

    @property
    def firing(self) -> bool:
        return any(alert.ends is None for alert in self.alerts)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the rules, without repetition."""
        return tuple(dict.fromkeys(alert.name for alert in self.alerts))

    @property
    def title(self) -> str:
        """The names in one harmless line, for people."""
        shown = ", ".join(plain(name, 80) for name in self.names[:3])
        more = len(self.names) - 3
        return f"{shown} and {more} more" if more > 0 else shown

    @property
    def moment(self) -> Moment:
        """When the trouble began by these alerts: at the latest when the first of their conditions became true."""
        latest = min(alert.latest for alert in self.alerts)
        earliest = min(alert.earliest for alert in self.alerts)
        until = max(alert.starts for alert in self.alerts)
        likely = min(alert.likely for alert in self.alerts)
        return Moment(earliest, latest, until, f"the alert {self.title}", likely)

    def asked(self, pending_since: Callable[[Mapping[str, str], float], float | None]) -> AlertGroup:
        """The same with the times at which the conditions became true, where they are known.

        `pending_since` is that of `cluster.deployment.HasAlerts`. Raises DeploymentError.
        """
        told = []
        for alert in self.alerts[:MOST_ASKED]:
            since = pending_since(alert.labels, alert.starts)
            if since is not None and 0 <= alert.starts - since <= LONGEST:
                alert = dataclasses.replace(alert, waited=alert.starts - since, assumed=False)
            told.append(alert)
        return dataclasses.replace(self, alerts=(*told, *self.alerts[MOST_ASKED:]))

    def components(self, topology: Topology) -> tuple[str, ...]:
        """Components that the labels name: by id, or by what the topology knows of them (address, pod, node)."""
        known: dict[str, str] = {}
        for part in topology.components:
            for name in _OWN_LABELS.get(part.kind, ("address", "pod")):
                for value in filter(None, part.labels.get(name, "").split(",")):
                    known.setdefault(value, part.id)
        known |= {name: name for name in topology.ids}
        found: dict[str, None] = {}
        for alert in self.alerts:
            for label in _COMPONENT_LABELS:
                value = alert.labels.get(label, "")
                component = known.get(value) or known.get(value.rpartition(":")[0].strip("[]"))
                if component is not None:
                    found[component] = None
                    break
        return tuple(found)

    def signals(self) -> tuple[str, ...]:
        """Canonical signals that are computed from the metrics in the alerts' expressions, by name."""
        read = {name for alert in self.alerts for name in _METRIC.findall(alert.expression)}
        return tuple(sorted(_signals_of(read))) if read else ()


def parse(payload: bytes | str) -> AlertGroup:
    """The newest episode in a webhook's payload or in the answer of `/api/v2/alerts`. Raises AlertError.

    >>> group = parse(b'[{"labels": {"alertname": "Slow", "for": "2m"}, "startsAt": "2023-11-14T22:13:20Z"}]')
    >>> group.title, group.moment.latest
    ('Slow', 1699999880.0)
    """
    if len(payload) > LARGEST:
        raise AlertError(f"the alerts have more than {LARGEST >> 20} MiB", "give one group of them")
    try:
        read = json.loads(payload)
        group = _Group.model_validate({"alerts": read} if isinstance(read, list) else read)
    except (ValueError, RecursionError) as error:
        raise AlertError(
            f"these are no alerts of an Alertmanager ({_reason(error)})",
            "give a webhook's payload of version 4, or what /api/v2/alerts answers",
        ) from None
    if not group.alerts:
        raise AlertError("there is no alert in this payload", "nothing fires, or a filter left nothing")
    episode = _newest(_alert(alert) for alert in group.alerts)
    return AlertGroup(group.key, episode, len(group.alerts) - len(episode))


def _newest(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Those that began last, with no more than `EPISODE` between two of them; the first first."""
    ordered = sorted(alerts, key=lambda alert: (-alert.starts, alert.fingerprint, alert.name))
    ordered = [alert for alert in ordered if alert.active] or ordered
    kept = ordered[:1]
    for alert in ordered[1:]:
        if kept[-1].starts - alert.starts > EPISODE:
            break
        kept.append(alert)
    return tuple(reversed(kept))


def _alert(read: _Alert) -> Alert:
    state = read.status.state if isinstance(read.status, _Status) else read.status
    starts = read.starts.timestamp()
    # An alert that fires ends in the year 1, or at a time ahead at which it times out.
    ended = state == "resolved" and read.ends is not None and read.ends.timestamp() >= starts
    expression = _expression(read.source)
    waited = _waited(read)
    windows = [seconds_of(found) for found in _RANGE.findall(expression)]
    return Alert(
        name=read.labels.get("alertname", "without a name"),
        labels=read.labels,
        annotations=read.annotations,
        fingerprint=read.fingerprint,
        starts=starts,
        ends=read.ends.timestamp() if ended and read.ends is not None else None,
        waited=DEFAULT_FOR if waited is None else waited,
        assumed=waited is None,
        window=min(max(windows, default=0.0), LONGEST),
        expression=expression,
        active=state in ("firing", "active", "unprocessed"),
    )


def _waited(read: _Alert) -> float | None:
    """What the alert says of its rule's `for`."""
    for texts in (read.labels, read.annotations):
        said = texts.get("for", "").strip()
        if said == "0":
            return 0.0
        with contextlib.suppress(ValueError):
            return min(seconds_of(said), LONGEST)
    for name in ("summary", "description", "message", *sorted(read.annotations)):
        found = _PHRASE.search(read.annotations.get(name, ""))
        if found is not None:
            seconds = seconds_of(found[1].lower()) if found[1] else float(found[2]) * _WORDS[found[3].lower()]
            return min(seconds, LONGEST)
    return None


def _expression(address: str) -> str:
    """The query that the address of a graph carries; empty where there is none."""
    try:
        query = urlsplit(address).query
        return parse_qs(query, max_num_fields=50).get("g0.expr", [""])[0]
    except ValueError:
        return ""


def _signals_of(metrics: set[str]) -> set[str]:
    from cluster.prometheus.names import Environment, spellings

    families = {_PARTS.sub("", metric) for metric in metrics}
    tables = (spelling for environment in Environment for spelling in spellings(environment))
    return {
        rule.signal
        for table in tables
        for rule in table.rules
        if not families.isdisjoint(_PARTS.sub("", metric) for metric in rule.metrics)
    }


def _reason(error: Exception) -> str:
    """What is wrong with the payload, in a clause."""
    if not isinstance(error, ValidationError):
        return "not JSON"
    first = error.errors(include_url=False, include_input=False)[0]
    if not first["loc"]:
        return "neither an object nor a list"
    return plain(f"{'.'.join(str(part) for part in first['loc'])}: {clause(first)}", 200)
