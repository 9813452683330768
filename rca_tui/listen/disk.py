"""The listener's own state on disk: small JSON files, written whole or not at all, by one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from cluster import own_files
from cluster.errors import RcaError

T = TypeVar("T", bound=BaseModel)
_LARGEST = 64 << 20


class StateError(RcaError):
    """The listener's state cannot be read, or another listener has it."""


def read(path: Path, kind: type[T]) -> T:
    """What was written there; an empty one where there is no file. Raises StateError, OSError."""
    try:
        # What it says is deleted and answered: nobody else may have written it.
        return kind.model_validate_json(own_files.read(path, _LARGEST))
    except FileNotFoundError:
        return kind()
    except own_files.NotOurs as error:
        raise StateError(f"{error}, so the listener does not act on it", "move it away and start again") from None
    except ValidationError:
        raise StateError(f"{path} cannot be read as the listener's state", "move it away and start again") from None


def write(path: Path, value: BaseModel) -> None:
    """Replace the file in one step. Raises OSError; then the file is as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        with part.open("x", encoding="utf-8") as stream:  # a new file: through no link, into no pipe
            stream.write(value.model_dump_json())
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One listener at a time: the kernel drops the lock with its process. Raises StateError, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    # Nothing is written: what a link leads to would be emptied.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with os.fdopen(os.open(folder / "lock", flags, 0o600), "r+b", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError("another listener runs for this user", "stop it first, or send the alerts to it") from None
        yield
