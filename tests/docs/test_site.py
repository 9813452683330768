"""The documentation site builds strictly, has a page for all in the catalogues, and loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from faults import catalog as faults
from guidelines import catalog as guidelines
from methods import catalog as methods

ROOT = Path(__file__).resolve().parents[2]
_LOADED = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^\"'>\s]+")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_everything_in_a_catalogue_has_a_page(site: Path) -> None:
    pages = {str(path.relative_to(site)) for path in site.rglob("*.html")}
    wanted = {f"reference/methods/{entry.name}.html" for entry in methods.listed() if entry.package == "methods"}
    wanted |= {f"reference/faults/{entry.name}.html" for entry in faults.entries() if entry.package == "faults"}
    wanted |= {f"reference/checks/{entry.name}.html" for entry in guidelines.entries()}
    assert not wanted - pages


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    loaded = {
        f"{page.relative_to(site)}: {match.group()}"
        for page in site.rglob("*.html")
        for match in _LOADED.finditer(page.read_text(encoding="utf-8"))
    }
    assert not loaded
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_search_needs_no_server(site: Path) -> None:
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    assert index.startswith("var __index = ")
    assert "Borda" in index
    assert (site / "assets" / "iframe-worker.js").is_file()
