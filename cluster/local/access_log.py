"""Reads the gateway's JSON access log as it grows. Its lines hold what clients sent: hostile text."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_LONGEST_LINE = 64 << 10


@dataclass(frozen=True, slots=True)
class Access:
    """One request as the gateway logged it; times in seconds, None where the gateway did not measure one."""

    time: float
    request_id: str
    method: str
    uri: str
    status: int
    request_time: float
    upstream: str
    connect_time: float | None
    header_time: float | None
    response_time: float | None

    @property
    def error(self) -> bool:
        """Whether the server failed, or the client closed the connection first (499)."""
        return self.status >= 500 or self.status == 499


def parse(line: bytes) -> Access | None:
    """The record in one line; None for any other content."""
    if len(line) > _LONGEST_LINE:
        return None
    try:
        fields = json.loads(line.decode("utf-8", "replace"))  # any bytes that a client sends are counted
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    time, request_time = _number(fields.get("time")), _number(fields.get("request_time"))
    status = _text(fields.get("status"))
    if time is None or request_time is None or not (status.isascii() and status.isdigit()):
        return None
    return Access(
        time=time,
        request_id=_text(fields.get("request_id")),
        method=_text(fields.get("method")),
        uri=_text(fields.get("uri")),
        status=int(status[:3]),
        request_time=request_time,
        upstream=_text(fields.get("upstream")),
        connect_time=_number(fields.get("upstream_connect_time")),
        header_time=_number(fields.get("upstream_header_time")),
        response_time=_number(fields.get("upstream_response_time")),
    )


class Tail:
    """Complete lines appended to a file since the last read; starts over when the file was replaced or truncated.

    With `new` the present content is skipped: it was read before.
    """

    def __init__(self, path: Path, new: bool = False) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""
        if new:
            self._open(os.SEEK_END)

    def lines(self) -> Iterator[bytes]:
        if self._file is None or self._replaced(self._file):
            self._open()
        if self._file is None:
            return
        while block := self._file.read(1 << 16):
            *complete, self._rest = (self._rest + block).split(b"\n")
            yield from complete
            if len(self._rest) > _LONGEST_LINE:
                self._rest = b""  # a line without an end is not a record, and must not fill memory

    def _open(self, whence: int = os.SEEK_SET) -> None:
        if self._file is not None:
            self._file.close()
        self._rest = b""
        try:
            self._file = self._path.open("rb")
            self._file.seek(0, whence)
        except OSError:
            self._file = None

    def _replaced(self, file: BinaryIO) -> bool:
        try:
            now = self._path.stat()
        except OSError:
            return True
        then = os.fstat(file.fileno())
        return (now.st_dev, now.st_ino) != (then.st_dev, then.st_ino) or now.st_size < file.tell()


def _number(value: object) -> float | None:
    """NGINX writes numbers as strings, "-" or "" for none, and "a, b" after a retry, of which the last one counts."""
    if not isinstance(value, str):
        return None
    try:
        number = float(value.rsplit(",", 1)[-1].strip())
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _text(value: object) -> str:
    return value[:2048] if isinstance(value, str) else ""
