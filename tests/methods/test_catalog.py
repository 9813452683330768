"""The catalogue: what it says about all methods at once."""

from __future__ import annotations

from methods import catalog


def test_multi_source_methods_are_blocked_only_without_all_of_their_sources() -> None:
    assert catalog.blocked_without({"logs"}) == {}
    assert catalog.blocked_without({"spans"}) == {"spans": ["microrank", "tracerca"]}
    without_two = catalog.blocked_without({"metrics", "spans"})
    assert "baro" in without_two["metrics"] and "pdiagnose" not in without_two["metrics"]
    without_any = catalog.blocked_without({"metrics", "logs", "spans"})
    assert without_any["logs"] == ["mmbaro", "pdiagnose"] and "pdiagnose" in without_any["spans"]
