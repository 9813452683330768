"""What the app can open: a saved incident, the deployment on this machine, a cluster, endpoints. `connect` blocks."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
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


def played(name_or_path: str, speed: float) -> Source:
    """A saved incident that plays as if live, as a drill."""
    from rca_tui.game import Game

    def connect() -> Deployment:
        from cluster.incident import library
        from cluster.played import PlayedDeployment

        check_sealed(name_or_path)
        return PlayedDeployment(library.load(name_or_path), PLAYED, speed, held=True)

    return Source(PLAYED, connect, live=False, game=Game(name_or_path, speed))


def check_sealed(name_or_path: str) -> None:
    """Whether a drill over it would have an answer. Raises NoTruth, IncidentError. The truth is not opened."""
    from cluster.incident import envelope, library, rcaeval
    from rca_tui.game import NoTruth

    path = library.find(name_or_path)
    if not rcaeval.is_case(path) and not envelope.summary(path).sealed:
        raise NoTruth(f"{name_or_path} has no sealed truth: play one that `rca-tui drill` saved, or a shipped one")


def any_drill() -> str:
    """The name of a shipped drill that chance draws."""
    from cluster.incident import library

    return secrets.choice([listing.name for listing in library.listings() if listing.shipped])


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
