"""The key of this machine's user: 32 random bytes in the state folder, which only the user may read.

What this version wrote itself is told by it from what somebody else wrote: sealed truths, journals. Whoever can read
the file can do the same: it protects nothing from the user, nor from root.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cluster import own_files, paths
from cluster.errors import RcaError

_BYTES = 32


class HostKeyError(RcaError):
    """The key cannot be read or written."""


def path() -> Path:
    return paths.state_home() / "host.key"


def derive(purpose: str, *, make: bool = False) -> bytes | None:
    """The 32 bytes of one purpose; None where there is no key yet, unless it is to be made. Raises HostKeyError."""
    key = _read()
    if key is None and make:
        _make()
        key = _read()
    return None if key is None else hmac.digest(key, purpose.encode(), hashlib.sha256)


def _read() -> bytes | None:
    file = path()
    try:
        key = own_files.read(file, _BYTES + 1)
        mode = file.stat().st_mode
    except FileNotFoundError:
        return None
    except own_files.NotOurs as error:
        raise HostKeyError(f"the key is not used: {error}", f"remove {file} if it is not yours") from error
    except OSError as error:
        raise HostKeyError(f"cannot read the key {file}: {error.strerror or error}") from error
    if mode & 0o077:
        raise HostKeyError(f"the key {file} can be read by other users", command=f"chmod 600 {file}")
    if len(key) != _BYTES:
        raise HostKeyError(f"{file} is no key: it must hold {_BYTES} bytes", "restore it from a backup, or remove it")
    return key


def _make() -> None:
    """Whoever comes first wins: the file appears whole, or not at all."""
    file = path()
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(secrets.token_bytes(_BYTES))
            stream.flush()
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(part, file)
    except OSError as error:
        raise HostKeyError(f"cannot write the key {file}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
