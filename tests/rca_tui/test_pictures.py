"""The pictures in the documentation are of today's app."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest

from rca_tui.app import PAGES
from rca_tui.opener import DRILL
from rca_tui.screens.page import Later

IMAGES = Path(__file__).parents[2] / "docs" / "images"


@pytest.mark.parametrize("name", ["overview", "overview-light", "diagnose", "explain"])
def test_a_picture_has_every_tab(name: str) -> None:
    """Where this fails: `python -m tests.screenshots`, and look at what it writes."""
    picture = unescape((IMAGES / f"{name}.svg").read_text(encoding="utf-8"))
    for page in PAGES:
        # Its tab is there while a drill is played.
        assert (page.MODE.capitalize() in picture) is (page.MODE != DRILL)


@pytest.mark.parametrize("page", [page for page in PAGES if isinstance(page, Later)], ids=lambda page: page.MODE)
def test_a_page_that_is_imported_later_is_as_announced(page: Later) -> None:
    found = page.load()
    assert (found.KEY, found.MODE, found.OF_COMPONENT) == (page.KEY, page.MODE, page.OF_COMPONENT)
