"""Runs a Prometheus until standard input ends, and then removes its folder: `python -m … FOLDER PROMETHEUS PORT`.

The other end of standard input is held by the process that started it. So the Prometheus ends with that process,
however that ends.
"""

from __future__ import annotations

import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ENDING = 5.0  # seconds that it has to stop


def keep(folder: Path, program: str, port: int) -> int:
    """Returns the exit code of a Prometheus that ended by itself, 0 otherwise."""
    argv = [
        program,
        f"--config.file={folder / 'prometheus.json'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--scrape.discovery-reload-interval=1s",  # the targets are in its file: by default it waits 5 s for more
        "--storage.tsdb.retention.time=6h",
        "--storage.tsdb.retention.size=512MB",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.console.templates=",
        "--web.console.libraries=",
    ]
    try:
        with (folder / "log").open("wb") as log:
            running = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            while running.poll() is None:
                if select.select([sys.stdin.fileno()], [], [], 0.5)[0]:
                    return 0
            return running.returncode
        finally:
            running.terminate()
            try:
                running.wait(ENDING)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
    finally:
        select.select([sys.stdin.fileno()], [], [], 10.0)  # after a failure its log is still read
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(keep(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
