"""The HTTP server that an Alertmanager posts to: one path, bounded requests, one deadline for each.

Reference: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import contextlib
import hmac
import io
import ipaddress
import json
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, cast

from cluster.alerts import AlertError, AlertGroup, parse
from cluster.text.plain import plain
from rca_tui.listen.inbox import Taken

PATH = "/alerts"
LARGEST = 1 << 20
"""Bytes of a request's body."""
HEAD = 32 << 10
"""Bytes of a request's line and headers."""
DEADLINE = 10.0
"""Seconds for a whole request, from the connection to the answer's last byte."""
CONNECTIONS = 64
_DRAINED = 8 << 20
_STATUS = {
    Taken.NEW: HTTPStatus.ACCEPTED,
    Taken.KNOWN: HTTPStatus.OK,
    Taken.ENDED: HTTPStatus.OK,
    # Alertmanager posts again after a 5xx, and gives up after a 4xx.
    Taken.FULL: HTTPStatus.SERVICE_UNAVAILABLE,
    Taken.TOO_OFTEN: HTTPStatus.TOO_MANY_REQUESTS,
}


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone; a name other than `localhost` is not resolved."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Server(socketserver.ThreadingMixIn, HTTPServer):
    """Takes alerts at `PATH` and hands each group on; a thread for each of at most `CONNECTIONS` connections.

    Where there are too many, the oldest is ended: an alert takes milliseconds, so that it is one of somebody slow.
    """

    daemon_threads = False
    request_queue_size = CONNECTIONS
    allow_reuse_address = True

    def __init__(self, host: str, port: int, token: str, take: Callable[[AlertGroup, str], Taken]) -> None:
        """Bind.

        Args:
            token: what a request must carry (`Authorization: Bearer …`); empty for none.
            take: keeps a group with its payload; raises OSError where it cannot.

        Raises OSError.
        """
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.token = token
        self.take = take
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        self._open: dict[socket.socket, None] = {}  # the oldest first
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{PATH}"

    def server_bind(self) -> None:
        # HTTPServer's own asks the DNS for this machine's name.
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self._end_oldest()
            if not self._free.acquire(timeout=1.0):
                self.shutdown_request(request)
                return
        with self._lock:
            self._open[request] = None
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._ended(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._ended(request)

    def _ended(self, request: socket.socket) -> None:
        with self._lock:
            self._open.pop(request)
        self._free.release()

    def _end_oldest(self) -> None:
        with self._lock:
            oldest = next(iter(self._open), None)
            if oldest is not None:
                with contextlib.suppress(OSError):  # it has just ended by itself
                    oldest.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is the client's affair; what else goes wrong is a defect, and the server goes on."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _TooLong(Exception):
    """The head of a request has more bytes than `HEAD`."""


class _Incoming(io.RawIOBase):
    """What arrives on a connection until a time, and up to a number of bytes."""

    def __init__(self, connection: socket.socket, ends: float) -> None:
        self._connection, self._ends, self.left = connection, ends, HEAD

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.left <= 0:
            raise _TooLong
        _until(self._connection, self._ends)
        count = self._connection.recv_into(buffer, min(len(buffer), self.left))
        self.left -= count
        return count


def _until(connection: socket.socket, ends: float) -> None:
    """The next operation ends by then. Raises TimeoutError where it is too late."""
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.settimeout(left)


class _Handler(BaseHTTPRequestHandler):
    request_version = "HTTP/1.0"  # until the request says
    requestline = ""

    def setup(self) -> None:
        super().setup()
        self._ends = time.monotonic() + DEADLINE
        self._incoming = _Incoming(self.connection, self._ends)
        self.rfile = io.BufferedReader(self._incoming)

    def handle(self) -> None:
        try:
            self.handle_one_request()
        except _TooLong:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the head has more than {HEAD} bytes")

    def do_POST(self) -> None:
        server = cast("Server", self.server)
        refusal = self._forbidden(server.token) or self._unusable()
        if refusal is not None:
            self._refuse(*refusal)
            return
        length = int(self.headers["Content-Length"])
        self._incoming.left += length
        body = self.rfile.read(length)
        if len(body) < length:
            self._refuse(HTTPStatus.BAD_REQUEST, "the body ends too early")
            return
        try:
            payload = body.decode("utf-8")
            group = parse(payload)
        except UnicodeDecodeError:
            self._refuse(HTTPStatus.BAD_REQUEST, "the body is not UTF-8")
            return
        except AlertError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
            return
        try:
            taken = server.take(group, payload)
        except OSError as error:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"it cannot be kept: {error.strerror}")
            return
        self._answer(_STATUS[taken], {"alert": group.title, "taken": taken.value})

    def _forbidden(self, token: str) -> tuple[HTTPStatus, str] | None:
        """Why this client may not post."""
        if token:
            given = self.headers.get("Authorization", "").encode("latin-1", "replace")
            if not hmac.compare_digest(given, f"Bearer {token}".encode("latin-1")):
                return HTTPStatus.UNAUTHORIZED, "the token is missing or wrong"
        elif not is_loopback(_host(self.headers.get("Host", ""))):
            # A page in a browser of this machine that has its own name resolved to 127.0.0.1.
            return HTTPStatus.FORBIDDEN, "without a token, only requests to localhost are taken"
        return None

    def _unusable(self) -> tuple[HTTPStatus, str] | None:
        """Why this request's head is not that of an alert."""
        lengths = self.headers.get_all("Content-Length", [])
        if self.path != PATH:
            return HTTPStatus.NOT_FOUND, f"alerts are posted to {PATH}"
        # Other types are what a page in a browser can post to any address.
        if self.headers.get_content_type() != "application/json":
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the Content-Type is not application/json"
        if "Transfer-Encoding" in self.headers or not lengths:
            return HTTPStatus.LENGTH_REQUIRED, "the Content-Length is missing"
        if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            return HTTPStatus.BAD_REQUEST, "the Content-Length is no number"
        if len(lengths[0]) > len(str(LARGEST)) or int(lengths[0]) > LARGEST:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {LARGEST >> 20} MiB: set max_alerts"
        return None

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._answer(status, {"error": plain(why, 300)})
        # To close a connection with unread bytes would take the answer away from the client.
        self.connection.shutdown(socket.SHUT_WR)
        left = _DRAINED
        while left > 0:
            _until(self.connection, self._ends)
            count = len(self.connection.recv(1 << 16))
            left = left - count if count else 0

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Errors that the standard library finds: a request that is none, a method that there is not."""
        self._refuse(HTTPStatus(code), HTTPStatus(code).phrase)

    def version_string(self) -> str:
        return "rca-tui"

    def _answer(self, status: HTTPStatus, body: dict[str, str]) -> None:
        content = (json.dumps(body) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Connection", "close")
        _until(self.connection, self._ends)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged one by one: what is taken is told by the one who takes it."""


def _host(header: str) -> str:
    """The host of a `Host` header, without its port."""
    host, bracket, _ = header.partition("]")
    return host + bracket if bracket else header.rpartition(":")[0] or header
