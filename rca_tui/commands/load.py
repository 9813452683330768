"""`load`: which load runs on the deployment of this machine, and another one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rca_tui.commands.errors import BadInput, say_each
from rca_tui.commands.output import AsJson, print_json, print_line

if TYPE_CHECKING:
    from cluster.local.load_plan import LoadPlan


def plan_of(load: str, rate: float, max_tokens: int) -> LoadPlan:
    """The load of that name, or of that file. Raises BadInput, DeploymentError."""
    from cluster.local import load_trace
    from cluster.local.load_plan import NAMED, LoadPlan, Shape

    if load in NAMED:
        return LoadPlan(Shape(load), rate, max_tokens)
    if not (path := Path(load)).exists():
        raise BadInput(f"{load!r} is no load: it is one of {', '.join(NAMED)}, or a file that exists")
    return load_trace.plan(path, rate, max_tokens)


def load(
    name: Annotated[
        str | None,
        typer.Argument(metavar="LOAD", help="constant, bursty, diurnal, or a CSV file.", show_default=False),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(help="Requests per second on average; by default as they are.", show_default=False),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(help="Tokens of an answer; by default as they are.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show or change the load of the deployment on this machine.

    It changes within a second, also during a drill, and lasts until it is changed again or the deployment ends. All
    loads are real requests through the gateway. `constant` sends them evenly; `bursty` in calm stretches and bursts;
    `diurnal` as over a day that takes ten minutes. A file is a trace of a public LLM service: Azure's columns
    (TIMESTAMP,ContextTokens,GeneratedTokens) or BurstGPT's (Timestamp, Request tokens, Response tokens). Its speed and
    lengths are made to fit this machine, and the command says how.

    Example: rca-tui load bursty --rate 3
    """
    import dataclasses

    from cluster.local.deployment import LocalDeployment
    from cluster.local.load_plan import Shape

    deployment = LocalDeployment.connect()
    plan = deployment.load()
    if name is not None or rate is not None or max_tokens is not None:
        rate = plan.rate if rate is None else rate
        max_tokens = plan.max_tokens if max_tokens is None else max_tokens
        if name is not None:
            plan = plan_of(name, rate, max_tokens)
        elif plan.shape is Shape.TRACE:
            raise BadInput("a trace is fitted to its rate when it is read: name the file again")
        else:
            plan = dataclasses.replace(plan, rate=rate, max_tokens=max_tokens)
        deployment.set_load(plan)
    if as_json:
        print_json(plan.as_json())
        return
    print_line(f"load: {plan.shape}, {plan.sentence()}")
    say_each(plan.notes)


def register(app: typer.Typer) -> None:
    app.command()(load)
