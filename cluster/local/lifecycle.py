"""Start, inspect and stop the embedded deployment. Blocking calls; each raises only DeploymentError."""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cluster import paths
from cluster.deployment import DeploymentError
from cluster.local import cgroups, cleanup, layout, load_plan, preflight, processes, state, weights
from cluster.local.layout import RunDir
from cluster.local.load_plan import LoadPlan
from cluster.local.options import Options
from cluster.local.settings import Settings
from cluster.local.state import LocalState

Progress = Callable[[str], None]
START_SECONDS = 300.0
_PORTS_TRIED = 20


def up(options: Options | None = None, progress: Progress = lambda _: None, load: LoadPlan | None = None) -> LocalState:
    """Start a deployment under a load and wait until all pods answer and Prometheus scrapes them all.

    Leftovers of an earlier deployment are removed first. Raises DeploymentError while one runs or starts.
    """
    options, load = options or Options(), load or LoadPlan()
    with state.locked():
        known = state.load()
        if known is not None and known.ready and known.alive():
            raise DeploymentError(f"a deployment is already up at {known.gateway_url}; `rca-tui down` ends it")
        preflight.check(options)
        found = cleanup.clean()
        if found:
            progress(f"cleaned up after an earlier deployment: {', '.join(found)}")
        model = _weights(options.engine, progress)
        try:
            return _start(options, load, model, progress)
        except BaseException:
            # Interrupted or failed: remove the incomplete deployment. The logs stay in the run folder.
            cleanup.clean()
            raise


def status() -> LocalState | None:
    """The deployment that is running or starting; None when there is none."""
    known = state.load()
    return known if known is not None and known.alive() else None


def down(progress: Progress = lambda _: None) -> bool:
    """Stop the deployment, or remove what is left of one. False when there was nothing."""
    with state.locked():
        progress("ending the deployment")
        return bool(cleanup.clean())


def _weights(engine: str, progress: Progress) -> Path:
    path = weights.ensure(progress=progress)
    if engine == layout.LLAMACPP:
        return path
    from cluster.local.engines import vllm_model

    return vllm_model.convert(path)


def _start(options: Options, load: LoadPlan, model: Path, progress: Progress) -> LocalState:
    began = time.time()
    folder = paths.local()
    run = RunDir(folder / "run")
    _empty(run)
    load_plan.write(run.load, load)
    deployment = secrets.token_hex(4)
    groups = cgroups.detect(cgroups.folder_name(state.owner(), deployment))
    with ExitStack() as sockets:
        gateway = sockets.enter_context(_listen(options.gateway_port, layout.DEFAULT_GATEWAY_PORT))
        prometheus = sockets.enter_context(_listen(options.prometheus_port, layout.DEFAULT_PROMETHEUS_PORT))
        current = LocalState(
            id=deployment,
            engine=options.engine,
            replicas=options.replicas,
            run=run.root,
            gateway_port=gateway.getsockname()[1],
            prometheus_port=prometheus.getsockname()[1],
            cgroups=groups,
            rootless=not preflight.is_root(),
            started=began,
        )
        state.save(current)
        Settings(
            deployment=deployment,
            options=options,
            cgroups=groups,
            model=str(model),
            gateway_port=current.gateway_port,
            gateway_fd=gateway.fileno(),
            prometheus_port=current.prometheus_port,
            prometheus_fd=prometheus.fileno(),
        ).write(run)
        sandbox = _launch(run, deployment, (gateway.fileno(), prometheus.fileno()))
    init = _init_of(sandbox, run)
    current = dataclasses.replace(current, sandbox=processes.identify(sandbox.pid), init=init)
    state.save(current)
    phases = _follow(run, sandbox, progress)
    current = dataclasses.replace(current, ready=True, phases=phases, holders=_holders(run, init.pid))
    state.save(current)
    return current


