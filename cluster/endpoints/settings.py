"""Logins to servers: `$XDG_CONFIG_HOME/rca-tui/endpoints.toml`, with a table `[prometheus."URL"]` for each.

The keys are those of `[contexts.NAME.prometheus]` in kubernetes.toml, without `url` and `service`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from cluster import own_files
from cluster.deployment import DeploymentError
from cluster.endpoints.addresses import shown
from cluster.kubernetes.settings import Metrics
from cluster.paths import config_home
from cluster.text.invalid import clause
from cluster.text.plain import plain


def path() -> Path:
    return config_home() / "endpoints.toml"


def stored(url: str) -> Metrics:
    """The server of a URL with its login. Raises DeploymentError for a URL or a file that is not valid."""
    try:
        tables = tomllib.loads(own_files.small_text(path())).get("prometheus", {})
    except FileNotFoundError:
        tables = {}
    except RecursionError:
        raise DeploymentError(f"{path()} cannot be read: it is nested too deep") from None
    except (OSError, ValueError) as error:
        raise DeploymentError(f"{path()} cannot be read: {error}") from None
    own = tables.get(url.rstrip("/"), {}) if isinstance(tables, dict) else None
    if not isinstance(own, dict) or {"url", "service"} & own.keys():
        raise DeploymentError(f'{path()}: a login belongs under [prometheus."{shown(url)}"], without url')
    try:
        return Metrics.model_validate({**own, "url": url})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = plain(".".join(map(str, first["loc"])), 200) or "url"
        said = f"--prometheus {shown(url)}" if where == "url" else f"{path()}: {where}"
        raise DeploymentError(f"{said}: {clause(first)}") from None
