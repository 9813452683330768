"""Where the project keeps its files: configuration, state, incidents, journal, models. Only XDG folders."""

from __future__ import annotations

import os
from pathlib import Path

APP = "rca-tui"


def state_home() -> Path:
    """`$XDG_STATE_HOME/rca-tui`, by default `~/.local/state/rca-tui`."""
    return _xdg("XDG_STATE_HOME", ".local/state") / APP


def cache_home() -> Path:
    """`$XDG_CACHE_HOME/rca-tui`, by default `~/.cache/rca-tui`."""
    return _xdg("XDG_CACHE_HOME", ".cache") / APP


def config_home() -> Path:
    """`$XDG_CONFIG_HOME/rca-tui`, by default `~/.config/rca-tui`."""
    return _xdg("XDG_CONFIG_HOME", ".config") / APP


def local() -> Path:
    """The folder of the embedded deployment: its state file, its lock and its run folder."""
    return state_home() / "local"


def deployment() -> Path:
    """The state file of the embedded deployment; there is none where none was started, or it was ended."""
    return local() / "deployment.json"


def journal() -> Path:
    """The folder of the fault journal."""
    return state_home() / "journal"


def incidents() -> Path:
    """The folder of the incidents that were saved by name."""
    return state_home() / "incidents"


def reports() -> Path:
    """The folder of the reports that the app writes."""
    return state_home() / "reports"


def scores() -> Path:
    """The folder of the scores of drills."""
    return state_home() / "scores"


def scenarios() -> Path:
    """The folder of the user's own drill scenarios."""
    return config_home() / "scenarios"


def listener() -> Path:
    """The folder in which the listener keeps which alerts it took and which files it made."""
    return state_home() / "listen"


def kubernetes() -> Path:
    """The folder of pod identities, one file for each deployment in a cluster."""
    return state_home() / "kubernetes"


def models() -> Path:
    """The folder of downloaded and verified model weights."""
    return cache_home() / "models"


def expanded(path: Path | str) -> Path:
    """The path with `~` and `~user` in place; as it is, as a shell leaves it, where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _xdg(variable: str, default: str) -> Path:
    # The XDG specification: a relative path in these variables is invalid and must be ignored.
    value = os.environ.get(variable, "")
    return Path(value) if Path(value).is_absolute() else Path.home() / default
