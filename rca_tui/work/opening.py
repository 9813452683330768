"""What the app can open: a saved incident, the deployment on this machine, a cluster, endpoints. `connect` blocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.endpoints.watched import Watched
    from rca_tui.game import Game


@dataclass(frozen=True, slots=True)
class Source:
    """Something that can be opened.

    Attributes:
        name: shown until the deployment tells its own.
        connect: returns the deployment; blocks, and raises an `RcaError` where there is none.
        live: faults may be injected into it, if at all.
        game: the drill that is played on it; None without one.
    """

    name: str
    connect: Callable[[], Deployment]
    live: bool = True
    game: Game | None = None


def incident(name_or_path: str) -> Source:
    """A saved incident, by the name that the library lists or by its path."""

    def connect() -> Deployment:
        from cluster.incident import library
        from cluster.replay import ReplayDeployment

        return ReplayDeployment(library.load(name_or_path), name_or_path)

    return Source(name_or_path, connect, live=False)


PLAYED = "a drill"
"""Name of a recording that is played: its own may tell what happened."""


def played(game: Game) -> Source:
    """A saved incident that plays as if live, as a drill; where the game names none, a shipped one that fits it."""
    from rca_tui.drill import choice

    name = game.incident or choice.any_recording(game.scenario)
    choice.check_sealed(name)

    def connect() -> Deployment:
        from cluster.incident import library
        from cluster.playback import PlayedDeployment

        return PlayedDeployment(library.load(name), PLAYED, game.speed, held=True, at=time.time())

    return Source(PLAYED, connect, live=False, game=replace(game, incident=name))


def drill(scenario: str, live: bool, speed: float) -> Source:
    """A scenario, or without a name any shipped recording, as a drill; `live` on the deployment of this machine.

    Raises FaultError, NoRecording, IncidentError.
    """
    from faults import scenario_library
    from rca_tui.game import Game

    name, found = scenario_library.find(scenario) if scenario else ("", None)
    if live and found is not None:
        return replace(local(), game=Game("", 1.0, name, found))
    return played(Game("", speed, name, found))


def local() -> Source:
    """The deployment that runs on this machine."""

    def connect() -> Deployment:
        from cluster.local.deployment import LocalDeployment

        return LocalDeployment.connect()

    return Source("local", connect)


def cluster(context: str) -> Source:
    """The deployment in the cluster of a kubeconfig context."""

    def connect() -> Deployment:
        from cluster.kubernetes.deployment import KubernetesDeployment

        return KubernetesDeployment.connect(context)

    return Source(context, connect)


def endpoints(watched: Watched) -> Source:
    """A deployment known by the addresses of its metrics, or by the Prometheus that scrapes them."""

    def connect() -> Deployment:
        from cluster.endpoints.deployment import connect as watch

        return watch(watched)

    return Source(watched.name, connect)


def local_runs() -> bool:
    """Whether a deployment runs, or is starting, on this machine."""
    from cluster.local import lifecycle

    return lifecycle.status() is not None


def why_not_local() -> str:
    """Why no deployment can be started on this machine, empty where one can. Blocks: it tries to make a sandbox."""
    from cluster.deployment import DeploymentError
    from cluster.local import preflight
    from cluster.local.options import Options

    try:
        preflight.check(Options())
    except DeploymentError as error:
        return str(error)
    return ""
