"""A cable in user space, for a kernel without netem: it sits in the link of a pod and delays or drops what leaves it.

    pod ── INNER [packet socket]  this process  [packet socket] NEAR ═ FAR ── BRIDGE

Runs as a program of its own beside the pods (`python cable.py --help`) and imports only the standard library, so it
starts at once. Like netem on the interface of the pod it works in one direction: frames to the pod pass without delay.
Frames keep their order, so that jitter never looks like a loss to TCP. They carry the offload header of the kernel
(PACKET_VNET_HDR), so that large segments and unfinished checksums pass unchanged.

It plugs itself in when it is ready to carry frames, and out at the end of its time or on SIGTERM.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import select
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Iterator

LONGEST_QUEUE = 20_000  # frames; further ones are dropped, as in any full queue
_LARGEST = 1 << 17  # bytes of a frame before the interface cuts it, and its header
_ALL_PROTOCOLS = 3  # ETH_P_ALL
_SOL_PACKET, _PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 263, 15, 23  # linux/if_packet.h; Python does not name them


class Wire:
    """When each frame arrives at the other end. Delay and jitter in seconds, loss as a share."""

    def __init__(self, delay: float, jitter: float, loss: float, rng: random.Random) -> None:
        self._delay, self._jitter, self._loss, self._rng = delay, jitter, loss, rng
        self._last = 0.0

    def arrival(self, now: float) -> float | None:
        """None when it is lost; never before the frame that left before it."""
        if self._rng.random() < self._loss:
            return None
        self._last = max(self._last, now + max(0.0, self._delay + self._rng.uniform(-self._jitter, self._jitter)))
        return self._last


def carry(inner: socket.socket, outer: socket.socket, wire: Wire, until: float) -> None:
    """Copy frames between the two until that moment (monotonic seconds)."""
    on_the_way: deque[tuple[float, bytes]] = deque()
    while (now := time.monotonic()) < until:
        wake = min(until, on_the_way[0][0]) if on_the_way else until
        select.select([inner, outer], [], [], max(0.0, wake - now))
        for frame in _frames(outer):
            _send(inner, frame)
        for frame in _frames(inner):
            arrival = wire.arrival(time.monotonic())
            if arrival is not None and len(on_the_way) < LONGEST_QUEUE:
                on_the_way.append((arrival, frame))
        while on_the_way and on_the_way[0][0] <= time.monotonic():
            _send(outer, on_the_way.popleft()[1])


def _frames(end: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(BlockingIOError):
        while True:
            yield end.recv(_LARGEST)


def _send(end: socket.socket, frame: bytes) -> None:
    # A frame that the interface does not accept is lost: it is down for a moment, or its queue is full.
    with contextlib.suppress(OSError):
        end.send(frame)


def _end(link: str) -> socket.socket:
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    end.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    end.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    end.setblocking(False)
    end.bind((link, _ALL_PROTOCOLS))
    return end


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def _plugged_in(inner: str, far: str, near: str, bridge: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends, with the frames going through here; afterwards the link is restored."""
    _ip("link", "add", far, "type", "veth", "peer", "name", near)
    try:
        for link in (far, near):
            _ip("link", "set", link, "addrgenmode", "none", "up")  # no address, so that it sends nothing itself
        with _end(inner) as inside, _end(near) as outside:
            _ip("link", "set", far, "master", bridge)
            _ip("link", "set", inner, "nomaster")
            yield inside, outside
    finally:
        _ip("link", "set", inner, "master", bridge)
        _ip("link", "del", far)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name in ("inner", "far", "near", "bridge"):
        parser.add_argument(f"--{name}", required=True, metavar="LINK")
    parser.add_argument("--delay", type=float, default=0.0, metavar="MS")
    parser.add_argument("--jitter", type=float, default=0.0, metavar="MS")
    parser.add_argument("--loss", type=float, default=0.0, metavar="PERCENT")
    parser.add_argument("--seconds", type=float, required=True, metavar="S")
    chosen = parser.parse_args()
    rng = random.Random()  # noqa: S311  the choice of lost frames is no secret
    wire = Wire(chosen.delay / 1000, chosen.jitter / 1000, chosen.loss / 100, rng)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        contextlib.suppress(KeyboardInterrupt),
        _plugged_in(chosen.inner, chosen.far, chosen.near, chosen.bridge) as (inside, outside),
    ):
        carry(inside, outside, wire, time.monotonic() + chosen.seconds)


if __name__ == "__main__":
    main()
