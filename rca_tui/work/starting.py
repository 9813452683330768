"""Starts the deployment on this machine for the app: `rca-tui up` in a process of its own, which can be cancelled.

A thread could not be stopped in the middle of a download or of Ray's start; `rca-tui up` can, and removes what it has
started.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from cluster.deployment import DeploymentError

UP = (sys.executable, "-m", "rca_tui", "up", "--json")
ERROR, RUN = "rca-tui: ", "run: "
"""How the lines of a command's error begin (`rca_tui.commands.errors`)."""


class LocalStart:
    """One start of the deployment.

    Args:
        command: reports each stage as a line on stderr, and an error as the other commands do.
    """

    def __init__(self, command: Sequence[str] = UP) -> None:
        self._command = tuple(command)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._cancel = threading.Event()

    @property
    def cancelled(self) -> bool:
        return self._cancel.is_set()

    def run(self, progress: Callable[[str], object]) -> bool:
        """Block until it serves; False when it was cancelled. `progress` gets each stage.

        Raises DeploymentError with the sentence and the command of the failure.
        """
        with self._lock:
            if self._cancel.is_set():
                return False
            # In a session of its own: Ctrl-C in the terminal is for the app.
            process = self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        sentence = command = last = ""
        for line in process.stderr or ():
            last = line.strip() or last
            if line.startswith(ERROR):
                sentence = line.removeprefix(ERROR).strip()
            elif sentence and line.startswith(RUN):
                command = line.removeprefix(RUN).strip()
            elif line.strip():
                progress(line.strip())
        if process.wait() == 0:
            return True
        if self.cancelled:
            return False
        raise DeploymentError(sentence or f"the deployment did not start: {last or 'no reason was given'}", "", command)

    def cancel(self) -> None:
        """Ask it to end and to remove what it has started; `run` returns once it has."""
        with self._lock:
            self._cancel.set()
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)
