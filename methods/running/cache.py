"""Answers kept on disk: one file, one line each, found by a digest of what decides the answer.

The digest is `methods.running.fingerprint.answer`, so nothing has to be thrown away when code changes: old lines are
not asked for any more. A line is written with a single append, so that a run that is killed, or another one at the same
time, damages no other line. A line that cannot be read counts as missing. A file that has outgrown its limit loses its
oldest lines when it is opened.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")
LIMIT = 64 * 2**20
"""Bytes from which on a file is cut to half of that."""


class Cache(Generic[T]):
    """Values of one type by their key, a hexadecimal digest. Reading and writing raise OSError.

    Args:
        path: the file; it and its folder are made when the first value is kept. None keeps nothing.
        kind: how values are written as JSON, and checked when they are read.
        limit: bytes.
    """

    def __init__(self, path: Path | None, kind: TypeAdapter[T], limit: int = LIMIT) -> None:
        self._path, self._kind, self._limit = path, kind, limit
        self._lines = self._read()

    def get(self, key: str) -> T | None:
        """The newest value of that key; None where there is none, or where it is damaged."""
        line = self._lines.get(key.encode())
        if line is None:
            return None
        try:
            return self._kind.validate_json(line)
        except ValidationError:
            return None

    def put(self, key: str, value: T) -> None:
        """Keep a value; it takes the place of an older one."""
        if self._path is None:
            return
        line = self._kind.dump_json(value)
        self._lines[key.encode()] = line
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab+", buffering=0) as file:
            # The last line of a run that was killed may lack its end.
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 1, 0))
            start = b"" if file.read(1) in (b"", b"\n") else b"\n"
            file.write(start + key.encode() + b" " + line + b"\n")

    def _read(self) -> dict[bytes, bytes]:
        if self._path is None or not self._path.exists():
            return {}
        whole = self._path.read_bytes()
        lines: dict[bytes, bytes] = {}
        for line in whole.split(b"\n"):
            key, _, value = line.partition(b" ")
            if value:
                lines.pop(key, None)  # the order of the keys is that of their newest lines
                lines[key] = value
        if len(whole) > self._limit:
            self._cut(lines)
        return lines

    def _cut(self, lines: dict[bytes, bytes]) -> None:
        """Write the file anew with its newest lines, half of the limit at most."""
        if self._path is None:
            return
        kept: list[bytes] = []
        size = 0
        for key, value in reversed(lines.items()):
            size += len(key) + len(value) + 2
            if size > self._limit // 2:
                break
            kept.append(key + b" " + value + b"\n")
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        part.write_bytes(b"".join(reversed(kept)))
        part.replace(self._path)
