"""PID 1 of the sandbox: builds the pods, starts their programs, restarts those that end, and reports progress.

When it ends, the kernel kills every process of its PID namespace, and their namespaces end with them.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from cluster.errors import RcaError
from cluster.local import configs, layout, network
from cluster.local.layout import RunDir
from cluster.local.programs import Program, Programs
from cluster.local.settings import Settings, write_json

READY_SECONDS = 280.0
_BOUND_SECONDS = 60.0
HEAD_FACTOR = 1.5
RAY_SITE = Path(__file__).with_name("ray_site")  # what Ray's processes need not import, see there


class StartError(RcaError):
    """The deployment could not be started."""


class Supervisor:
    """Starts one deployment. `run` returns only by an exception."""

    def __init__(self, run: RunDir) -> None:
        self._run = run
        self._settings = Settings.read(run)
        self._holders: dict[str, int] = {}
        self._programs = Programs(run.root / "output")
        self._phases: dict[str, float] = {}
        self._scraped: set[str] = set()
        self._engine = self._settings.options.engine
        self._serving = self._settings.options.serving
        self._head_restarts = 0
        self._began = time.monotonic()

    def run(self) -> None:
        self._start()
        self._tell("ready", seconds=round(time.monotonic() - self._began, 1), phases=self._phases)
        bounded = time.monotonic()
        while True:
            self._programs.tend()
            self._follow_head()
            if time.monotonic() - bounded > _BOUND_SECONDS:
                bound_logs(self._run)
                bounded = time.monotonic()
            try:
                self._report("ready")
            except OSError as error:  # a full disk must not stop the deployment
                print(f"health.json could not be written: {error}", flush=True)
            time.sleep(0.5)

    def _follow_head(self) -> None:
        """When the Ray head was restarted, let the nodes join again and deploy again: a new head knows neither."""
        restarts = self._programs.restarts(_node(layout.HEAD))
        if restarts == self._head_restarts or not _listens((layout.management_ip(layout.HEAD), layout.GCS_PORT)):
            return
        self._head_restarts = restarts
        for pod in self._serving[1:]:
            self._programs.restart(_node(pod))
        self._programs.start(self._deployment())

    def _start(self) -> None:
        with _Phase(self, "network", f"building {len(layout.pods(self._serving))} pods"):
            self._build_pods()
        with _Phase(self, "telemetry", "starting Prometheus and the exporter"):
            self._start_telemetry()
        with _Phase(self, "ray", f"starting {len(self._serving)} Ray nodes"):
            self._start_ray()
        with _Phase(self, "serve", f"starting {len(self._serving)} replicas of the model ({self._engine})"):
            self._deploy()
        with _Phase(self, "gateway", "starting the gateway and asking every pod for a completion"):
            self._programs.start(self._nginx(layout.GATEWAY, self._settings.gateway_fd, within=layout.GATEWAY))
            for pod in self._serving:
                self._until(partial(completes, layout.management_ip(pod)), f"{pod} gave no completion")
        with _Phase(self, "load", "limiting the pods' CPU and starting the load"):
            self._limit_cpu()
            self._programs.start(self._load())
        with _Phase(self, "scrape", "waiting until Prometheus scrapes every target"):
            self._until(self._all_scraped, "Prometheus does not reach every target")

    def _build_pods(self) -> None:
        # A private /run: short paths for Ray's sockets, and no files left outside.
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        Path(layout.RAY_TEMP).mkdir()
        cgroups = self._settings.cgroups
        pods = layout.pods(self._serving)
        cgroups.create((*pods, layout.SYSTEM))
        cgroups.prefer()
        cgroups.enter(layout.SYSTEM)
        network.build_bridges()
        for pod in pods:
            self._holders[pod] = network.hold_pod(pod, cgroups, dict(os.environ))
            if pod in self._serving:
                network.mount_ray_folders(self._holders[pod], self._run.ray(pod))
        write_json(self._run.root / "holders.json", self._holders)

    def _start_telemetry(self) -> None:
        folder = self._run.root / "prometheus"
        (folder / "prometheus.yml").write_text(configs.prometheus(self._engine, self._serving))
        self._programs.start(
            Program(
                "prometheus",
                (
                    "prometheus",
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    "--storage.tsdb.retention.time=6h",
                    "--storage.tsdb.retention.size=512MB",
                    f"--web.listen-address=127.0.0.1:{layout.PROMETHEUS_PORT}",
                    "--web.console.templates=",
                    "--web.console.libraries=",
                ),
            )
        )
        self._programs.start(self._nginx("management", self._settings.prometheus_fd, within=None))
        holders = ",".join(f"{pod}={pid}" for pod, pid in self._holders.items() if pod != layout.CLIENT)
        self._programs.start(
            Program("exporter", (*_module("exporter"), "--run", str(self._run.root), "--holders", holders))
        )

    def _start_ray(self) -> None:
        unused = ("--include-dashboard=false", "--no-monitor")  # the monitor is the autoscaler's
        self._programs.start(self._ray(layout.HEAD, "--head", f"--port={layout.GCS_PORT}", *unused))
        address = (layout.management_ip(layout.HEAD), layout.GCS_PORT)
        self._until(partial(_listens, address), "the Ray head did not come up")
        for pod in self._serving[1:]:
            self._programs.start(self._ray(pod, f"--address={layout.data_ip(layout.HEAD)}:{layout.GCS_PORT}"))

    def _ray(self, pod: str, *arguments: str) -> Program:
        argv = (
            *_module_of("ray.scripts.scripts"),
            "start",
            "--block",
            *arguments,
            f"--node-ip-address={layout.data_ip(pod)}",
            f"--metrics-export-port={layout.RAY_METRICS_PORT}",
            "--num-cpus=1",
            "--object-store-memory=83886080",
            "--resources=" + json.dumps({pod: 1}),
            f"--temp-dir={layout.RAY_TEMP}",
            "--include-log-monitor=false",
            "--disable-usage-stats",
        )
        return self._in_pod(pod, _node(pod), argv, ray_environment(self._run, pod, self._engine))

    def _deploy(self) -> None:
        """Deploy the model, again where Ray nodes ended meanwhile: on a cold disk Ray gives up its own agents."""
        while True:
            restarts = self._node_restarts()
            if self._programs.run(self._deployment(), READY_SECONDS) == 0:
                return
            if self._node_restarts() == restarts or time.monotonic() - self._began > READY_SECONDS:
                raise StartError(f"Ray Serve did not start the model: {self._programs.last_line('deploy')}")

    def _node_restarts(self) -> int:
        return sum(self._programs.restarts(_node(pod)) for pod in self._serving)

    def _deployment(self) -> Program:
        argv = (
            *_module("deploy"),
            *("--engine", self._engine),
            *("--model", self._settings.model),
            *("--nodes", str(len(self._serving))),
        )
        program = self._in_pod(layout.HEAD, "deploy", argv, ray_environment(self._run, layout.HEAD, self._engine))
        return replace(program, once=True)

    def _all_scraped(self) -> bool:
        """Whether every target was scraped once, not all at the same time: on a busy machine a scrape may be late."""
        self._scraped |= targets_up()
        return len(self._scraped) == configs.targets(self._engine, self._serving)

    def _limit_cpu(self) -> None:
        if self._engine == layout.VLLM:
            return
        for pod in self._serving:
            # The head carries Ray's control plane too, which takes about a tenth of a core beside the replica.
            cores = self._settings.options.pod_cpus * (HEAD_FACTOR if pod == layout.HEAD else 1)
            self._settings.cgroups.limit_cpu(pod, cores)

    def _load(self) -> Program:
        argv = (
            *_module("load"),
            *("--plan-file", str(self._run.load)),
            *("--rate-file", str(self._run.rate)),
            *("--upstreams", ",".join(self._serving)),
        )
        return self._in_pod(layout.CLIENT, "load", argv, {})

    def _nginx(self, name: str, fd: int, within: str | None) -> Program:
        if name == layout.GATEWAY:
            path = self._run.gateway_config
            path.write_text(configs.gateway(self._run, self._settings.gateway_port, self._serving))
        else:
            path = self._run.root / "nginx" / f"{name}.conf"
            path.write_text(configs.management(self._run, self._settings.prometheus_port))
        # NGINX takes over the listening socket that was opened outside the sandbox, found by its address.
        environment, argv = {"NGINX": f"{fd};"}, ("nginx", "-c", str(path))
        if within is None:
            return Program(f"nginx {name}", argv, environment, (fd,))
        return self._in_pod(within, f"nginx {name}", argv, environment, (fd,))

    def _in_pod(
        self, pod: str, name: str, argv: tuple[str, ...], environment: dict[str, str], fds: tuple[int, ...] = ()
    ) -> Program:
        command = network.enter_argv(self._settings.cgroups.of(pod), network.in_pod(self._holders[pod], argv))
        return Program(name, tuple(command), {**environment, layout.ENV_COMPONENT: pod}, fds)

    def _until(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not condition():
            dead = self._programs.dead()
            if dead or time.monotonic() > deadline:
                detail = "; ".join(f"{name} ended: {self._programs.last_line(name)}" for name in dead)
                raise StartError(f"{otherwise}{': ' + detail if detail else ''}")
            time.sleep(0.1)

    def _report(self, phase: str) -> None:
        write_json(
            self._run.health,
            {"time": time.time(), "phase": phase, "programs": self._programs.states(), "phases": self._phases},
        )

    def _tell(self, phase: str, **fields: object) -> None:
        self._report(phase)
        with self._run.progress.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": time.time(), "phase": phase, **fields}) + "\n")

    def fail(self, message: str) -> None:
        self._tell("failed", message=message)


class _Phase:
    """Reports the begin of a phase and records its duration."""

    def __init__(self, supervisor: Supervisor, name: str, message: str) -> None:
        self._supervisor, self._name, self._message = supervisor, name, message

    def __enter__(self) -> None:
        self._supervisor._tell(self._name, message=self._message)
        self._began = time.monotonic()

    def __exit__(self, *exc: object) -> None:
        self._supervisor._phases[self._name] = round(time.monotonic() - self._began, 1)


def ray_environment(run: RunDir, pod: str, engine: str) -> dict[str, str]:
    """Environment of the Ray processes in a pod; workers inherit it."""
    vllm = {
        "OMP_NUM_THREADS": str(os.cpu_count() or 1),
        "VLLM_TARGET_DEVICE": "cpu",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_HOST_IP": layout.data_ip(pod),
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
    }
    return {
        "HOME": str(run.root / "home"),
        "PYTHONPATH": os.pathsep.join((str(RAY_SITE), os.environ["PYTHONPATH"])),
        "OMP_NUM_THREADS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DISABLE_DOCKER_CPU_WARNING": "1",
        "RAY_metrics_report_interval_ms": "1000",
        # Nobody scrapes these, and each scrape writes every series.
        "RAY_enable_grpc_metrics_collection_for": "",
        "RAY_event_stats": "0",
        "RAY_enable_worker_prestart": "0",
        "RAY_worker_niceness": "0",
        "RAY_memory_monitor_refresh_ms": "0",
        "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "500",
        "RAY_SERVE_LOG_TO_STDERR": "0",
        # A proxy asks its own pod's replica for its queue length. If a slow answer counted as none, it would send
        # the request to another pod, and the slow one would look healthy from the gateway.
        "RAY_SERVE_QUEUE_LENGTH_RESPONSE_DEADLINE_S": "10",
        "RAY_SERVE_MAX_QUEUE_LENGTH_RESPONSE_DEADLINE_S": "20",
        "RAY_SERVE_TRACING_EXPORTER_IMPORT_PATH": "cluster.local.tracing:span_processors",
        "RAY_SERVE_TRACING_SAMPLING_RATIO": "1.0",
        "OTEL_SERVICE_NAME": "llm",
        "OTEL_RESOURCE_ATTRIBUTES": f"service.instance.id={pod}",
        layout.ENV_SPANS: str(run.spans(pod)),
        layout.ENV_RUN: str(run.root),
        **(vllm if engine == layout.VLLM else {}),
    }


def completes(host: str) -> bool:
    """Whether one completion request succeeds."""
    body = json.dumps({"prompt": "A river begins", "max_tokens": 2, "ignore_eos": True}).encode()
    request = Request(f"http://{host}:{layout.SERVE_PORT}/v1/completions", body, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=20) as answer:  # noqa: S310  a fixed http address
            return bool(json.load(answer)["choices"][0]["text"])
    except (URLError, OSError, ValueError, LookupError):
        return False


def targets_up() -> set[str]:
    """The targets whose newest scrape succeeded."""
    url = f"http://127.0.0.1:{layout.PROMETHEUS_PORT}/api/v1/targets?state=active"
    try:
        with urlopen(url, timeout=5) as answer:
            targets = json.load(answer)["data"]["activeTargets"]
    except (URLError, OSError, ValueError, LookupError):
        return set()
    return {str(target["scrapeUrl"]) for target in targets if target["health"] == "up"}


def bound_logs(run: RunDir, largest: int = 512 << 20) -> None:
    """Truncate the files that grow without bound: spans, access log, engine logs. Their writers append."""
    for path in (*run.root.glob("*/*.jsonl"), *run.root.glob("*/*.log")):
        try:
            if path.stat().st_size > largest:
                os.truncate(path, 0)
        except FileNotFoundError:
            continue


def _node(pod: str) -> str:
    return f"ray {pod}"


def _listens(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0


def _module(name: str) -> tuple[str, ...]:
    return _module_of(f"cluster.local.{name}")


def _module_of(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    supervisor = Supervisor(RunDir(parser.parse_args().run))
    try:
        supervisor.run()
    except (StartError, RuntimeError, OSError, subprocess.SubprocessError) as error:
        supervisor.fail(str(error))
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
