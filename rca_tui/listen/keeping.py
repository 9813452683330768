"""How much of the disk the listener's own files take: the oldest incidents go first, pinned ones stay.

Only what the listener itself wrote is ever removed: it keeps a list of its files with their sizes and times, and a file
that was changed or replaced since is not its own any more.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from cluster import paths
from rca_tui.listen import disk

MOST_INCIDENTS = 200
MOST_BYTES = 1 << 30
PIN = ".pinned"
"""Ending of an empty file beside a saved incident that stays: `alert-20261129-0311-01.zip.pinned`."""


class _File(BaseModel):
    path: Path
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> _File:
        status = path.stat(follow_symlinks=False)
        return cls(path=path, size=status.st_size, changed=status.st_mtime_ns)

    def unchanged(self) -> bool:
        try:
            return _File.of(self.path) == self
        except OSError:
            return False


class _Made(BaseModel):
    incident: str
    files: list[_File] = []

    @property
    def pinned(self) -> bool:
        return (paths.incidents() / f"{self.incident}.zip{PIN}").exists()

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class _State(BaseModel):
    made: list[_Made] = []


class Keeping:
    """The files that the listener made, by incident, the oldest first."""

    def __init__(self, path: Path) -> None:
        """Raises StateError where the file exists and cannot be read."""
        self._path = path
        self._state = disk.read(path, _State)

    def add(self, incident: str, file: Path) -> None:
        """A file of this incident was written. Raises OSError."""
        made = next((each for each in self._state.made if each.incident == incident), None)
        if made is None:
            made = _Made(incident=incident)
            self._state.made.append(made)
        made.files.append(_File.of(file))
        disk.write(self._path, self._state)

    def make_room(self, most_incidents: int = MOST_INCIDENTS, most_bytes: int = MOST_BYTES) -> tuple[str, ...]:
        """Remove the files of the oldest incidents beyond the two limits; return their names. Raises OSError.

        The newest incident stays, whatever its size.
        """
        for made in self._state.made:
            made.files = [file for file in made.files if file.unchanged()]
        kept = [made for made in self._state.made if made.files]
        count, size, removed = len(kept), sum(made.size for made in kept), []
        for made in kept[:-1]:
            if count <= most_incidents and size <= most_bytes:
                break
            if not made.pinned:
                for file in made.files:
                    file.path.unlink(missing_ok=True)
                count, size = count - 1, size - made.size
                removed.append(made.incident)
        self._state = _State(made=[made for made in kept if made.incident not in removed])
        disk.write(self._path, self._state)
        return tuple(removed)
