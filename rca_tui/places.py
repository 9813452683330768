"""Where commands write: refused before anything is connected to, read or run, which may take minutes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cluster.errors import RcaError

if TYPE_CHECKING:
    from pathlib import Path


class PlaceError(RcaError):
    """Nothing can be written there."""


def check_new(path: Path) -> None:
    """Raises PlaceError when no new file or folder can be made there: it exists, or its folder is none to write to."""
    if path.exists() or path.is_symlink():
        raise PlaceError(f"{path} exists already", "choose another name or remove it first")
    _check_writable(path.parent)


def check_file(path: Path) -> None:
    """Raises PlaceError when a file that is added to can be neither made nor written there; folders are made for it."""
    if not path.exists():
        check_folder(path.parent)
    elif path.is_dir() or not os.access(path, os.W_OK):
        raise PlaceError(f"{path} is not a file that can be written", "choose another name")


def check_folder(path: Path) -> None:
    """Raises PlaceError when files can be put neither into that folder nor into a new one of that name."""
    while not path.exists() and path != path.parent:
        path = path.parent
    _check_writable(path)


def _check_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK) or not folder.is_dir():
        raise PlaceError(f"{folder} is not a folder that can be written to", "choose another place")
