"""Commands of saved incidents: record, import, incidents, reveal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.text.times import date_time, span
from rca_tui.commands.connection import InCluster, choose_also, connected, last
from rca_tui.commands.errors import interruptible, say
from rca_tui.commands.output import AsJson, print_json, print_line, print_table

if TYPE_CHECKING:
    from cluster.incident.library import Listing
    from cluster.incident.truth import Truth

Back = Annotated[
    float | None,
    typer.Option(
        metavar="S",
        help="Seconds of telemetry up to now; by default 240 samples.",
        min=10,
        max=7200,
        show_default=False,
    ),
]


def record(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help="Folder or .zip to write; by default a new name that `incidents` lists."),
    ] = None,
    seconds: Back = None,
    context: InCluster = None,
    as_json: AsJson = False,
) -> None:
    """Save the last seconds of the deployment.

    The incident has no truth: the cause is unknown.

    Example: rca-tui record --seconds 600 monday.zip
    """
    choose_also(context)
    from cluster.incident import library, store

    path = path or library.new_path("recorded")
    with connected() as deployment, interruptible("interrupted; nothing was written"):
        incident = last(deployment, seconds)
        store.save(incident, path)
    payload = {"path": str(path), "id": incident.id, "seconds": incident.window.seconds, "notes": list(incident.notes)}
    if as_json:
        print_json(payload)
        return
    for note in incident.notes:
        say(f"note: {note}")
    print_line(f"saved {path}; next: rca-tui diagnose {path}")


def import_(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of one case: CSV, or the same as Parquet.")],
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="Folder or .zip to write.")],
    as_json: AsJson = False,
) -> None:
    """Convert a case in the RCAEval layout into an incident.

    The injection time and the faulty service are sealed apart.

    Example: rca-tui import RE2-OB/cartservice_cpu/1 x.zip
    """
    from cluster.incident import rcaeval, store

    with interruptible("interrupted; nothing was written"):
        incident, truth = rcaeval.read_case(source)
        store.save(incident, destination, truth)
    payload = {
        "path": str(destination),
        "id": incident.id,
        "components": list(incident.topology.ids),
        "front_door": incident.topology.front_door,
        "sealed": truth is not None,
        "notes": list(incident.notes),
    }
    if as_json:
        print_json(payload)
        return
    for note in incident.notes:
        say(f"note: {note}")
    print_line(f"saved {destination}: {len(incident.topology.ids)} components, front door {payload['front_door']}")


def incidents(
    reveal: Annotated[bool, typer.Option("--reveal", help="Show the causes. Spoils the drills.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the incidents that commands accept by name."""
    from cluster.incident import library

    rows = [_row(listing, reveal) for listing in library.listings()]
    if as_json:
        print_json(rows)
        return
    if not rows:
        print_line("there are none yet: `rca-tui drill` and `rca-tui record` save some")
        return
    print_table(
        ("incident", "from", "began", "lasts", "cause" if reveal else "what"),
        ((*_cells(row), _cause(row) if reveal else _what(row)) for row in rows),
        whole="incident from began lasts",
    )


def reveal(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="A path, or a name that `incidents` lists.")],
    as_json: AsJson = False,
) -> None:
    """Show the cause of an incident. Spoils the drill."""
    from cluster.incident import library

    _, truth = library.load_with_truth(incident)
    if as_json:
        print_json({"truth": None if truth is None else truth.as_json()})
    elif truth is None:
        print_line("the cause is unknown: the incident was recorded, not injected")
    else:
        print_line(truth.cause)
        for name, value in (*truth.parameters.items(), *truth.conditions.items()):
            print_line(f"  {name} {value}")
        print_line(f"  from {date_time(truth.injected_at)}{_until(truth)}")


def _until(truth: Truth) -> str:
    return "" if truth.reverted_at is None else f", {span(truth.reverted_at - truth.injected_at)} long"


def _row(listing: Listing, reveal: bool) -> dict[str, Any]:
    from cluster.incident import store
    from cluster.incident.store import IncidentError

    row: dict[str, Any] = {"name": listing.name, "path": str(listing.path), "shipped": listing.shipped, "problem": None}
    try:
        summary = store.summary(listing.path)
        row |= {"deployment": summary.deployment, "start": summary.window.start, "seconds": summary.window.seconds}
        row |= {"components": list(summary.components), "sealed": summary.sealed}
        if reveal and summary.sealed and (truth := store.load_truth(listing.path)) is not None:
            row["truth"] = truth.as_json()
    except IncidentError as error:
        row["problem"] = str(error)
    return row


def _cells(row: dict[str, Any]) -> list[str]:
    origin = "package" if row["shipped"] else "here"
    if row["problem"]:
        return [row["name"], origin, "", ""]
    return [row["name"], origin, date_time(row["start"]), span(row["seconds"])]


def _what(row: dict[str, Any]) -> str:
    if row["problem"]:
        return str(row["problem"])
    return f"{row['deployment']}, {len(row['components'])} components{'' if row['sealed'] else ', cause unknown'}"


def _cause(row: dict[str, Any]) -> str:
    from cluster.incident.truth import Truth

    truth = row.get("truth")
    if truth is None:
        return row["problem"] or "unknown"
    return Truth(tuple(truth["components"]), truth["fault"], truth["injected_at"]).cause


def register(app: typer.Typer) -> None:
    app.command()(record)
    app.command("import")(import_)
    app.command()(incidents)
    app.command()(reveal)
