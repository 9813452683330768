"""The process in which methods run: `python -m methods.running.worker FD`. `methods.running.pool` starts and kills it.

It reads commands from a connection and answers on it:

    ("incident", key, Incident)          keep this incident (and forget the one before)
    ("rank", method, seed)               -> ("started",), then ("done", Outcome, seconds)

It ends when the connection closes, and at once when the parent does: stdin is a pipe that the parent holds open.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

from cluster.incident.model import Incident
from cluster.plugins import PluginError
from methods import catalog
from methods.answer.types import NoRanking, Outcome, Reason
from methods.running.limits import TOO_MUCH_MEMORY, limit_memory
from methods.running.mixture import mixed
from methods.running.seeds import generator


def rank(incident: Incident, method: str, seed: int) -> tuple[Outcome, float]:
    """Run one method on one incident in this process: its outcome and its wall time in seconds.

    Whatever the method raises becomes NoRanking(ERROR), never a ranking. Raises UnknownMethod.
    """
    try:
        loaded = catalog.load(method)
    except PluginError as error:
        return NoRanking(Reason.ERROR, str(error)), 0.0
    # The contrast tells of one fault window, whichever it is.
    weighs = "onset" in catalog.entry(method).needs and method != catalog.CONTRAST.name
    begin = time.perf_counter()
    try:
        if weighs:
            outcome = mixed(incident, lambda one: loaded.rank(one, generator(seed, method)))
        else:
            outcome = loaded.rank(incident, generator(seed, method))
    except MemoryError:
        outcome = NoRanking(Reason.ERROR, TOO_MUCH_MEMORY)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        sentence = f"{type(error).__name__}: {error} (line {where.lineno} of {Path(where.filename).name})"
        # The message may quote telemetry, which is hostile text.
        printable = "".join(c if c.isprintable() else " " for c in sentence)[:500]
        outcome = NoRanking(Reason.ERROR, printable)
    return outcome, time.perf_counter() - begin


def serve(connection: Connection) -> None:
    """Answer commands until the connection closes."""
    connection.send(("ready",))
    while True:
        try:
            command = connection.recv()
        except EOFError:
            return
        if command[0] == "incident":
            incident = command[1]
            continue
        _, method, seed = command
        connection.send(("started",))
        connection.send(("done", *rank(incident, method, seed)))


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def main() -> None:
    limit_memory(int(sys.argv[2]))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
