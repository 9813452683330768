"""A broken package that adds to the catalogues is a notification, and the app goes on."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint

import driving
import pytest
import synthetic

from cluster import plugins
from methods import catalog


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    point = EntryPoint("lost", "no_such_package:ROW", "rca_tui.methods")
    monkeypatch.setattr(plugins, "announced", lambda group: (point,) if group == point.group else ())
    plugins.collect.cache_clear()
    yield
    plugins.collect.cache_clear()


@pytest.mark.usefixtures("steady", "broken")
async def test_what_is_left_out_is_told_once() -> None:
    app = driving.app_over(synthetic.Live())
    async with driving.running(app):
        sentences = [notification.message for notification in app._notifications]
    assert sentences == [
        "rca_tui.methods: lost of a package without a name is left out: "
        "ModuleNotFoundError: No module named 'no_such_package'"
    ]
    assert {entry.package for entry in catalog.entries()} == {"methods"}
