"""The group of all commands. One that is run is imported and built alone; help lists them unbuilt."""

from __future__ import annotations

import importlib
from collections.abc import MutableMapping
from typing import Any

import typer
from typer.core import TyperCommand

from rca_tui.commands import connection
from rca_tui.commands.errors import Guarded

MODULES = {
    "deployment": {
        "up": "Start the LLM deployment on this machine.",
        "status": "Show whether the deployment runs, and which components are in trouble: those first.",
        "down": "Stop the deployment, or what is left of one.",
    },
    "load": {
        "load": "Show or change the load of the deployment on this machine.",
    },
    "smoke": {
        "smoke": "Measure how many requests are processed at a constant rate, for each degree of data parallelism.",
    },
    "doctor": {
        "doctor": "Check this machine, or with --context, --targets or --prometheus that a deployment can be observed.",
    },
    "incidents": {
        "record": "Save the last seconds of the deployment.",
        "import": "Convert telemetry of other tools into an incident.",
        "incidents": "List the incidents that commands accept by name.",
        "reveal": "Show the cause of an incident.",
    },
    "triage": {
        "triage": "Say who is to blame, how sure that is, and what to do.",
    },
    "analysis": {
        "diagnose": "Rank the components of an incident.",
        "explain": "Show why a method ranks as it does, step by step.",
        "replay": "Open the app on a saved incident; needs no deployment.",
    },
    "contrast": {
        "contrast": "Show what changed between baseline and fault window.",
    },
    "report": {
        "report": "Write a report: a postmortem's first half.",
    },
    "annotate": {
        "annotate": "Put onset, verdict and drills on Grafana's dashboards.",
    },
    "check": {
        "check": "Show which faults this telemetry cannot diagnose.",
    },
    "scoring": {
        "evaluate": "Score the methods on incidents with a known cause.",
    },
    "ablation": {
        "ablate": "Measure what each check is worth on recorded incidents.",
    },
    "drills": {
        "drill": "Inject a fault, hold it, revert it, save the incident.",
        "recover": "Undo the faults that earlier drills left behind.",
    },
    "scenarios": {
        "scenarios": "List the drill scenarios: those shipped, and your own files beside them.",
    },
    "scores": {
        "scores": "Show the scores of played drills, and people beside each method and guessing.",
    },
    "campaign": {
        "campaign": "Record the drills of a plan, one after the other, and score the methods on them.",
    },
    "lists": {
        "methods": "List the methods: the tool's own, the study's, cheap ones first, then published ones beyond it.",
        "faults": "List the faults and which of them can be injected now.",
    },
    "listen": {
        "listen": "Take alerts of an Alertmanager and answer each with a report.",
    },
    "serve": {
        "serve": "Show the app in a browser, read-only: an app of their own for each who opens the page.",
    },
    "workshop": {
        "workshop": "Play drills for a room: each guesses in a browser, and the reveal shows who was right.",
    },
    "mcp": {
        "mcp": "Serve agents, read-only, by the Model Context Protocol.",
    },
}
"""Commands by the module of `rca_tui.commands` that registers them, in the order in which help lists them.

Each with the first sentence of its help, so that help of them all imports none of them.
"""
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

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_HOME)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        room = formatter.width - 6 - max(map(len, _HOME))
        rows = [
            (name, TyperCommand(name, help=sentence).get_short_help_str(room))
            for commands in MODULES.values()
            for name, sentence in commands.items()
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

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
