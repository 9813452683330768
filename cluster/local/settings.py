"""Settings that the command line passes to the supervisor and its programs: one JSON file in the run folder."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.local.cgroups import Cgroups, Version
from cluster.local.layout import RunDir
from cluster.local.options import Options


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is decided outside the sandbox before it starts.

    Attributes:
        model: path of the model's weights.
        gateway_fd, prometheus_fd: listening sockets of 127.0.0.1 outside, inherited.
    """

    deployment: str
    options: Options
    cgroups: Cgroups
    model: str
    gateway_port: int
    gateway_fd: int
    prometheus_port: int
    prometheus_fd: int

    def write(self, run: RunDir) -> None:
        write_json(run.settings, dataclasses.asdict(self))

    @classmethod
    def read(cls, run: RunDir) -> Settings:
        fields: dict[str, Any] = json.loads(run.settings.read_text())
        return cls(**{**fields, "options": Options(**fields["options"]), "cgroups": cgroups_from(fields["cgroups"])})


def cgroups_from(fields: dict[str, Any]) -> Cgroups:
    """From JSON. Raises KeyError, ValueError or TypeError for malformed content."""
    parents = tuple(Path(parent) for parent in fields["parents"])
    return Cgroups(Version(fields["version"]), parents, fields["name"], fields["reason"])


def write_json(path: Path, value: object) -> None:
    """Replace a file atomically, so that no reader sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1, default=str) + "\n", encoding="utf-8")
    temporary.chmod(0o600)
    temporary.replace(path)
