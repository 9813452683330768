"""Files that decide what is killed or deleted are read only when nobody else can have written them."""

from __future__ import annotations

import os
import stat
from pathlib import Path


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


def _check(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise NotOurs(f"{path} belongs to another user (uid {found.st_uid})")
    if found.st_mode & stat.S_IWOTH:
        raise NotOurs(f"{path} can be written by every user")