def _launch(run: RunDir, deployment: str, fds: tuple[int, ...]) -> subprocess.Popen[bytes]:
    """Start the sandbox in a session of its own, so that it outlives this process and its terminal."""
    code = str(Path(__file__).parents[2])
    environment = {
        **os.environ,
        "PATH": preflight.search_path(),
        "PYTHONPATH": os.pathsep.join(filter(None, (code, os.environ.get("PYTHONPATH", "")))),
        "PYTHONUNBUFFERED": "1",
        layout.ENV_STATE: str(paths.local().absolute()),
        layout.ENV_DEPLOYMENT: deployment,
        layout.ENV_COMPONENT: layout.NODE,
    }
    # Some forty Python processes start here: without bytecode files each would compile all of Ray.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    argv = [*preflight.sandbox_argv(), sys.executable, "-m", "cluster.local.supervisor", "--run", str(run.root)]
    with run.supervisor_log.open("ab") as log:
        return subprocess.Popen(
            argv,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=fds,
            start_new_session=True,
        )


def _init_of(sandbox: subprocess.Popen[bytes], run: RunDir) -> processes.Process:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and sandbox.poll() is None:
        for child in processes.children(sandbox.pid):
            found = processes.identify(child)
            if found is not None:
                return found
        time.sleep(0.02)
    raise DeploymentError(f"the sandbox did not start: {_last_line(run.supervisor_log)} (see {run.supervisor_log})")


def _follow(run: RunDir, sandbox: subprocess.Popen[bytes], progress: Progress) -> dict[str, float]:
    """Pass on the supervisor's progress until it is ready; returns the seconds of each phase."""
    deadline = time.monotonic() + START_SECONDS
    reported = 0
    while True:
        events = list(_events(run.progress))
        for event in events[reported:]:
            if event["phase"] == "ready":
                return {str(name): float(seconds) for name, seconds in event["phases"].items()}
            if event["phase"] == "failed":
                raise DeploymentError(f"the deployment did not start: {event['message']} (logs in {run.root})")
            progress(str(event["message"]))
        reported = len(events)
        if sandbox.poll() is not None:
            raise DeploymentError(
                f"the deployment's supervisor ended: {_last_line(run.supervisor_log)} (logs in {run.root})"
            )
        if time.monotonic() > deadline:
            raise DeploymentError(f"the deployment was not ready after {START_SECONDS:.0f} s (logs in {run.root})")
        time.sleep(0.1)


def _events(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text()
    except FileNotFoundError:
        return
    complete = text[: text.rfind("\n") + 1]
    yield from (json.loads(line) for line in complete.splitlines())


def _holders(run: RunDir, init: int) -> dict[str, processes.Process]:
    """The pods' namespace holders by their pids outside the sandbox."""
    inside: dict[str, int] = json.loads((run.root / "holders.json").read_text())
    outside = {processes.inner_pid(pid): pid for pid in processes.in_namespace(init, "pid")}
    found = {pod: processes.identify(outside.get(pid, -1)) for pod, pid in inside.items()}
    missing = [pod for pod, process in found.items() if process is None]
    if missing:
        raise DeploymentError(f"the pods {', '.join(missing)} are gone already (logs in {run.root})")
    return {pod: process for pod, process in found.items() if process is not None}


def _listen(wanted: int | None, default: int) -> socket.socket:
    """A listening socket on 127.0.0.1: the given port, or the first free one from the default on."""
    candidates = [wanted] if wanted is not None else range(default, default + _PORTS_TRIED)
    for port in candidates:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(511)
        except OSError:
            listener.close()
            continue
        return listener
    if wanted is not None:
        raise DeploymentError(f"port {wanted} of 127.0.0.1 is taken; name another one or none")
    raise DeploymentError(
        f"the ports {default} to {default + _PORTS_TRIED - 1} of 127.0.0.1 are all taken; free one of them"
    )


def _empty(run: RunDir) -> None:
    shutil.rmtree(run.root, ignore_errors=True)
    if run.root.exists():
        raise DeploymentError(f"{run.root} cannot be emptied: remove it and try again")
    for folder in run.folders():
        folder.mkdir(parents=True)


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").strip().splitlines()
    except OSError:
        return "it said nothing"
    return lines[-1][:500] if lines else "it said nothing"
