"""One folder or one .zip as a set of named files: written atomically, read without trusting it.

A saved incident may come from a stranger. Reading follows no links, never leaves the folder, trusts no declared size,
and stops at `LIMIT` bytes.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from cluster.errors import RcaError
from cluster.text.quantities import quantity

LIMIT = 512 * 1024 * 1024
_CHUNK = 1 << 20
_ENTRIES = 64
_DIRECTORY = 1 << 20  # bytes that list the files of a .zip
_END, _END_BYTES, _ZIP64 = b"PK\x05\x06", 22, b"PK\x06\x07"
_EPOCH = (1980, 1, 1, 0, 0, 0)


class IncidentError(RcaError):
    """A saved incident cannot be written or read."""


def check_free(path: Path) -> None:
    """Raises IncidentError where something has that name."""
    if path.exists() or path.is_symlink():
        raise IncidentError(f"{path} exists already: choose another name or remove it first")


def write(path: Path, files: Mapping[str, bytes]) -> None:
    """Write all files as a folder, or as a .zip where the path ends so. Raises IncidentError; then nothing is left.

    The same files give the same bytes: entries are sorted and carry no time.
    """
    check_free(path)
    import secrets  # brings what only cryptography needs, and reading needs none

    part = path.parent / f".{path.name}.{secrets.token_hex(4)}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".zip":
            _write_zip(part, files)
        else:
            _write_folder(part, files)
        part.rename(path)
    except OSError as error:
        raise IncidentError(f"cannot write {path}: {error.strerror or error}; choose another place") from error
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _write_folder(part: Path, files: Mapping[str, bytes]) -> None:
    part.mkdir()
    for name, content in files.items():
        with (part / name).open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())


def _write_zip(part: Path, files: Mapping[str, bytes]) -> None:
    with part.open("wb") as stream:
        with zipfile.ZipFile(stream, "w") as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                packed = name.endswith((".parquet", ".sealed"))  # deflated, the seals' sizes would differ by chance
                entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
                archive.writestr(entry, files[name])
        stream.flush()
        os.fsync(stream.fileno())


class Reader:
    """The files of one folder or .zip, by name; at most `LIMIT` bytes in all. Use it as a context manager.

    Raises IncidentError when the path is neither, or when a .zip holds links, paths that leave it, or duplicate names.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._left = LIMIT
        self._archive: zipfile.ZipFile | None = None
        self._entries: dict[str, zipfile.ZipInfo] = {}
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError) as error:
            raise IncidentError(f"there is no incident at {path}: give a folder or .zip that was saved here") from error
        if stat.S_ISDIR(mode):
            return
        if not stat.S_ISREG(mode):
            raise IncidentError(f"{path} is neither a folder nor a .zip: give a saved incident")
        self._open_archive()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        if self._archive is not None:
            self._archive.close()

    def __contains__(self, name: str) -> bool:
        if self._archive is not None:
            return name in self._entries
        return os.path.lexists(self.path / name)

    def read(self, name: str, limit: int = LIMIT) -> bytes:
        """One file of `limit` bytes at most. Raises IncidentError when it is missing, damaged, a link, or larger."""
        if name not in self:
            raise IncidentError(f"{self.path} lacks {name}: the incident is incomplete; save or copy it again")
        try:
            if self._archive is None:
                content = self._read_folder(name, limit)
            else:
                content = self._read_entry(self._archive, name, limit)
        except OSError as error:
            raise IncidentError(f"cannot read {name} in {self.path}: {error.strerror or error}") from error
        self._left -= len(content)
        return content

    def _read_folder(self, name: str, limit: int) -> bytes:
        file = self.path / name
        status = file.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise IncidentError(f"{name} in {self.path} is a link or a device, not a file: save the incident again")
        if status.st_size > min(limit, self._left):
            raise self._too_large(name, limit)
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            content = stream.read(status.st_size + 1)  # not the limit: so much would be allocated
        if len(content) > status.st_size:
            raise IncidentError(f"{name} in {self.path} grew while it was read: wait until it is written")
        return content

    def _read_entry(self, archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
        entry = self._entries[name]
        if entry.file_size > min(limit, self._left):
            raise self._too_large(name, limit)
        content = bytearray()
        try:
            with archive.open(entry) as stream:
                while chunk := stream.read(_CHUNK):
                    content += chunk
                    if len(content) > min(limit, self._left):
                        raise self._too_large(name, limit)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
            raise IncidentError(f"{name} in {self.path} is damaged: get the incident again from its source") from error
        return bytes(content)

    def _open_archive(self) -> None:
        try:
            with self.path.open("rb") as stream:
                if excess := _declared_excess(stream):
                    raise IncidentError(f"{self.path} {excess}: this is not a saved incident")
            self._archive = zipfile.ZipFile(self.path)
            entries = [entry for entry in self._archive.infolist() if not entry.is_dir()]
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise IncidentError(
                f"{self.path} is not a .zip or is cut short: get the incident again from its source"
            ) from error
        # Only with these methods does zipfile decompress no more at a time than it is asked for.
        if any(entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for entry in entries):
            raise IncidentError(f"{self.path} uses a compression that saved incidents do not use: save it again")
        if any(entry.flag_bits & 1 for entry in entries):
            raise IncidentError(f"{self.path} is encrypted: pack it again without a password")
        if len(entries) > _ENTRIES:
            raise IncidentError(f"{self.path} holds {len(entries)} files: this is not a saved incident")
        root = _common_folder(entries)
        for entry in entries:
            inside = entry.filename
            if inside.startswith("/") or ".." in inside.split("/") or "\\" in inside or ":" in inside:
                raise IncidentError(f"{self.path} holds the path {inside!r}, which leads out of it: not opened")
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise IncidentError(f"{self.path} holds the link {entry.filename!r}: not opened; save it without links")
            name = entry.filename.removeprefix(root)
            if name in self._entries:
                raise IncidentError(f"{self.path} holds {name!r} twice: get the incident again from its source")
            self._entries[name] = entry

    def _too_large(self, name: str, limit: int) -> IncidentError:
        """Of the two limits, the one that was broken."""
        if limit < self._left:
            most = quantity(limit, "bytes")
            return IncidentError(f"{self.path} is not read: its {name} is larger than {most}; save it again")
        most = quantity(LIMIT, "bytes")
        return IncidentError(
            f"{self.path} is not read: with its {name} it holds more than {most} in all; record a shorter window"
        )


def _declared_excess(stream: BinaryIO) -> str:
    """What makes the list of files too long, or ""; zipfile itself would read all of it before one can count."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _END_BYTES - len(_ZIP64) - 0xFFFF - 16))
    tail = stream.read()
    at = tail.find(_END)
    while at >= 0:
        end = tail[at : at + _END_BYTES]
        if len(end) == _END_BYTES:
            entries, listed = struct.unpack("<H", end[10:12])[0], struct.unpack("<L", end[12:16])[0]
            if tail[max(0, at - 20) : at].startswith(_ZIP64):
                return "is a Zip64, for more than saved incidents hold"
            if entries > 4 * _ENTRIES:
                return f"lists {entries} files, {_ENTRIES} are the most"
            if listed > _DIRECTORY:
                return f"lists its files in more than {quantity(_DIRECTORY, 'bytes')}"
        at = tail.find(_END, at + 1)
    return ""


def _common_folder(entries: list[zipfile.ZipInfo]) -> str:
    """`x/` when every entry is in one folder x, as when a person zips a saved folder; else empty."""
    tops = {entry.filename.partition("/")[0] for entry in entries if "/" in entry.filename}
    if len(tops) == 1 and all("/" in entry.filename for entry in entries):
        return tops.pop() + "/"
    return ""
