"""Commands in a container, run as by `kubectl exec`: over a WebSocket, one channel per stream."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from urllib.parse import urlencode

from cluster.deployment import Completed
from cluster.kubernetes.api import Api, ApiError
from cluster.kubernetes.resources import PODS

LARGEST_OUTPUT = 1 << 20
_STDOUT, _STDERR, _STATUS = 1, 2, 3


def run(api: Api, namespace: str, pod: str, container: str, argv: Sequence[str], seconds: float = 10.0) -> Completed:
    """Run it to its end and return its output, which is hostile text. Raises ApiError, also past the deadline."""
    import websocket

    query = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", word) for word in argv)]
    stream = api.websocket(f"{PODS.path(namespace, pod, 'exec')}?{urlencode(query)}", seconds)
    printed = {_STDOUT: "", _STDERR: "", _STATUS: ""}
    ends = time.monotonic() + seconds
    try:
        while stream.is_open():
            if time.monotonic() > ends:
                raise ApiError(f"`{argv[0]}` in the pod {pod} takes longer than {seconds:.0f} s")
            stream.update(timeout=min(1.0, seconds))
            for channel in printed:
                printed[channel] += stream.read_channel(channel)
            if sum(map(len, printed.values())) > LARGEST_OUTPUT:
                raise ApiError(f"`{argv[0]}` in the pod {pod} prints too much")
    except (websocket.WebSocketException, OSError) as error:
        raise api.lost(error) from error
    finally:
        stream.close()
    for channel in printed:
        printed[channel] += stream.read_channel(channel)
    return Completed(_code(printed[_STATUS], api), printed[_STDOUT], printed[_STDERR])


def _code(status: str, api: Api) -> int:
    """The exit code from the Status that ends the stream. Raises ApiError where the stream has none."""
    try:
        parsed = json.loads(status)
        if parsed["status"] == "Success":
            return 0
        return int(next(one["message"] for one in parsed["details"]["causes"] if one["reason"] == "ExitCode"))
    except (ValueError, KeyError, TypeError, StopIteration):
        raise api.lost(ConnectionError("the stream ended without an exit code")) from None
