"""Control of the gateway's routing: write another NGINX configuration, reload without losing a request, read back."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from cluster.deployment import DeploymentError, Pod
from cluster.local import configs, layout, processes
from cluster.local.configs import EVEN, Routing
from cluster.local.state import LocalState

LOAD_SECONDS = 10.0
_MASTER = "nginx: master process"
_ASK = f"""import urllib.request
url = "http://{layout.management_ip(layout.GATEWAY)}:{layout.GATEWAY_STATUS_PORT}/routing"
print(urllib.request.urlopen(url, timeout=5).read().decode())"""


class LocalGateway:
    """NGINX in the gateway's pod, as `cluster.deployment.Gateway`."""

    def __init__(self, state: LocalState, pod: Pod) -> None:
        self._state = state
        self._pod = pod
        self._path = state.run_dir.gateway_config

    def config(self) -> str:
        try:
            return self._path.read_text()
        except OSError as error:
            raise DeploymentError(f"the gateway's configuration cannot be read: {error}") from None

    def routing(self) -> str:
        done = self._pod.run([sys.executable, "-I", "-S", "-c", _ASK])
        if done.code != 0:
            raise DeploymentError("the gateway does not say which routing it follows")
        return done.stdout.strip()

    def with_routing(self, name: str, weights: Mapping[str, int], detours: Mapping[str, str]) -> str:
        routing = Routing(name, weights, detours)
        return configs.gateway(self._state.run_dir, self._state.gateway_port, self._state.serving, routing)

    def replace(self, config: str, name: str) -> None:
        try:
            _replace(self._backup(name), self._path.read_text())
        except OSError as error:
            raise DeploymentError(f"the gateway's configuration cannot be backed up: {error}") from None
        self._load(config, name)

    def usual(self) -> tuple[str, str]:
        return self.with_routing(EVEN.name, EVEN.weights, EVEN.detours), EVEN.name

    def restore(self, replaced: str) -> None:
        self._load(*self.usual())
        with contextlib.suppress(OSError):  # a leftover backup is harmless: no message names it any more
            self._backup(replaced).unlink()

    def manual_command(self, name: str) -> str:
        masters = [pid for pid in self._pod.pids() if " ".join(processes.command(pid)).startswith(_MASTER)]
        if not masters:
            raise DeploymentError("no NGINX runs in the gateway's pod; see `rca-tui status`")
        return f"{shlex.join(['cp', str(self._backup(name)), str(self._path)])} && kill -HUP {masters[0]}"

    def _load(self, config: str, name: str) -> None:
        try:
            if self._path.read_text() != config:
                _replace(self._path, config)
        except OSError as error:
            raise DeploymentError(f"the gateway's configuration cannot be written: {error}") from None
        done = self._pod.run(["nginx", "-c", str(self._path), "-s", "reload"])
        if done.code != 0:
            raise DeploymentError(f"NGINX rejects the configuration: {' '.join(done.stderr.split())}")
        until = time.monotonic() + LOAD_SECONDS
        while (follows := self.routing()) != name:
            if time.monotonic() >= until:
                raise DeploymentError(f"the gateway still follows the routing {follows}, not {name}")
            time.sleep(0.1)

    def _backup(self, name: str) -> Path:
        return self._path.with_suffix(f".before-{name}")


def _replace(path: Path, text: str) -> None:
    """Replace the file atomically, so that NGINX never reads half of it."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)
