"""`rca-tui mcp`: the tool's answers for agents, over stdin and stdout."""

from __future__ import annotations

import typer

from rca_tui.commands import connection
from rca_tui.commands.connection import InCluster, choose_also
from rca_tui.commands.errors import BadInput


def mcp(context: InCluster = None) -> None:
    """Serve agents, read-only, by the Model Context Protocol.

    An agent's program starts this command and talks to it over standard input and output. Its tools are list_incidents,
    capture, triage, rank, explain, series and check. None of them injects a fault or changes the deployment.

    Example: rca-tui mcp --context prod
    """
    choose_also(context)
    try:
        from rca_tui.mcp.server import build
    except ImportError:
        raise BadInput("the package mcp is not installed, or too old: pip install 'rca-tui[mcp]'") from None
    chosen = connection.chosen()
    build(lambda: connection.connect(chosen)).run("stdio")


def register(app: typer.Typer) -> None:
    app.command()(mcp)
