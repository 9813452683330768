"""The command line. Each command imports its modules when it runs, so that `--help` and the app start at once."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Annotated

import typer

from rca_tui.commands import completion, connection
from rca_tui.commands.errors import BadInput
from rca_tui.commands.group import Commands
from rca_tui.encoding import fit_streams

app = typer.Typer(
    name="rca-tui",
    cls=Commands,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def in_cluster() -> list[str]:
    """Names of the commands that take `--context`."""
    group = typer.main.get_group(app)
    return sorted(
        name for name, command in group.commands.items() if any(connection.OPTION in p.opts for p in command.params)
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
    context_name: Annotated[
        str | None,
        typer.Option(
            connection.OPTION,
            metavar="NAME",
            help="A kubeconfig context: the deployment in that cluster.",
            autocompletion=completion.contexts,
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Find the faulty part of a live LLM deployment, and see why.

    Without a command: the app on the deployment that runs on this machine, with --context on the one in a Kubernetes
    cluster, with --targets on the engines at these addresses, and without any a page to choose what to open.
    `rca-tui doctor` checks this machine, with --context NAME or --targets URL what is seen there.
    INCIDENT is a folder or .zip that was saved, a case in the RCAEval layout, or a name that `rca-tui incidents` lists.
    """
    connection.choose(context_name)
    if context.invoked_subcommand is None:
        from rca_tui.commands.screen import show_live

        show_live(connection.chosen(), armed)
    elif connection.chosen() is not None and context.invoked_subcommand not in (known := in_cluster()):
        which = "a cluster; --context goes" if context_name else "endpoints; --targets and --prometheus go"
        raise BadInput(f"{context.invoked_subcommand} is not for {which} with: {', '.join(known)}")


def main() -> None:
    """Entry point of `rca-tui`."""
    # pydantic would read the metadata of every installed package, looking for plugins: our models have none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    if not sys.warnoptions:  # overflows of absurd telemetry are for developers: the values are checked
        warnings.simplefilter("ignore", RuntimeWarning)
    fit_streams()
    try:
        app(prog_name="rca-tui")
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            # the reader is gone: Python would flush again at exit and print an error
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
