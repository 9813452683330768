"""Commands of saved incidents: record, import, incidents, reveal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster import paths
from cluster.text.plain import plain
from cluster.text.times import instant, span
from rca_tui.commands import completion
from rca_tui.commands.connection import InCluster, choose_also, connected, last
from rca_tui.commands.errors import interruptible, say
from rca_tui.commands.output import AsJson, print_json, print_line, print_table
from rca_tui.places import check_new
from rca_tui.vocabulary import about, window_json

if TYPE_CHECKING:
    from cluster.incident.library import Row
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
        typer.Argument(metavar="PATH", help="Folder or .zip to write; by default a new name that `incidents` lists."),
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

    if path is None:
        path = library.new_path("recorded")
    else:
        _check(path)
    with connected() as deployment, interruptible("interrupted; nothing was written"):
        incident = last(deployment, seconds)
        store.save(incident, path)
    payload = {**about(library.name_of(path), incident), "path": str(path), "id": incident.id}
    payload |= {"seconds": incident.window.seconds, "notes": list(incident.notes)}
    if as_json:
        print_json(payload)
        return
    for note in incident.notes:
        say(f"note: {note}")
    print_line(f"saved {path}; next: rca-tui diagnose {path}")


def import_(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Case of RCAEval, day of OpenRCA, or JSON files.")],
    destination: Annotated[Path, typer.Argument(metavar="DEST", help="Folder or .zip to write.")],
    as_json: AsJson = False,
) -> None:
    """Convert telemetry of other tools into an incident.

    SRC is a case of RCAEval, a day of OpenRCA, or a .json or .jsonl file, or a folder of them: OTLP as a collector
    writes it, and saved answers of query_range. The injection time and the faulty service are sealed apart.

    Example: rca-tui import RE2-OB/cartservice_cpu/1 x.zip
    """
    from cluster import imports
    from cluster.incident import library, store
    from cluster.incident.seal import Seal

    _check(destination)
    with interruptible("interrupted; nothing was written"):
        incident, truth = imports.read(source)
        store.save(incident, destination, truth, Seal.ALL)  # published: no secret of this host
    payload = {
        **about(library.name_of(destination), incident),
        "path": str(destination),
        "id": incident.id,
        "components": [{"component": c.id, "kind": c.kind.value} for c in incident.topology.components],
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


def _check(path: Path) -> None:
    """Raises PlaceError where no incident can be saved there. The folder of the library is made with the first one."""
    if path.parent == paths.incidents():
        path.parent.mkdir(parents=True, exist_ok=True)
    check_new(path)


def incidents(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORDS", help="Only those with all these words in name, time, origin or tags."),
    ] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show the causes. Spoils the drills.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the incidents that commands accept by name.

    WORDS are parts of the name, the time, the origin, a tag or the id of a component. The cause is never searched.

    Example: rca-tui incidents here 2026-11-26
    """
    from cluster.incident import library

    rows = [row for row in library.rows() if row.matches(words or ())]
    if as_json:
        print_json([_payload(row, reveal) for row in rows])
        return
    if not rows:
        none = "none match" if words else "there are none yet: `rca-tui drill` and `rca-tui record` save some"
        print_line(none)
        return
    print_table(
        ("incident", "from", "began", "lasts", "cause" if reveal else "what"),
        ((row.listing.name, row.origin, row.began, row.lasts, _cause(row) if reveal else row.about) for row in rows),
        whole="incident from began lasts",
    )


def reveal(
    incident: Annotated[
        str,
        typer.Argument(
            metavar="INCIDENT", help="A path, or a name that `incidents` lists.", autocompletion=completion.incidents
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Show the cause of an incident. Spoils the drill.

    The exit code is 2 where the cause was edited, or where the seal of the host that recorded the drill is not on it.
    """
    from cluster.incident import library
    from cluster.incident.container import IncidentError

    truth, seal = library.load_truth(incident), library.seal_of(incident)
    if as_json:
        answer = {"incident": plain(incident), "window": window_json(library.window(incident))}
        print_json({**answer, "truth": None if truth is None else truth.as_json(), "seal": seal})
    elif truth is None:
        print_line("the cause is unknown: the incident was recorded, not injected")
    else:
        print_line(truth.cause)
        for name, value in (*truth.parameters.items(), *truth.conditions.items()):
            print_line(f"  {name} {value}")
        print_line(f"  from {instant(truth.injected_at)}{_until(truth)}")
    if why := library.doubt(incident):
        raise IncidentError(f"the cause of {plain(incident)} proves nothing: {why}; do not score by it")


def _until(truth: Truth) -> str:
    return "" if truth.reverted_at is None else f", {span(truth.reverted_at - truth.injected_at)} long"


def _payload(row: Row, reveal: bool) -> dict[str, Any]:
    listing, summary = row.listing, row.summary
    payload: dict[str, Any] = {"incident": listing.name, "name": listing.name, "path": str(listing.path)}
    payload |= {"shipped": listing.shipped, "problem": row.problem or None}
    if summary is None:
        return payload
    payload |= {"deployment": summary.deployment, "window": window_json(summary.window)}
    payload |= {"start": summary.window.start, "seconds": summary.window.seconds}
    payload |= {"components": [{"component": id} for id in summary.components]}
    payload |= {"sealed": summary.sealed, "tags": list(summary.tags)}
    if reveal:
        from cluster.incident.container import IncidentError

        try:
            truth = _truth(row)
        except IncidentError as error:
            return payload | {"problem": str(error)}
        payload |= {} if truth is None else {"truth": truth.as_json()}
    return payload


def _truth(row: Row) -> Truth | None:
    from cluster.incident import envelope

    return envelope.load_truth(row.listing.path) if row.summary and row.summary.sealed else None


def _cause(row: Row) -> str:
    from cluster.incident.container import IncidentError

    try:
        truth = _truth(row)
    except IncidentError as error:  # one that cannot be opened hides none of the others
        return str(error)
    return row.problem or ("unknown" if truth is None else truth.cause)


def register(app: typer.Typer) -> None:
    app.command()(record)
    app.command("import")(import_)
    app.command()(incidents)
    app.command()(reveal)
