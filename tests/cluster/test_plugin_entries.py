"""What other packages announce is found wherever Python's own library finds it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from cluster import plugins

GROUP = "rca_tui.methods"
POINTS = f"[{GROUP}]\nlast = acme:LAST\n"


def announced() -> list[str]:
    return [point.name for point in plugins.announced.__wrapped__(GROUP)]


@pytest.mark.parametrize("metadata", ["acme-1.0.dist-info", "acme.egg-info"])
def test_what_a_folder_announces_is_found(metadata: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / metadata).mkdir()
    (tmp_path / metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "last" not in announced()
    (tmp_path / metadata / "entry_points.txt").write_text(POINTS)
    monkeypatch.syspath_prepend(str(tmp_path / "nowhere"))  # Python forgets what it has listed
    assert "last" in announced()


def test_what_an_archive_announces_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "acme.zip", "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        archive.writestr("acme-1.0.dist-info/entry_points.txt", POINTS)
    monkeypatch.syspath_prepend(str(tmp_path / "acme.zip"))
    assert "last" in announced()
