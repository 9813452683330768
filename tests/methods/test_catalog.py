"""What the catalogue says about all methods at once."""

from __future__ import annotations

from methods import catalog


def test_methods_that_go_by_several_sources_are_silent_only_without_all_of_them() -> None:
    assert catalog.unanswered({"logs"}) == {}
    assert catalog.unanswered({"spans"}) == {"spans": ["microrank", "tracerca"]}
    without_two = catalog.unanswered({"metrics", "spans"})
    assert "baro" in without_two["metrics"] and "pdiagnose" not in without_two["metrics"]
    without_any = catalog.unanswered({"metrics", "logs", "spans"})
    assert without_any["logs"] == ["mmbaro", "pdiagnose"] and "pdiagnose" in without_any["spans"]
