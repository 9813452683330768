"""Annotations in Grafana, by its HTTP API: each is there once, however often it is sent.

An annotation is known by its tags: source, incident and kind, the first three. Those that are there are asked for first
(`GET /api/annotations`); one that says something else than before is changed (`PATCH`), a new one is added (`POST`).

Reference: https://grafana.com/docs/grafana/latest/developers/http_api/annotations/
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest

from cluster.errors import RcaError
from cluster.http import Login, QueryError, Session, checked, without_secrets

TOKEN = "GRAFANA_TOKEN"  # noqa: S105 (the name of a variable)
"""The environment variable that holds the token of a service account."""
TIMEOUT = 15.0
_PLACE = "/api/annotations"
_MOST = 1000


class GrafanaError(RcaError):
    """Grafana's address cannot be used, or it does not take an annotation."""


class Done(StrEnum):
    """What was done with an annotation."""

    ADDED = "added"
    CHANGED = "changed"
    THERE = "there already"


@dataclass(frozen=True, slots=True)
class Annotation:
    """A point, or with `end` a region, in unix seconds. Grafana reads the text as HTML: it is escaped by the caller.

    Tags: the first three tell it from all others.
    """

    time: float
    text: str
    tags: tuple[str, ...]
    end: float | None = None

    def payload(self, dashboard: str | None = None) -> dict[str, Any]:
        """The body of the request; without a dashboard the annotation belongs to the organization."""
        where = {} if dashboard is None else {"dashboardUID": dashboard}
        until = {} if self.end is None else {"timeEnd": round(self.end * 1000)}
        return {**where, "time": round(self.time * 1000), **until, "tags": list(self.tags), "text": self.text}


def address(url: str) -> str:
    """The address of the API under Grafana's own. Raises GrafanaError for one that is none, or holds a password."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise GrafanaError("that is no address of a Grafana", "give one such as https://grafana.example.com")
    if parts.username is not None or parts.query or parts.fragment:
        raise GrafanaError(
            "the address of Grafana holds more than an address", f"leave secrets out of it; {TOKEN} holds the token"
        )
    return url.rstrip("/") + _PLACE


def send(
    url: str, annotations: Sequence[Annotation], dashboard: str | None = None
) -> Iterator[tuple[Annotation, int, Done]]:
    """Send them one by one, and yield each with its id in Grafana and what was done.

    The token comes from the environment variable `TOKEN`; without one, the request has no login. Redirects are not
    followed. Raises GrafanaError; those that were yielded before are in Grafana.
    """
    place = address(url)
    token = os.environ.get(TOKEN, "").strip()
    if not token.isascii() or not token.isprintable():
        raise GrafanaError(f"the value of {TOKEN} is no token", "it holds characters that no token has")
    with Session(Login(url, {"Authorization": token})) as session:
        session.headers["Accept"] = "application/json"
        # As a function, so that no login of .netrc takes its place.
        session.auth = partial(_authorize, token)
        for annotation in annotations:
            try:
                number, done = checked(lambda one=annotation: _put(session, place, one, dashboard), "Grafana")  # type: ignore[misc]
            except QueryError as error:
                hint = f"; {TOKEN} is not set" if not token and "login" in str(error) else ""
                raise GrafanaError(f"{without_secrets(url)} took no annotation: {error}{hint}") from error
            yield annotation, number, done


def _authorize(token: str, request: PreparedRequest) -> PreparedRequest:
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
    return request


def _put(session: Session, place: str, annotation: Annotation, dashboard: str | None) -> tuple[int, Done]:
    body = annotation.payload(dashboard)
    there = _there(session, place, annotation, dashboard)
    if there is None:
        made = session.post(place, json=body, timeout=TIMEOUT, allow_redirects=False).json()
        return int(made["id"]), Done.ADDED
    number = int(there["id"])
    if _said(there) == _said(body):
        return number, Done.THERE
    change = {name: value for name, value in body.items() if name != "dashboardUID"}
    # Grafana keeps what is left out: without an end a region would stay one.
    change.setdefault("timeEnd", change["time"])
    session.patch(f"{place}/{number}", json=change, timeout=TIMEOUT, allow_redirects=False)
    return number, Done.CHANGED


def _there(session: Session, place: str, annotation: Annotation, dashboard: str | None) -> dict[str, Any] | None:
    """The same annotation as it is in Grafana: on that dashboard, or on none."""
    known = annotation.tags[:3]
    where = {} if dashboard is None else {"dashboardUID": dashboard}
    query: dict[str, Any] = {**where, "type": "annotation", "limit": _MOST, "tags": known}
    rows = session.get(place, params=query, timeout=TIMEOUT, allow_redirects=False).json()
    # Older versions do not know every parameter, and answer with more than was asked for.
    return next(
        (r for r in rows if set(known) <= set(r["tags"]) and (r.get("dashboardUID") or dashboard) == dashboard), None
    )


def _said(body: dict[str, Any]) -> tuple[Any, ...]:
    """What people see of it; a point ends where it begins, or has no end."""
    return body["time"], body.get("timeEnd") or body["time"], body["text"], frozenset(body["tags"])
