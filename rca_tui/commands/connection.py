"""The deployment that commands talk to: the one on this machine, or another that options name.

`--context NAME` names one in a cluster, `--targets` the addresses of its metrics, `--prometheus` a server that scrapes
them. All are accepted before the command and after it, as kubectl does. The libraries that connect are heavy: they are
imported when a command connects.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster import paths
from rca_tui.commands import completion
from rca_tui.commands.errors import BadInput, interruptible, say

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.endpoints.watched import Watched
    from cluster.incident.model import Incident
    from rca_tui.work.opening import Source

SAMPLES = 240
"""Samples that are read back by default: 4 minutes at one a second."""
OPTION = "--context"
InCluster = Annotated[
    str | None,
    typer.Option(
        OPTION,
        metavar="NAME",
        help="A kubeconfig context: the deployment in that cluster. Also accepted before the command.",
        autocompletion=completion.contexts,
        show_default=False,
    ),
]
"""The option of a command that works on a deployment in a cluster, too; the command passes it to `choose_also`."""
_CHOSEN: ContextVar[str | None] = ContextVar("context", default=None)
_NAMED: ContextVar[dict[str, tuple[str, ...]]] = ContextVar("named")
"""What `endpoint_options` were given, before the command and after it."""
HISTORY = 60.0
"""Seconds of telemetry that a diagnosis of endpoints waits for: nobody has scraped them before."""

FIRST = 8.0
"""The same for their status: a first scrape, and a second for rates."""


def _collect(param: typer.CallbackParam, value: list[str] | str | None) -> None:
    given = tuple(value) if isinstance(value, list | tuple) else (value,) if value else ()
    before = _NAMED.get({})
    _NAMED.set({**before, str(param.name): before.get(str(param.name), ()) + given})


def _option(name: str, metavar: str, about: str) -> Any:
    return typer.Option(name, metavar=metavar, help=about, show_default=False, expose_value=False, callback=_collect)


def _endpoints(
    targets: Annotated[
        list[str] | None,
        _option(
            "--targets",
            "FILE|URL",
            "Scrape these: http://HOST:PORT/metrics, or a file of Prometheus's file_sd; can be repeated.",
        ),
    ] = None,
    prometheus: Annotated[
        list[str] | None, _option("--prometheus", "URL", "Read a Prometheus that scrapes the engines.")
    ] = None,
    match: Annotated[
        list[str] | None, _option("--match", "MATCHERS", "With --prometheus: which series, 'job=\"vllm\"'.")
    ] = None,
    gateway: Annotated[
        list[str] | None,
        _option("--gateway", "URL", "With --targets or --prometheus: the gateway's metrics."),
    ] = None,
) -> None:
    """What `endpoint_options` makes options of."""


@cache
def endpoint_options() -> tuple[Any, ...]:
    """The options that name endpoints: of the app, and of every command that takes `OPTION`."""
    app = typer.Typer(add_completion=False)
    app.command()(_endpoints)
    return tuple(typer.main.get_command(app).params)


def chosen() -> str | Watched | None:
    """The kubeconfig context, or the endpoints, that the options name; None for this machine. Raises BadInput."""
    named = {name: tuple(dict.fromkeys(values)) for name, values in _NAMED.get({}).items() if values}
    context = _CHOSEN.get()
    if not named:
        return context
    for name, values in named.items():
        if name != "targets" and len(values) > 1:
            raise BadInput(f"--{name} is given twice, with different values: give it once")
    one = {name: values[0] for name, values in named.items() if name != "targets"}
    ways = [f"--{name}" for name in ("targets", "prometheus") if name in named]
    if context is not None and ways:
        raise BadInput(f"{OPTION} and {ways[0]} exclude each other: each names a deployment")
    from cluster.endpoints.watched import watched

    return watched(named.get("targets", ()), *(one.get(name, "") for name in ("prometheus", "match", "gateway")))


def forget() -> None:
    """Forget what the options of an earlier command line named."""
    _NAMED.set({})


def choose(context: str | None) -> None:
    """Start a command: what stands before its name decides what `chosen` returns."""
    _CHOSEN.set(context)


def choose_also(context: str | None) -> None:
    """Add what stands after the name of the command. Raises BadInput where the two differ."""
    if context is not None:
        before = _CHOSEN.get()
        if before not in (None, context):
            raise BadInput(f"--context is given twice, as {before!r} and as {context!r}: give it once")
        _CHOSEN.set(context)
    chosen()


def source_of(named: str | Watched | None) -> Source:
    """What `chosen` returns, as something to open."""
    from rca_tui.work import opening

    if named is None:
        return opening.local()
    return opening.cluster(named) if isinstance(named, str) else opening.endpoints(named)


def connect(named: str | Watched | None) -> Deployment:
    """Connect to a kubeconfig context, to endpoints, or for None to this machine. Raises DeploymentError."""
    return source_of(named).connect()


def await_history(deployment: Deployment, seconds: float = HISTORY) -> None:
    """Wait until a private Prometheus has scraped for so long; any other deployment has a history.

    Raises DeploymentError when no target has answered by the time at which a status is known: the rest is not waited.
    """
    from cluster.deployment import DeploymentError, Liveness
    from cluster.endpoints.deployment import ScrapedDeployment
    from cluster.text.times import span

    if isinstance(deployment, ScrapedDeployment) and (left := seconds - deployment.history) > 0:
        say(f"nobody has scraped these targets before: scraping them for {span(left)}")
        with interruptible("interrupted; nothing was written"):
            if seconds > FIRST:
                time.sleep(max(0.0, FIRST - deployment.history))
                status = deployment.status()
                if status.liveness is Liveness.DOWN:
                    raise DeploymentError(f"{deployment.name}: {status.message}")
            time.sleep(max(0.0, seconds - deployment.history))


@contextmanager
def connected() -> Iterator[Deployment]:
    """The chosen deployment. Raises DeploymentError when there is none."""
    deployment = connect(chosen())
    try:
        yield deployment
    finally:
        deployment.close()


@contextmanager
def connected_or_none() -> Iterator[Deployment | None]:
    """The chosen deployment; None when none is chosen and none runs on this machine. Raises DeploymentError."""
    if chosen() is None and not _runs_here():
        yield None
        return
    with connected() as deployment:
        yield deployment


def _runs_here() -> bool:
    if not paths.deployment().exists():
        return False
    from cluster.local import lifecycle

    return lifecycle.status() is not None


def last(deployment: Deployment, seconds: float | None) -> Incident:
    """The last seconds of a live deployment as an incident; `SAMPLES` samples for None. Raises DeploymentError."""
    from cluster.capture import capture
    from cluster.text.times import span
    from cluster.window import Window

    await_history(deployment, HISTORY if seconds is None else seconds)
    seconds = SAMPLES * deployment.step if seconds is None else seconds
    say(f"reading the last {span(seconds)} of {deployment.name}")
    now = time.time()
    return capture(deployment, Window(now - seconds, now))
