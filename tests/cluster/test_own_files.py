"""Settings and secrets: whatever lies at the place where they belong, reading ends at once and in one sentence."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster import own_files
from cluster.endpoints import settings as of_endpoints
from cluster.errors import RcaError
from cluster.kubernetes import settings
from rca_tui.bindings import read_keymap

READERS: dict[str, Callable[[Path], object]] = {
    "kubernetes.toml": lambda path: settings.load("lab", path),
    "endpoints.toml": lambda path: of_endpoints.stored("http://127.0.0.1:9090"),
    "token": lambda path: settings.Endpoint(url="http://127.0.0.1:1", token_file=path).login(),
    "keys.json": read_keymap,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "large", "bytes"])
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_small_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "rca-tui" / name
    path.parent.mkdir()
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
        case "large":
            path.write_bytes(b"#" * (own_files.LARGEST_TEXT + 1))
        case _:
            path.write_bytes(b"\xff\xfe")
    with pytest.raises(RcaError, match="cannot be read") as refused:
        READERS[name](path)
    assert "\n" not in str(refused.value)


def test_logins_nested_deep_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    of_endpoints.path().parent.mkdir()
    of_endpoints.path().write_text("a = " + "[" * 5000)
    with pytest.raises(RcaError, match="nested too deep"):
        of_endpoints.stored("http://127.0.0.1:9090")
