"""HTTP to telemetry servers: complete answers within a deadline, failures as one clause."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError, ReadTimeoutError

from cluster.deadline import Deadline, limited

# An answer of 1,000 pods × 300 steps takes about 10 MB; this limit is for answers that make no sense.
LARGEST_ANSWER = 256 << 20

# What reading raises when JSON has another form than expected.
_WRONG_FORM = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)

T = TypeVar("T")


class QueryError(Exception):
    """One query failed; the message is one clause without the address."""


class Adapter(HTTPAdapter):
    """Connections that a `Deadline` can end, also those through a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        limited(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> PoolManager:
        return limited(super().proxy_manager_for(*args, **kwargs))


class Session(requests.Session):
    """Reads complete answers, each within the timeout as a whole, redirects included."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.max_redirects = 3
        # No proxy and no .netrc of the environment for a server on this machine.
        self.trust_env = urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1")
        for scheme in ("http://", "https://"):
            self.mount(scheme, Adapter())

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        with Deadline(kwargs["timeout"]) as deadline:
            try:
                response = self._whole(*args, **kwargs)
            except requests.RequestException:
                if deadline.late:
                    raise QueryError("it took too long") from None
                raise
            if deadline.late:  # the connection was shut down within a body that has no length of its own
                raise QueryError("it took too long")
        if not 200 <= response.status_code < 300:
            raise _refusal(response)
        return response

    def _whole(self, *args: Any, **kwargs: Any) -> requests.Response:
        response = super().request(*args, **kwargs | {"stream": True})
        try:
            body = bytearray()
            while block := response.raw.read1(1 << 16, decode_content=True):
                body += block
                if len(body) > LARGEST_ANSWER:
                    raise QueryError("the answer is too large")
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(error) from error
        except HTTPError as error:
            raise requests.ConnectionError(error) from error
        finally:
            response.close()
        response._content = bytes(body)
        return response


def checked(request: Callable[[], T], server: str = "Prometheus") -> T:
    """Return what the call returns; turn every failure of the request or of reading the answer into a QueryError."""
    try:
        return request()
    except requests.Timeout as error:
        raise QueryError("it took too long") from error
    except requests.exceptions.SSLError as error:
        raise QueryError("its TLS certificate is not trusted") from error
    except requests.exceptions.JSONDecodeError as error:
        raise QueryError(f"the answer is not JSON, so this is hardly {server}'s address") from error
    except (requests.ConnectionError, ConnectionError) as error:
        raise QueryError("the connection failed; check the address and that it runs") from error
    except (requests.RequestException, *_WRONG_FORM) as error:
        raise QueryError(wrong_form(server)) from error


def wrong_form(server: str) -> str:
    return f"the answer is not in {server}'s form; check the address"


def _refusal(response: requests.Response) -> QueryError:
    """The error for a status other than 200, with the reason that the server gives."""
    status = response.status_code
    reason = ""
    try:
        answer = json.loads(response.content)
        reason = str(answer.get("error") or answer.get("message") or "") if isinstance(answer, dict) else ""
    except (ValueError, RecursionError):
        pass  # an error page of a proxy in between: only its status is of use
    said = printable(reason)
    detail = f" ({said})" if said else ""
    if status in (401, 403):
        return QueryError(f"it refuses the login (HTTP {status}); check the token, password or rights{detail}")
    return QueryError(f"HTTP {status}{detail}")


def printable(text: object) -> str:
    """At most 200 characters of a server's own message, with spaces for what cannot be printed."""
    return "".join(c if c.isprintable() else " " for c in str(text))[:200].strip()


def without_secrets(url: str) -> str:
    """The address without user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
