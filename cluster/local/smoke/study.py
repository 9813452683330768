"""Runs a smoke test: a deployment for each degree of data parallelism, one rate after the other against its gateway.

What is measured is kept at once: a test that was interrupted, or killed, goes on with what is missing. A deployment
that a killed test left behind is ended first.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from cluster import paths
from cluster.deployment import DeploymentError
from cluster.local import lifecycle, preflight
from cluster.local.load_plan import LoadPlan
from cluster.local.options import Options
from cluster.local.smoke.measurement import Kept, Measurement, Setting
from cluster.local.state import LocalState

WARM_UP = 3.0
"""Seconds of requests, one a second for each replica, before the first measurement; and of rest before each."""

Log = Callable[[str], None]


def run(settings: Sequence[Setting], kept: Kept, log: Log) -> Iterator[Measurement]:
    """Yield the measurement of each setting, those first that are there already.

    Raises DeploymentError: it does not fit on this machine (before anything is started), another deployment is up.
    """
    missing = []
    for setting in settings:
        known = kept.get(setting)
        if known is None:
            missing.append(setting)
        else:
            yield known
    if not missing:
        return
    if len(missing) < len(settings):
        log(f"{len(settings) - len(missing)} of {len(settings)} measurements are there already")
    degrees = {setting.replicas: _options(setting) for setting in missing}
    for options in degrees.values():
        preflight.check(options)
    with _alone():
        for options in degrees.values():
            with _deployment(options, log) as state:
                yield from _measure(state, [s for s in missing if _options(s) == options], kept, log)


def _measure(state: LocalState, settings: Sequence[Setting], kept: Kept, log: Log) -> Iterator[Measurement]:
    from cluster.local.smoke import client

    client.measure(state.gateway_url, replace(settings[0], rate=float(settings[0].replicas), seconds=WARM_UP))
    for setting in settings:
        time.sleep(WARM_UP)
        log(f"{_degree(setting.replicas)}, {setting.rate:g} requests/s for {setting.seconds:g} s")
        measurement = client.measure(state.gateway_url, setting)
        if not any(request.ok for request in measurement.requests):
            raise DeploymentError(f"no request was answered by {state.gateway_url}: see `rca-tui doctor`")
        kept.add(measurement)
        yield measurement


def _options(setting: Setting) -> Options:
    return Options(pod_cpus=setting.pod_cpus, replicas=setting.replicas)


def _degree(replicas: int) -> str:
    return f"{replicas} replica{'s' * (replicas > 1)}"


@contextmanager
def _deployment(options: Options, log: Log) -> Iterator[LocalState]:
    """One with these options, ended afterwards. What a killed test left is ended before, and nobody else's."""
    running = lifecycle.status()
    if running is not None and running.ready and _mark().read_text() == running.id:
        log("ending the deployment that an earlier smoke test left")
        lifecycle.down(log)
    log(f"starting {_degree(options.replicas)}")
    state = lifecycle.up(options, log, LoadPlan(rate=0.0))
    try:
        _mark().write_text(state.id)
        yield state
    finally:
        lifecycle.down(log)
        with suppress(OSError):
            _mark().write_text("")


def _mark() -> Path:
    """The id of the deployment that a smoke test runs; also the file that keeps two of them apart."""
    return paths.local() / "smoke"


@contextmanager
def _alone() -> Iterator[None]:
    paths.local().mkdir(parents=True, exist_ok=True)
    with _mark().open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DeploymentError("another smoke test is running: wait for it to end") from None
        yield
