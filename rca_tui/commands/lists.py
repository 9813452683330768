"""Commands that list the methods and the faults."""

from __future__ import annotations

import dataclasses

import typer

from rca_tui.commands.connection import InCluster, choose_also, connected_or_none
from rca_tui.commands.errors import say_each
from rca_tui.commands.output import AsJson, print_json, print_table


def methods(as_json: AsJson = False) -> None:
    """List the methods: the tool's own, the study's, cheap ones first, then published ones beyond the study."""
    from methods import catalog

    entries = catalog.listed()
    say_each(catalog.problems())
    if as_json:
        print_json([dataclasses.asdict(entry) for entry in entries])
        return
    print_table(
        ("method", "family", "cost", "what it does"),
        ((e.name, e.family, e.cost, f"{e.summary} Reads {', '.join(e.needs)}.") for e in entries),
        whole="method family cost",
    )


def faults(context: InCluster = None, as_json: AsJson = False) -> None:
    """List the faults and which of them can be injected now."""
    choose_also(context)
    from faults import catalog

    say_each(catalog.problems())
    rows = []
    with connected_or_none() as deployment:
        for entry in catalog.entries():
            fault = catalog.load(entry.name, deployment.kind if deployment else None)
            available = catalog.availability(entry.name, deployment)
            rows.append(
                {
                    "name": entry.name,
                    "summary": fault.summary if deployment else entry.summary,
                    "available": available.ok,
                    "reason": available.reason,
                    "deployments": list(entry.deployments),
                    "targets": sorted(kind.value for kind in fault.targets),
                    "needs": list(fault.needs),
                    "parameters": fault.parameters.model_json_schema().get("properties", {}),
                }
            )
    if as_json:
        print_json(rows)
        return
    print_table(
        ("fault", "what it does", "now"),
        ((row["name"], row["summary"], "available" if row["available"] else row["reason"]) for row in rows),
        whole="fault",
    )


def register(app: typer.Typer) -> None:
    app.command()(methods)
    app.command()(faults)
