"""How many requests the deployment processes, for each degree of data parallelism."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster.text.plain import NOTHING
from cluster.text.quantities import number, quantity
from cluster.text.times import span
from rca_tui.commands.errors import BadInput, interruptible, say
from rca_tui.commands.interrupts import as_keyboard_interrupt
from rca_tui.commands.output import AsJson, print_json, print_line, print_table
from rca_tui.places import check_file

if TYPE_CHECKING:
    from cluster.local.smoke.measurement import Setting

_LONGEST, _FASTEST = 600.0, 100.0
OUTSIDE = 15.0
"""Seconds beside a measurement: the queue that it leaves, and rest."""
START = 60.0
"""Seconds to start and end a deployment, about."""


def smoke(
    replicas: Annotated[str, typer.Option(metavar="N,N…", help="Degrees of data parallelism.")] = "1,2,3,4",
    rates: Annotated[str, typer.Option(metavar="R,R…", help="Requests per second.")] = "1,2,4,8",
    seconds: Annotated[
        float, typer.Option(metavar="S", help="How long each rate is sent.", min=4, max=_LONGEST)
    ] = 60.0,
    max_tokens: Annotated[int, typer.Option(help="Tokens that each request generates.", min=2, max=256)] = 8,
    pod_cpus: Annotated[float, typer.Option(help="CPU limit of a serving pod, in cores.")] = 0.5,
    ttft: Annotated[
        float, typer.Option("--slo-ttft", metavar="S", help="A good request has its first token by then.", min=0)
    ] = 1.0,
    itl: Annotated[
        float, typer.Option("--slo-itl", metavar="S", help="Mean time between a good request's tokens.", min=0)
    ] = 0.1,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where measurements are kept; by default a file in the state folder."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure everything again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure how many requests are processed at a constant rate, for each degree of data parallelism.

    Starts a deployment of each size on this machine, sends each rate through its gateway, and ends it again. Names
    TTFT, ITL, throughput, goodput under an SLO, and the rate at which the queue begins to grow: saturation. A test that
    was interrupted goes on where it stopped; what was measured with the same settings is not measured again.

    Example: rca-tui smoke --replicas 1,2 --rates 1,2,4 --seconds 30
    """
    from cluster import paths
    from cluster.local.smoke import figures, study
    from cluster.local.smoke.measurement import Kept, Setting

    degrees = sorted({_whole(text, "--replicas") for text in replicas.split(",")})
    wanted = sorted({_rate(text) for text in rates.split(",")})
    settings = [Setting(n, rate, seconds, max_tokens, pod_cpus) for n in degrees for rate in wanted]
    path = out or paths.state_home() / "smoke.jsonl"
    check_file(path)
    kept = Kept(path)
    if fresh:
        kept.forget(settings)
    _announce([s for s in settings if kept.get(s) is None])
    with interruptible(f"interrupted; what was measured is in {path}: run it again to go on"), as_keyboard_interrupt():
        measured = list(study.run(settings, kept, say))
    table = {**figures.table(measured, figures.Slo(ttft, itl)), "kept": str(path)}
    if as_json:
        print_json(table)
    else:
        _print(table)


def _announce(missing: list[Setting]) -> None:
    if missing:
        most = sum(s.seconds + OUTSIDE for s in missing) + START * len({s.replicas for s in missing})
        say(f"{len(missing)} measurements, about {span(most)}")


def _whole(text: str, option: str) -> int:
    if not text.strip().isdecimal() or not 1 <= int(text) <= 100:
        raise BadInput(f"{option} takes whole numbers from 1 on, with commas between them, not {text.strip()!r}")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 < rate <= _FASTEST:
        raise BadInput(
            f"--rates takes requests per second up to {_FASTEST:g}, with commas between them, not {text.strip()!r}"
        )
    return rate


def _print(table: dict[str, Any]) -> None:
    from rca_tui.draw.processed_requests import chart

    slo = table["slo"]
    columns = ("replicas", "rate", "done/s", "good/s", "TTFT p50", "TTFT p90", "ITL p50", "ITL p90", "failed", "queue")
    print_table(columns, map(_row, table["runs"]), right=" ".join(columns), whole=" ".join(columns))
    print_line()
    print_line(
        f"rate, done/s, good/s: requests/s sent, completed, and completed with TTFT ≤ {quantity(slo['ttft'], 's')} and "
        f"ITL ≤ {quantity(slo['itl'], 's')}. TTFT, ITL in ms. queue: its growth in requests/s, ! where it is saturated."
    )
    print_line()
    for each in table["saturation"]:
        print_line(_saturation(each))
    for rate in sorted({run["rate"] for run in table["runs"]}):
        print_line()
        typer.echo(chart([run for run in table["runs"] if run["rate"] == rate]))


def _row(run: dict[str, Any]) -> tuple[str, ...]:
    ttft, itl = run["ttft"], run["itl"]
    return (
        str(run["replicas"]),
        f"{run['rate']:g}",
        f"{run['throughput']:.2f}",
        f"{run['goodput']:.2f}",
        *(_milliseconds(times[q]) for times in (ttft, itl) for q in ("p50", "p90")),
        str(run["failed"] + run["skipped"]),
        f"{number(run['queue_growth'])}{' !' if run['saturated'] else ''}",
    )


def _milliseconds(seconds: float | None) -> str:
    return NOTHING if seconds is None else f"{1e3 * seconds:.0f}"


def _saturation(each: dict[str, Any]) -> str:
    head = f"{each['replicas']} replica{'s' * (each['replicas'] > 1)}: "
    best = f"the most were {each['best']:.2f} requests/s"
    if each["rate"] is None:
        return f"{head}no rate saturates it; {best}"
    level = f", the queue is level at {each['level_at']:g}" if each["level_at"] is not None else ""
    return f"{head}saturated at {each['rate']:g} requests/s{level}; {best}"


def register(app: typer.Typer) -> None:
    app.command()(smoke)
