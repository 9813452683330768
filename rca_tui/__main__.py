"""The command line. Each command imports what it needs when it runs, so that `--help` and the app start at once."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from rca_tui.commands import ablation, analysis, checking, contrasting, deployment, drills, incidents, lists, scoring
from rca_tui.commands.errors import Guarded

app = typer.Typer(
    name="rca-tui",
    cls=Guarded,
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"rca-tui {version('rca-tui')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    armed: Annotated[
        bool, typer.Option("--armed", help="Allow the app to inject faults; without it, read-only.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Find the faulty part of a live LLM deployment, and see why.

    Without a command: the app on the deployment that runs on this machine (`rca-tui up` starts one).
    INCIDENT is a folder or .zip that was saved, a case in the RCAEval layout, or a name that `rca-tui incidents` lists.
    """
    if context.invoked_subcommand is None:
        from rca_tui.commands.screen import show_local

        show_local(armed)


for commands in (deployment, incidents, analysis, contrasting, checking, scoring, ablation, drills, lists):
    commands.register(app)


def main() -> None:
    """Entry point of `rca-tui`."""
    try:
        app(prog_name="rca-tui")
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            # the reader is gone; Python would try to flush once more at exit, and complain
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
