"""HTTP to telemetry servers: complete answers within a deadline, failures as one clause."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager, disable_warnings
from urllib3.exceptions import HTTPError, InsecureRequestWarning, ReadTimeoutError

from cluster import secrets
from cluster.deadline import Deadline, limited
from cluster.text.quantities import quantity

# An answer of 1,000 pods × 300 steps takes about 10 MB; this limit is for answers that make no sense.
LARGEST_ANSWER = 256 << 20

# Drawn by chance: twelve letters and digits in a row, some of each. The names of pods have ten at most.
_DRAWN = re.compile(r"(?<![a-z0-9])(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]{12,}", re.IGNORECASE)
_SECRET = re.compile(r"token|key|secret|pass|auth|sig|cred", re.IGNORECASE)  # in the name of a parameter
_LONG = 20  # characters from which on such a part is no name of a component or a model

# What reading raises when JSON has another form than expected.
_WRONG_FORM = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)

T = TypeVar("T")


def unchecked_on_purpose() -> None:
    """No warning at each request to a server whose certificate is not checked because a setting says so."""
    disable_warnings(InsecureRequestWarning)


class QueryError(Exception):
    """One query failed; the message is one clause without the address."""


class Adapter(HTTPAdapter):
    """Connections that a `Deadline` can end, also those through a proxy.

    `server_name`: the name that the server's certificate has to bear, where it is not that of the address.
    """

    def __init__(self, server_name: str = "") -> None:
        tls = {"server_hostname": server_name, "assert_hostname": server_name} if server_name else {}
        self._tls: dict[str, Any] = tls
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs | self._tls)
        limited(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> PoolManager:
        return limited(super().proxy_manager_for(*args, **kwargs | self._tls))


@dataclass(frozen=True)
class Login:
    """The address of an endpoint and how to get in.

    Attributes:
        verify: whether to check its certificate, or the file of the authorities to check it by.
        cert: files of the client's certificate and key.
        proxy: the proxy that leads there; empty for the environment's.
        server_name: the name in its certificate, where it is not that of the address.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: tuple[str, str] | None = None
    verify: bool | str = True
    cert: tuple[str, str] | None = None
    proxy: str = ""
    server_name: str = ""


class Session(requests.Session):
    """Reads complete answers, each within the timeout as a whole, redirects included."""

    def __init__(self, login: Login) -> None:
        super().__init__()
        self.max_redirects = 3
        # No proxy and no .netrc of the environment for a server on this machine.
        self.trust_env = urlsplit(login.url).hostname not in ("127.0.0.1", "localhost", "::1")
        self.verify, self.cert = login.verify, login.cert
        if login.verify is False:
            unchecked_on_purpose()
        if login.proxy:
            self.proxies = {"http": login.proxy, "https": login.proxy}
        for scheme in ("http://", "https://"):
            self.mount(scheme, Adapter(login.server_name))
        secrets.hold_login(login.headers, login.auth)
        hold_secrets(urlsplit(login.url).path)

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        # What a request itself says comes before the environment, what a session says after it.
        if self.verify is not True:
            kwargs.setdefault("verify", self.verify)
        if self.proxies:
            kwargs.setdefault("proxies", dict(self.proxies))
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
                    raise QueryError(f"the answer is larger than {quantity(LARGEST_ANSWER, 'bytes')}")
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
        if of_certificate(error):
            raise QueryError("its TLS certificate is not trusted") from error
        raise QueryError("there is no TLS at that address; does it begin with http://?") from error
    except requests.TooManyRedirects as error:
        raise QueryError("it redirects without end; check the address") from error
    except requests.exceptions.JSONDecodeError as error:
        raise QueryError(f"the answer is not JSON, so this is hardly {server}'s address") from error
    except (requests.ConnectionError, ConnectionError) as error:
        raise QueryError("the connection failed; check the address and that it runs") from error
    except (requests.RequestException, *_WRONG_FORM) as error:
        raise QueryError(wrong_form(server)) from error


def of_certificate(error: Exception) -> bool:
    """Whether an error of TLS is of the certificate, and not of a server that speaks none."""
    return "certificate" in str(error).lower()


def wrong_form(server: str) -> str:
    return f"the answer is not in {server}'s form; check the address"


def _refusal(response: requests.Response) -> QueryError:
    """The error for a status other than 200, with the reason that the server gives."""
    status = response.status_code
    reason = ""
    try:
        answer = json.loads(response.content)
        found = answer.get("error") or answer.get("message") or "" if isinstance(answer, dict) else ""
        reason = str(found.get("message") or "" if isinstance(found, dict) else found)
    except (ValueError, RecursionError):
        # An error page of a proxy in between, of which only the status is of use; Mimir says this one in plain text.
        reason = "no org id" if b"no org id" in response.content[:200] else ""
    said = printable(reason)
    detail = f" ({said})" if said else ""
    if "no org id" in said:  # Mimir, Cortex, Loki and Tempo with several tenants
        return QueryError("it wants a tenant (X-Scope-OrgID); set tenant for it in kubernetes.toml")
    if status in (401, 403):
        return QueryError(f"it refuses the login (HTTP {status}); check the token, password or rights{detail}")
    return QueryError(f"HTTP {status}{detail}")


def printable(text: object) -> str:
    """At most 200 characters of a server's own message, with spaces for what cannot be printed."""
    return "".join(c if c.isprintable() else " " for c in secrets.hide(str(text)))[:200].strip()


def without_secrets(url: str) -> str:
    """The address without user, password and query; a part of its path that may be a token is an ellipsis."""
    parts = urlsplit(url)
    path = "/".join("…" if _drawn(part) else part for part in parts.path.split("/"))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, "", ""))


def hold_secrets(path: str, params: Iterable[tuple[str, str]] = (), auth: tuple[str, str] | None = None) -> None:
    """Hide what may be a secret in the parts of a URL wherever a server or a library repeats it.

    A usual word is none: it may be the name of a component or of a user, or `prometheus` in `?format=prometheus`.
    """
    drawn = [part for part in path.split("/") if _drawn(part)]
    if drawn:
        long = [part for part in drawn if len(part) >= _LONG]
        secrets.hold(path, *long, *map(unquote, long))
    secrets.hold(*(value for name, value in params if _SECRET.search(name) or _drawn(value)))
    if auth is not None:
        user, password = auth
        secrets.hold(password, *([user] if not password or _drawn(user) else []))


def _drawn(part: str) -> bool:
    return _DRAWN.search(unquote(part)) is not None
