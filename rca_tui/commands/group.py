"""The group of all commands. One that is run is imported and built alone; help and suggestions take them all."""

from __future__ import annotations

import importlib
from collections.abc import MutableMapping
from typing import Any

import typer

from rca_tui.commands import connection
from rca_tui.commands.errors import Guarded

MODULES = {
    "deployment": ("up", "status", "down"),
    "load": ("load",),
    "smoke": ("smoke",),
    "doctor": ("doctor",),
    "incidents": ("record", "import", "incidents", "reveal"),
    "triage": ("triage",),
    "analysis": ("diagnose", "explain", "replay"),
    "contrast": ("contrast",),
    "report": ("report",),
    "annotate": ("annotate",),
    "check": ("check",),
    "scoring": ("evaluate",),
    "ablation": ("ablate",),
    "drills": ("drill", "recover"),
    "scenarios": ("scenarios",),
    "scores": ("scores",),
    "campaign": ("campaign",),
    "lists": ("methods", "faults"),
    "listen": ("listen",),
    "serve": ("serve",),
    "workshop": ("workshop",),
    "mcp": ("mcp",),
}
"""Commands by the module of `rca_tui.commands` that registers them, in the order in which help lists them."""
_HOME = {command: module for module, commands in MODULES.items() for command in commands}


class Commands(Guarded):
    """The commands of `MODULES`; the app and each that takes `--context` also take the options that name endpoints."""

    _built: dict[str, Any]

    def __init__(self, **about: Any) -> None:
        super().__init__(**about)
        self.params += connection.endpoint_options()

    def main(self, args: Any = None, *rest: Any, **extra: Any) -> Any:
        connection.forget()
        return super().main(args, *rest, **extra)

    @property
    def commands(self) -> dict[str, Any]:
        """All of them, in order."""
        return {name: self._command(name) for name in _HOME}

    @commands.setter
    def commands(self, given: MutableMapping[str, Any]) -> None:
        self._built = dict(given)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return self._command(cmd_name) if cmd_name in _HOME else None

    def _command(self, name: str) -> Any:
        if name not in self._built:
            self._built |= build(_HOME[name])
        return self._built[name]


def build(module: str) -> dict[str, Any]:
    """The commands that this module of `rca_tui.commands` registers, by name."""
    alone = typer.Typer(rich_markup_mode=None)
    importlib.import_module(f"rca_tui.commands.{module}").register(alone)
    commands = dict(typer.main.get_group(alone).commands)
    for command in commands.values():
        if any(connection.OPTION in param.opts for param in command.params):
            command.params += connection.endpoint_options()
    return commands
