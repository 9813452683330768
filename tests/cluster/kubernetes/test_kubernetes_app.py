"""The app on a cluster that goes away and comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mock_api import MockApi

from cluster.kubernetes.deployment import KubernetesDeployment
from rca_tui.app import RcaApp
from rca_tui.widgets.header import freshness


async def until(pilot: Any, condition: Callable[[], bool]) -> None:
    """Look again and again until it is so; the test's time limit ends a wait for what never comes."""
    while not condition():
        if not any(worker.group == "poll" and not worker.is_finished for worker in pilot.app.workers):
            pilot.app._start_poll()
        await pilot.pause(0.05)


@pytest.mark.slow
async def test_the_app_stays_up_says_so_and_recovers_by_itself(whole: MockApi) -> None:
    whole.down()
    app = RcaApp(lambda: KubernetesDeployment.connect("mock"), "mock")

    def says(word: str) -> Callable[[], bool]:
        return lambda: freshness(app.session)[1].startswith(word)

    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, says("DOWN"))
        assert "does not answer" in app.session.problem
        await pilot.press("escape")
        whole.up()
        await until(pilot, says("LIVE"))
        assert app.session.latest is not None
        assert app.session.latest.topology.front_door == "gateway"
        assert app.session.latest.frames.line("gateway", "latency_p90") is not None
        # What was known stays on the screen while the API server is away; the telemetry goes on.
        whole.down()
        await until(pilot, lambda: app.session.latest is not None and "does not answer" in app.session.latest.message)
        assert freshness(app.session)[1].startswith("LIVE")
        whole.up()
        await until(
            pilot, lambda: app.session.latest is not None and "does not answer" not in app.session.latest.message
        )
    app.poller.close()


@pytest.mark.slow
async def test_prometheus_that_goes_away_is_down_and_comes_back(
    whole: MockApi, configure: Callable[[str], None]
) -> None:
    import re

    from cluster import paths

    # The same server, behind the API server's proxy.
    text = (paths.config_home() / "kubernetes.toml").read_text()
    address = re.search(r'prometheus\]\nurl = "([^"]+)"', text)
    assert address is not None
    whole.create("namespaces", "", {"metadata": {"name": "monitoring"}})
    whole.create("services", "monitoring", {"metadata": {"name": "prometheus"}, "spec": {"ports": [{"port": 9090}]}})
    whole.backends["monitoring", "prometheus"] = address[1]
    configure("[contexts.mock]\n")
    app = RcaApp(lambda: KubernetesDeployment.connect("mock"), "mock")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: freshness(app.session)[1].startswith("LIVE"))
        del whole.backends["monitoring", "prometheus"]
        await until(pilot, lambda: freshness(app.session)[1].startswith("DOWN"))
        assert "Prometheus" in app.session.problem
        whole.backends["monitoring", "prometheus"] = address[1]
        await until(pilot, lambda: freshness(app.session)[1].startswith("LIVE"))
    app.poller.close()
