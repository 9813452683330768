"""network-delay: the round trip that was asked for beside the one that was added, on a live deployment."""

from __future__ import annotations

import argparse
import json
import statistics
import sys

from cluster.local import layout
from cluster.local.pod import LocalPod
from faults.engine import Engine
from faults.local.network_delay import NetworkDelay
from faults.preflight import Preflight
from tests.bench import live
from tests.bench.tables import show, tell

ASKED = (50, 100, 200, 500, 1000)  # ms
TARGET = "replica-1"
ROUNDS = 15
LONGEST = 120.0  # s of each injection, undone as soon as it is measured

# A connection is opened by the kernels of both ends: one round trip, however busy the pod's own CPU is.
_CONNECT = f"""import json, socket, time
took = []
for _ in range({ROUNDS}):
    began = time.perf_counter()
    socket.create_connection(("{layout.data_ip(TARGET)}", {layout.SERVE_PORT}), timeout=20).close()
    took.append(1000 * (time.perf_counter() - began))
print(json.dumps(took))"""


def run(options: argparse.Namespace) -> None:
    rows = []
    with live.deployment() as deployment:
        fault, gateway = NetworkDelay(), deployment.pod(layout.GATEWAY)
        engine = Engine(deployment, armed=True, undo=live.UNDO_ONLY, assess=lambda *_, **__: Preflight((), None))
        for asked in ASKED:
            before = _round_trips(gateway)
            injection = engine.inject(fault, TARGET, {"delay": asked}, LONGEST)
            try:
                during = _round_trips(gateway)
            finally:
                engine.revert(injection)
            added = statistics.median(during) - statistics.median(before)
            tell(f"{asked} ms asked, {added:.1f} ms added")
            spread = f"{min(during):.1f}–{max(during):.1f}"
            rows.append(
                (str(asked), f"{statistics.median(before):.1f}", spread, f"{added:.1f}", f"{added / asked:.2f}")
            )
    columns = ("asked ms", "before ms", "during ms (least–most)", "added ms (median)", "added ÷ asked")
    title = f"Delay by {injection.plan.data['by']}: {ROUNDS} connections from the gateway to {TARGET} each"
    show(title, columns, rows)


def _round_trips(pod: LocalPod) -> list[float]:
    """Milliseconds of each."""
    done = pod.run([sys.executable, "-I", "-S", "-c", _CONNECT], timeout=60.0)
    if done.code != 0:
        raise RuntimeError(f"no connection from {pod.component}: {done.stderr.strip()}")
    took: list[float] = json.loads(done.stdout)
    return took
