"""Fixtures that every package's tests may ask for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

# As in the workers that methods run in: threads that wait for each other in a spin make small products slow, and a
# busy machine makes them very slow. It must be said before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No test asserts a time, and no example of one may fail for taking long on a busy machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# The shell lets a job in the background ignore Ctrl-C, and all that it starts: those which tests interrupt must not.
signal.signal(signal.SIGINT, signal.default_int_handler)

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from cluster.local.deployment import LocalDeployment

LONG = 5.0
"""Seconds from which on a test is to be marked `slow`, so that `make check` leaves it out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the real deployment come last: it takes most of two cores while it is up."""
    items.sort(key=lambda item: item.get_closest_marker("live") is not None)


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    """After `make check`, names the tests that took long: the machine may be busy, or a mark is missing."""
    if "not slow" not in config.option.markexpr:
        return
    took = [(r.duration, r.nodeid) for r in terminalreporter.getreports("passed") if r.duration >= LONG]
    for seconds, name in sorted(took, reverse=True):
        terminalreporter.write_line(f"{seconds:.0f} s: mark it slow, or make it faster: {name}")


@pytest.fixture(scope="session", autouse=True)
def _own_state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes into the state of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state-of-tests")))
        yield


@pytest.fixture(scope="session")
def live_state_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What XDG_STATE_HOME is for the deployment of `live_deployment`; set it in a test that runs commands on it."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def live_deployment(live_state_home: Path) -> Iterator[LocalDeployment]:
    """The real deployment, started once for all tests marked `live` and ended after them.

    Its load is half of the default: a machine that is half as fast holds it steady, too. Skips with the reason where
    this machine cannot hold it. A start that fails is a failure.
    """
    from cluster.deployment import DeploymentError
    from cluster.local import lifecycle, preflight
    from cluster.local.deployment import LocalDeployment
    from cluster.local.load_plan import LoadPlan
    from cluster.local.options import Options

    try:
        preflight.check(Options())
    except DeploymentError as reason:
        pytest.skip(str(reason))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(live_state_home))
        state = lifecycle.up(Options(), print, LoadPlan(rate=2.0))
    yield LocalDeployment(state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(live_state_home))
        lifecycle.down()
