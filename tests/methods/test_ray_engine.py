from __future__ import annotations

import pytest

from methods.running.ray_engine import NoRay, RayEngine


@pytest.mark.slow
def test_a_cluster_that_does_not_start_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    def fails(**_: object) -> None:
        raise Exception("The current node timed out during startup.\nA long story follows.")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", fails)
    with pytest.raises(NoRay, match=r"^Ray did not start: The current node timed out during startup\. The engine"):
        RayEngine()
