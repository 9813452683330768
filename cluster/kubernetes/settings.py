"""The configuration file, `$XDG_CONFIG_HOME/rca-tui/kubernetes.toml`, with a table for each kubeconfig context.

docs/how-to/kubernetes.md explains every key. It holds no secret: tokens and passwords are named by the file or
environment variable that holds them, and are read when they are needed.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cluster import own_files
from cluster.deployment import DeploymentError
from cluster.http import Login
from cluster.paths import config_home, expanded
from cluster.text.invalid import clause
from cluster.text.plain import plain

Selector = dict[str, str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Endpoint(_Strict):
    """The address of a telemetry source, and the login to it.

    Either `url`, or `service` ("namespace/name:port", reached through the API server's proxy with the kubeconfig's own
    login); `path` comes behind it, such as `/prometheus` for Mimir. `tenant` is sent as X-Scope-OrgID, for Mimir, Loki
    and Tempo with several.
    """

    url: str = ""
    service: str = Field(default="", pattern=r"^(|[a-z0-9-]+/[a-z0-9.-]+:[a-z0-9-]+)$")
    token_file: Path | None = None
    token_env: str = ""
    username: str = ""
    password_file: Path | None = None
    password_env: str = ""
    ca_file: Path | None = None
    verify: bool = True
    tenant: str = ""
    path: str = Field(default="", pattern=r"^(|(/[A-Za-z0-9._:-]+)+)$")

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("must be an http or https address")
        if parts.username or parts.password:
            raise ValueError("must hold no password; name username and password_file or password_env instead")
        return url

    @model_validator(mode="after")
    def _one_place(self) -> Endpoint:
        if bool(self.url) == bool(self.service):
            raise ValueError("needs either url or service")
        return self

    def token(self) -> str:
        """The bearer token, empty for none. Raises DeploymentError when it is configured and missing."""
        return _secret(self.token_file, self.token_env, "token")

    def password(self) -> str:
        return _secret(self.password_file, self.password_env, "password")

    def login(self) -> Login:
        """The login to `url`. Tokens are read again: they are renewed while we run. Raises DeploymentError."""
        token = self.token()
        return Login(
            self.url.rstrip("/") + self.path,
            self.tenancy() | ({"Authorization": f"Bearer {token}"} if token else {}),
            (self.username, self.password()) if self.username else None,
            str(expanded(self.ca_file)) if self.ca_file else self.verify,
        )

    def tenancy(self) -> dict[str, str]:
        """The header that names the tenant; empty without one."""
        return {"X-Scope-OrgID": self.tenant} if self.tenant else {}


class Metrics(Endpoint):
    """Prometheus or a server with the same API. `scrape`: seconds between two scrapes of the deployment's pods.

    `matchers` are added to every selector, for a server with several clusters: `{cluster = "prod"}`.
    """

    scrape: float = Field(default=5.0, gt=0, le=300)
    matchers: dict[str, str] = {}


class Traces(Endpoint):
    kind: Literal["tempo", "jaeger", "deepflow"]


class Labels(_Strict):
    """Labels that identify pods of a stack that is not recognized; all labels of a selector must match."""

    gateway: Selector | None = None
    head: Selector | None = None
    replica: Selector | None = None


class Settings(_Strict):
    """The settings of one context; everything is optional.

    Attributes:
        kubeconfig: its file, by default $KUBECONFIG or ~/.kube/config.
        namespace: of the deployment, by default the context's.
        deployment: its name, where a namespace has several.
        deadline: seconds that one call may take.
    """

    kubeconfig: Path | None = None
    namespace: str = ""
    deployment: str = ""
    deadline: float = Field(default=10.0, gt=0, le=120)
    labels: Labels = Labels()
    prometheus: Metrics | None = None
    loki: Endpoint | None = None
    traces: Traces | None = None


def path() -> Path:
    return config_home() / "kubernetes.toml"


def load(context: str, file: Path | None = None) -> Settings:
    """The context's settings; the defaults where the file, or its table for the context, is missing.

    Raises DeploymentError for a file that cannot be read or is not valid.
    """
    file = file or path()
    try:
        found = tomllib.loads(own_files.small_text(file))
    except FileNotFoundError:
        return Settings()
    except RecursionError:
        raise DeploymentError(f"{file} cannot be read: it is nested too deep") from None
    except (OSError, ValueError) as error:
        raise DeploymentError(f"{file} cannot be read: {error}") from error
    contexts = found.get("contexts", {})
    if set(found) - {"contexts"} or not isinstance(contexts, dict):
        raise DeploymentError(f"{file}: all settings belong under [contexts.NAME]; see docs/how-to/kubernetes.md")
    try:
        return Settings.model_validate(contexts.get(context, {}))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = plain(".".join(str(part) for part in ("contexts", context, *first["loc"])), 200)
        raise DeploymentError(f"{file}: {where}: {clause(first)}") from error


def _secret(file: Path | None, variable: str, what: str) -> str:
    if file is not None:
        try:
            return own_files.small_text(expanded(file)).strip()
        except (OSError, ValueError) as error:
            raise DeploymentError(
                f"the {what} cannot be read from {file}: {getattr(error, 'strerror', error)}"
            ) from None
    if variable:
        found = os.environ.get(variable, "").strip()
        if not found:
            raise DeploymentError(f"the {what} is expected in the environment variable {variable}, which is not set")
        return found
    return ""
