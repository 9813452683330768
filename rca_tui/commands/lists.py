"""Commands that list the methods and the faults."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import typer

from rca_tui.commands.connection import InCluster, choose_also, connected_or_none
from rca_tui.commands.errors import say_each
from rca_tui.commands.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from faults.catalog import Entry


def methods(as_json: AsJson = False) -> None:
    """List the methods: the tool's own, the study's, cheap ones first, then published ones beyond it."""
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
    with connected_or_none() as deployment:
        if as_json:
            print_json([_about(entry, deployment) for entry in catalog.entries()])
            return
        rows = [_row(entry, deployment) for entry in catalog.entries()]
    print_table(("fault", "what it does", "now"), rows, whole="fault")


def _about(entry: Entry, deployment: Deployment | None) -> dict[str, object]:
    from faults import catalog

    fault = catalog.load(entry.name, deployment.kind if deployment else None)
    available = catalog.availability(entry.name, deployment)
    return {
        "name": entry.name,
        "summary": fault.summary if deployment else entry.summary,
        "available": available.ok,
        "reason": available.reason,
        "deployments": list(entry.deployments),
        "targets": sorted(kind.value for kind in fault.targets),
        "needs": list(fault.needs),
        "parameters": fault.parameters.model_json_schema().get("properties", {}),
    }


def _row(entry: Entry, deployment: Deployment | None) -> tuple[str, str, str]:
    from faults import catalog

    if deployment is None:  # the catalogue's row has all of it: no fault is imported
        return entry.name, entry.summary, catalog.NO_DEPLOYMENT
    available = catalog.availability(entry.name, deployment)
    fault = catalog.load(entry.name, deployment.kind)
    return entry.name, fault.summary, "available" if available.ok else available.reason


def register(app: typer.Typer) -> None:
    app.command()(methods)
    app.command()(faults)
