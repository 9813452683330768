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


def test_what_runs_unasked_on_a_live_deployment_has_a_part_in_the_verdict() -> None:
    quick = [row.name for row in catalog.quick()]
    assert quick[0] == "serving"
    assert {"nsigma", "baro", "mmbaro"} < set(quick)
    assert not {row.name for row in catalog.BEYOND} & set(quick)
    assert all(row.cost == "instant" for row in catalog.quick())
