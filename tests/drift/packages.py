"""Published packages as source: fetched by pip, never installed or imported; of each only its `.py` files are kept.

A wheel is hundreds of megabytes: one at a time is fetched, read and deleted.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

PLATFORMS = ("manylinux_2_35", "manylinux_2_34", "manylinux_2_31", "manylinux_2_28", "manylinux2014", "manylinux1")
PYTHON = "3.11"
LARGEST_SOURCE = 4 << 20
"""Bytes of one `.py` file; a larger one is data."""


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a package in the registry."""

    package: str
    version: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


RELEASES = tuple(
    Release(package, version)
    for package, versions in {
        "vllm": ("0.6.0", "0.6.6", "0.8.5", "0.10.2", "0.11.0", "0.12.0", "0.20.2", "0.29.0", "0.33.0"),
        "sglang": ("0.4.6.post5", "0.5.2", "0.5.8", "0.5.23"),
        "ray": ("2.9.3", "2.40.0", "2.51.0", "2.52.0", "2.53.0", "2.60.0"),
        "lmdeploy": ("0.10.0", "0.18.0"),
    }.items()
    for version in versions
)


def fetched(release: Release, cache: Path) -> Path:
    """A zip of the package's `.py` files, fetched unless the cache has it. Raises OSError without a wheel."""
    kept = cache / f"{release.package}-{release.version}.zip"
    if kept.exists():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        _download(release, Path(folder))
        (wheel,) = Path(folder).glob("*.whl")
        part = Path(folder) / "sources.zip"
        with zipfile.ZipFile(wheel) as whole, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as sources:
            for member in whole.infolist():
                if member.filename.endswith(".py") and member.file_size <= LARGEST_SOURCE:
                    sources.writestr(member.filename, whole.read(member))
        shutil.move(part, kept)
    return kept


def sources(release: Release, cache: Path) -> Iterator[tuple[PurePosixPath, str]]:
    """Path inside the package and text of each of its `.py` files. Raises as `fetched`."""
    with zipfile.ZipFile(fetched(release, cache)) as kept:
        for name in kept.namelist():
            yield PurePosixPath(name), kept.read(name).decode("utf-8", errors="replace")


def _download(release: Release, folder: Path) -> None:
    platforms = [f"--platform={platform}_x86_64" for platform in PLATFORMS]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    command += ["--only-binary=:all:", f"--python-version={PYTHON}", *platforms, f"--dest={folder}"]
    done = subprocess.run(
        [*command, f"{release.package}=={release.version}"], capture_output=True, text=True, timeout=3600
    )
    if done.returncode:
        raise OSError(f"pip fetches no wheel of {release}: {done.stderr.strip().splitlines()[-1:]}")
