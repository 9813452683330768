"""Commands of the deployment on this machine: up, status, down."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from cluster.deployment import Deployment, DeploymentError, Liveness, Status
from cluster.text.times import span
from cluster.window import Window
from rca_tui.commands.connection import FIRST, InCluster, await_history, choose_also, chosen, connected
from rca_tui.commands.errors import interruptible, say, say_each
from rca_tui.commands.interrupts import as_keyboard_interrupt
from rca_tui.commands.output import AsJson, print_json, print_line, print_table

DOWN = 1
Port = Annotated[int | None, typer.Option(help="Port on 127.0.0.1; by default the first free one.", show_default=False)]


def up(
    engine: Annotated[str, typer.Option(help="llamacpp, or vllm (one replica, CPU).")] = "llamacpp",
    rate: Annotated[
        float | None,
        typer.Option(
            help="Requests per second of the load generator, 0 for none; by default one for each serving pod.",
            show_default=False,
        ),
    ] = None,
    replicas: Annotated[
        int, typer.Option(help="Degree of data parallelism: pods that serve, the head included; llamacpp only.", min=1)
    ] = 4,
    load: Annotated[
        str,
        typer.Option(help="constant, bursty, diurnal, or a CSV file of arrivals, see `rca-tui load`.", metavar="LOAD"),
    ] = "constant",
    max_tokens: Annotated[int, typer.Option(help="Tokens that each of its requests generates.")] = 8,
    pod_cpus: Annotated[float, typer.Option(help="CPU limit of a serving pod, in cores.")] = 0.5,
    gateway_port: Port = None,
    prometheus_port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Start the LLM deployment on this machine.

    NGINX, Ray Serve on one or more nodes with an LLM on each, Prometheus and a load generator, all in one sandbox.
    Waits until they serve. What an earlier start left behind is removed first.

    Example: rca-tui up --load bursty --rate 3
    """
    from cluster.local import layout, lifecycle
    from cluster.local.options import Options
    from rca_tui.commands.load import plan_of

    if rate is None:
        rate = float(len(layout.serving(engine, replicas)))
    plan = plan_of(load, rate, max_tokens)
    say_each(f"the load: {note}" for note in plan.notes)
    options = Options(engine, pod_cpus, gateway_port, prometheus_port, replicas)
    began = time.monotonic()
    with interruptible("interrupted; the deployment that was starting is removed again"), as_keyboard_interrupt():
        state = lifecycle.up(options, say, plan)
    seconds = time.monotonic() - began
    if as_json:
        payload: dict[str, Any] = {
            "gateway": state.gateway_url,
            "prometheus": state.prometheus_url,
            "engine": state.engine,
            "replicas": len(state.serving),
            "rate": plan.rate,
            "load": plan.as_json(),
        }
        print_json({**payload, "seconds": round(seconds, 1), "phases": state.phases})
        return
    print_line(f"up after {span(seconds)}: {state.gateway_url}/v1/completions, Prometheus at {state.prometheus_url}")
    print_line(f"load: {plan.shape}, {plan.sentence()}")
    print_line("next: `rca-tui` for the app, `rca-tui drill cpu-stress --target replica-1` for a drill")


def status(context: InCluster = None, as_json: AsJson = False) -> None:
    """Show whether the deployment runs, and which components are in trouble: those first.

    Also shows the age of its data, and the injections that are not undone. Exit code 1 when it is DOWN.
    """
    choose_also(context)
    from faults.recover import pending

    payload = _local() if chosen() is None else _connected()
    payload["to_recover"] = [journal.id for journal, _ in pending()]
    if as_json:
        print_json(payload)
    else:
        _print_status(payload)
    if payload["status"] == Liveness.DOWN:
        raise typer.Exit(DOWN)


def _print_status(payload: dict[str, Any]) -> None:
    age = "" if payload["data_age"] is None else f", data {span(payload['data_age'])} old"
    print_line(f"{payload['status']}{age}{': ' if payload['message'] else ''}{payload['message']}")
    if "gateway" in payload:
        print_line(f"gateway {payload['gateway']}, Prometheus {payload['prometheus']}")
        print_line(f"load: {payload['load']['shape']}, {payload['load']['sentence']}")
    if payload["components"]:
        print_table(("component", "now", "health", ""), map(_row, payload["components"]))
    if payload["to_recover"]:
        say(f"injections that are not undone yet: {len(payload['to_recover'])}; unless a drill runs, `rca-tui recover`")


def _row(component: Mapping[str, Any]) -> tuple[str, ...]:
    health = component["health"]
    said = ("", "") if health is None else (health["state"], health["sentence"])
    return component["component"], component["status"], *said


def _connected() -> dict[str, Any]:
    with connected() as deployment:
        await_history(deployment, FIRST)
        status = deployment.status()
        health, provenance = ({}, []) if status.liveness is Liveness.DOWN else _health(deployment, status)
    names = sorted(status.components, key=lambda c: list(health).index(c) if c in health else len(health))
    components = [
        {"component": c, "status": "UP" if status.components[c] else "DOWN", "health": health.get(c)} for c in names
    ]
    return _status(status.liveness, status.message, status.data_age, components, provenance)


def _health(deployment: Deployment, status: Status) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Health by component, the worst first, and the provenance of each signal.

    Both empty, with a sentence to standard error, where they cannot be read.
    """
    from methods.telemetry.baseline import HISTORY
    from methods.telemetry.health import look
    from methods.telemetry.health_wording import as_json

    now = time.time() - (status.data_age or 0.0)
    try:
        samples = deployment.samples(Window(now - HISTORY, now + deployment.step), deployment.step)
        topology = deployment.topology()
    except DeploymentError as error:
        say(f"health is not known: {error}")
        return {}, []
    listed = look(topology, samples.metrics, samples.edge_metrics, now, status.components)
    return {h.component: as_json(h, now) for h in listed}, samples.provenance.rows()


def _status(
    liveness: Liveness,
    message: str,
    data_age: float | None = None,
    components: Sequence[Mapping[str, Any]] = (),
    provenance: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    answer = {"status": liveness, "liveness": liveness, "data_age": data_age, "message": message}
    return answer | {"components": list(components), "provenance": list(provenance)}


def _local() -> dict[str, Any]:
    from cluster.local import lifecycle, load_plan
    from cluster.local.state import doubt

    state = lifecycle.status()
    if state is None:
        what = f"{why}: `rca-tui down` ends what is left" if (why := doubt()) else "no deployment is up"
        return _status(Liveness.DOWN, f"{what}: `rca-tui up` starts one, --context names one in a cluster")
    starting = _status(Liveness.DOWN, "starting")
    about = {"gateway": state.gateway_url, "prometheus": state.prometheus_url, "engine": state.engine}
    plan = load_plan.read(state.run_dir.load)
    return (_connected() if state.ready else starting) | about | {"rate": plan.rate, "load": plan.as_json()}


def down(as_json: AsJson = False) -> None:
    """Stop the deployment, or what is left of one."""
    from cluster.local import lifecycle

    with interruptible("interrupted; run `rca-tui down` again to stop it"):
        ended = lifecycle.down(say)
    if as_json:
        print_json({"ended": ended})
    else:
        print_line("down: nothing of it is left" if ended else "there was nothing to stop")


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(status)
    app.command()(down)
