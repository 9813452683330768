"""Annotations in Grafana, by its HTTP API: `POST /api/annotations`, one request each.

Reference: https://grafana.com/docs/grafana/latest/developers/http_api/annotations/
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest

from cluster.errors import RcaError
from cluster.http import QueryError, Session, checked, without_secrets

TOKEN = "GRAFANA_TOKEN"  # noqa: S105 (the name of a variable)
"""The environment variable that holds the token of a service account."""
TIMEOUT = 15.0
_PLACE = "/api/annotations"


class GrafanaError(RcaError):
    """Grafana's address cannot be used, or it does not take an annotation."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """A point, or with `end` a region, in unix seconds. Grafana reads the text as HTML: it is escaped by the caller."""

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


def send(url: str, annotations: Iterable[Annotation], dashboard: str | None = None) -> Iterator[tuple[Annotation, int]]:
    """Send them one by one, and yield each with the id that Grafana gave it.

    The token comes from the environment variable `TOKEN`; without one, the request has no login. Redirects are not
    followed. Raises GrafanaError; those that were yielded before are in Grafana.
    """
    place = address(url)
    token = os.environ.get(TOKEN, "").strip()
    if not token.isascii() or not token.isprintable():
        raise GrafanaError(f"the value of {TOKEN} is no token", "it holds characters that no token has")
    with Session(url) as session:
        session.headers["Accept"] = "application/json"
        # As a function, so that no login of .netrc takes its place.
        session.auth = partial(_authorize, token)
        for annotation in annotations:
            body = annotation.payload(dashboard)
            try:
                number = checked(lambda body=body: _post(session, place, body), "Grafana")  # type: ignore[misc]
            except QueryError as error:
                hint = f"; {TOKEN} is not set" if not token and "login" in str(error) else ""
                raise GrafanaError(f"{without_secrets(url)} took no annotation: {error}{hint}") from error
            yield annotation, number


def _authorize(token: str, request: PreparedRequest) -> PreparedRequest:
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
    return request


def _post(session: Session, place: str, body: dict[str, Any]) -> int:
    answer = session.post(place, json=body, timeout=TIMEOUT, allow_redirects=False).json()
    return int(answer["id"])
