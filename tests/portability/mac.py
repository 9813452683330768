"""Running our programs as on macOS: see `macos/sitecustomize.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Mac:
    """A macOS to run programs on, as far as one can be had without it.

    Args:
        folder: for the state of the programs.
        local: whether `cluster.local` and `faults.local` can be imported.
    """

    def __init__(self, folder: Path, *, local: bool = False) -> None:
        self.log = folder / "linux.log"
        homes = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("STATE", "CACHE", "CONFIG", "DATA")}
        paths = [str(ROOT / "tests" / "portability" / "macos"), str(ROOT)]
        self.environment = {**os.environ, **homes, "PYTHONPATH": os.pathsep.join(paths)}
        self.environment |= {"RCA_TUI_LINUX_LOG": str(self.log), "RCA_TUI_NO_LOCAL": "" if local else "1"}

    def complete(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments to its end."""
        return subprocess.run(
            [sys.executable, "-P", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )

    def run(self, *arguments: str, codes: Sequence[int] = (0,)) -> str:
        """The same; what it prints on stdout. Fails with any other code, or where it reached for Linux."""
        done = self.complete(*arguments)
        assert done.returncode in codes, done.stderr
        self.insist()
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", *arguments],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def insist(self) -> None:
        """Nothing has reached for what only Linux has."""
        assert not self.log.exists(), self.log.read_text()
