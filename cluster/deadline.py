"""One deadline for a whole HTTP exchange: connecting, the status line, the headers and the body.

The time-out of a socket limits only the wait for each next byte, so a server that sends a byte a second is never late.
Here the connection itself is shut down when the time is over, whatever its thread waits for.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any, Self

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

_running = threading.local()


class Deadline:
    """The connections of one exchange, which are shut down `seconds` from now.

    As a context manager it holds what the thread sends meanwhile, and is closed at the end. `late`: whether it struck.
    """

    def __init__(self, seconds: float) -> None:
        self.late = False
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self._timer = self._started(seconds)

    def __enter__(self) -> Self:
        self._outer = getattr(_running, "deadline", None)
        _running.deadline = self
        return self

    def __exit__(self, *_: object) -> None:
        _running.deadline = self._outer
        self.close()

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """Hold what the thread sends meanwhile; the deadline goes on afterwards, for an answer that is read later."""
        outer = getattr(_running, "deadline", None)
        _running.deadline = self
        try:
            yield
        finally:
            _running.deadline = outer

    def move(self, seconds: float) -> None:
        """Count anew: so many seconds from now."""
        self._timer.cancel()
        self._timer = self._started(seconds)

    def close(self) -> None:
        """Let the connections go on; another exchange may use them."""
        self._timer.cancel()
        with self._lock:
            for held in self._held:
                held.close()
            self._held.clear()

    def hold(self, connection: socket.socket) -> None:
        """Shut this connection down too. A duplicate is held: TLS gives the socket another owner on its way."""
        with self._lock:
            duplicate = socket.socket(fileno=os.dup(connection.fileno()))
            self._held.append(duplicate)
            if self.late:
                _shut(duplicate)

    def _started(self, seconds: float) -> threading.Timer:
        timer = threading.Timer(max(seconds, 0.0), self._strike)
        timer.daemon = True
        timer.start()
        return timer

    def _strike(self) -> None:
        with self._lock:
            self.late = True
            for held in self._held:
                _shut(held)


def limited(pools: PoolManager) -> PoolManager:
    """The same connection pools; what they send within a `Deadline` is held by it."""
    pools.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
    return pools


class _HTTP(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _held(super()._new_conn())

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        _hold_again(self.sock)
        super().putrequest(*args, **kwargs)


class _HTTPS(_HTTP, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPS


def _held(connection: socket.socket) -> socket.socket:
    deadline: Deadline | None = getattr(_running, "deadline", None)
    if deadline is not None:
        deadline.hold(connection)
    return connection


def _hold_again(connection: socket.socket | None) -> None:
    """A connection that an earlier exchange opened is held by this one from now on."""
    if connection is not None and connection.fileno() >= 0:
        _held(connection)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other end was faster
        connection.shutdown(socket.SHUT_RDWR)
