"""JupyterLab on a copy of the notebooks, in a process of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from books import FOLDER, environment

from tests.chromium import PATIENCE


@contextmanager
def jupyterlab(home: Path) -> Iterator[str]:
    """The address of a JupyterLab whose root holds the notebooks, with its token."""
    books, token = home / "books", secrets.token_hex(16)
    shutil.copytree(FOLDER, books)
    settings = home / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps({"fetchNews": "false"}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = {
        "--ServerApp.port": port,
        "--ServerApp.port_retries": 0,
        "--ServerApp.root_dir": books,
        "--IdentityProvider.token": token,
        "--LabApp.user_settings_dir": settings.parent.parent,
        "--LabApp.workspaces_dir": home / "lab" / "workspaces",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", *(f"{k}={v}" for k, v in options.items())]
    if os.geteuid() == 0:
        command.append("--allow-root")
    with (home / "lab.log").open("w") as log:
        server = subprocess.Popen(command, env=environment(home), stdout=log, stderr=subprocess.STDOUT, cwd=home)
        try:
            _until_it_answers(f"http://127.0.0.1:{port}/api/status?token={token}", server, home / "lab.log")
            yield f"http://127.0.0.1:{port}/lab/tree/{{}}?token={token}&reset"
        finally:
            server.terminate()
            try:
                server.wait(60)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _until_it_answers(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert server.poll() is None, f"JupyterLab ended: {log.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab does not answer: {log.read_text()[-2000:]}")
