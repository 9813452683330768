"""Files that are read only when nobody else can have written them, and files that are read and written with care."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

LARGEST_TEXT = 1 << 20


class NotOurs(Exception):
    """The file, or its folder, can have been written by another user. The message says why."""


def read(path: Path, limit: int) -> bytes:
    """The first `limit` bytes. Raises NotOurs, or OSError when it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        if path.is_symlink():
            raise NotOurs(f"{path} is a link") from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotOurs(f"{path} is not a file")
        _check(path, found)
        folder = path.parent.stat()
        if not folder.st_mode & stat.S_ISVTX:  # in a sticky folder nobody replaces the file of another
            _check(path.parent, folder)
        return file.read(limit)


def head(path: Path, limit: int) -> bytes:
    """The first `limit` bytes of a file, whoever wrote it. Raises OSError, for a pipe or a device at once."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no file", str(path))
        return file.read(limit)


def small_text(path: Path) -> str:
    """A file of settings or a secret, whoever wrote it. Raises OSError; ValueError for a large one, or for no UTF-8."""
    content = head(path, LARGEST_TEXT + 1)
    if len(content) > LARGEST_TEXT:
        raise ValueError(f"it is larger than {LARGEST_TEXT >> 20} MiB")
    return content.decode()


def append(path: Path, line: bytes) -> None:
    """Append a line, which is on disk on return; a line before it that a crash cut off stays apart.

    The folder is made where there is none. Raises OSError; then no whole line was added.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        whole = (b"\n" if torn else b"") + line + b"\n"
        if os.write(descriptor, whole) != len(whole):
            raise OSError(errno.ENOSPC, "only a part of a line could be written: is the disk full?")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise NotOurs(f"{path} belongs to another user (uid {found.st_uid})")
    if found.st_mode & stat.S_IWOTH:
        raise NotOurs(f"{path} can be written by every user")
