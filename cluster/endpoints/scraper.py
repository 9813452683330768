"""A private Prometheus on loopback that scrapes the targets every second, for as long as this process runs."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from cluster.deployment import DeploymentError
from cluster.endpoints.addresses import Target
from cluster.text.plain import plain

INTERVAL = 1.0  # s between two scrapes
_READY_SECONDS = 20.0
_SYSTEM_FOLDERS = ("/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin")
_running: dict[tuple[Target, ...], Scraper] = {}
_one_at_a_time = threading.Lock()


class Scraper:
    """One Prometheus. `url` is where it answers, `began` unix seconds of its start."""

    def __init__(self, targets: Sequence[Target], ids: Sequence[str]) -> None:
        """Start it. Raises DeploymentError without the program."""
        program = _program()
        self._folder = Path(tempfile.mkdtemp(prefix="rca-tui-endpoints-"))  # for this user alone: it may hold passwords
        (self._folder / "prometheus.json").write_text(json.dumps(config(targets, ids)))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url, self.began = f"http://127.0.0.1:{port}", time.time()
        self._keeper = subprocess.Popen(
            [sys.executable, "-P", "-m", "cluster.endpoints.keeper", str(self._folder), program, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def await_ready(self) -> None:
        """Wait until it answers. Raises DeploymentError."""
        ends = time.monotonic() + _READY_SECONDS
        while not self._ready():
            lines = self._log()
            failed = next((line for line in lines if "err=" in line and "level=error" in line), "")
            if failed or self._keeper.poll() is not None or time.monotonic() > ends:
                self.end()
                reason = plain(failed.partition("err=")[2], 300) or "it did not answer in time"
                raise DeploymentError(f"the Prometheus that would scrape the targets did not start: {reason}")
            time.sleep(0.05)

    def alive(self) -> bool:
        return self._keeper.poll() is None

    def end(self) -> None:
        """Stop it and remove what it stored."""
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()
        try:
            self._keeper.wait(10.0)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/-/ready", timeout=1):  # noqa: S310  our own http address
                return True
        except (URLError, OSError):
            return False

    def _log(self) -> list[str]:
        try:
            return (self._folder / "log").read_text(errors="replace").splitlines()
        except OSError:
            return []


def scraper(targets: tuple[Target, ...], ids: Sequence[str]) -> Scraper:
    """The one that scrapes these targets for this process: a later connection finds what an earlier one began."""
    with _one_at_a_time:
        found = _running.get(targets)
        if found is None or not found.alive():
            found = _running[targets] = Scraper(targets, ids)
        return found


def config(targets: Sequence[Target], ids: Sequence[str]) -> dict[str, object]:
    """Prometheus's configuration: each target under its component's id, with limits for hostile answers."""
    logins: dict[tuple[str, str] | None, list[tuple[Target, str]]] = {}
    for target, own in zip(targets, ids, strict=True):
        logins.setdefault(target.auth, []).append((target, own))
    jobs: list[dict[str, object]] = []
    for number, (auth, members) in enumerate(logins.items(), 1):
        job: dict[str, object] = {
            "job_name": f"endpoints-{number}",
            "static_configs": [
                {
                    "targets": [target.address],
                    "labels": {
                        "component": own,
                        "__scheme__": target.scheme,
                        "__metrics_path__": target.path,
                        **{f"__param_{name}": value for name, value in target.params},
                    },
                }
                for target, own in members
            ],
            "body_size_limit": "32MB",
            "sample_limit": 50_000,
            "label_limit": 64,
            "label_name_length_limit": 200,
            "label_value_length_limit": 2000,
        }
        if auth is not None:
            job["basic_auth"] = {"username": auth[0], "password": auth[1]}
        jobs.append(job)
    every = f"{INTERVAL:g}s"
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": "1m"},
        "scrape_configs": jobs,
    }


def _program() -> str:
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS])
    found = shutil.which("prometheus", path=folders)
    if found is None:
        raise DeploymentError(
            "the program prometheus is not installed, and scrapes the targets: `apt-get install prometheus`, "
            "or name a server that scrapes them already with --prometheus URL"
        )
    return found
