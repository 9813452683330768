"""Two pods on a bridge, one of them on a cable: runs inside a sandbox and prints what went through, as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from cluster.local import layout, network
from cluster.local.cgroups import Cgroups, Version
from faults.local.control import cable, link

NEAR, FAR = "gateway", "replica-1"
SERVER = """import hashlib, socket
listener = socket.create_server(("", 8000))
print("listens", flush=True)
while True:
    peer = listener.accept()[0]
    digest, left = hashlib.sha256(), int.from_bytes(peer.recv(8), "big")
    while left and (part := peer.recv(min(left, 65536))):
        digest.update(part)
        left -= len(part)
    peer.sendall(digest.hexdigest().encode() * 2000)
    peer.close()"""
CLIENT = """import hashlib, json, os, socket, sys, time
payload = os.urandom(300_000)
began = time.perf_counter()
with socket.create_connection((sys.argv[1], 8000), timeout=60) as peer:
    took = time.perf_counter() - began
    peer.sendall(len(payload).to_bytes(8, "big") + payload)
    answer = b"".join(iter(lambda: peer.recv(65536), b""))
print(json.dumps({"connect": took, "whole": answer == hashlib.sha256(payload).hexdigest().encode() * 2000}))"""


def links() -> dict[str, str | None]:
    """Name of each link beside the pods, and the bridge that it is on."""
    shown = subprocess.run(["ip", "-j", "link", "show"], capture_output=True, check=True)
    return {one["ifname"]: one.get("master") for one in json.loads(shown.stdout)}


def plugged() -> bool:
    return links()[link.outer(FAR)] == link.BRIDGE


def main(delay: str) -> None:
    network.build_bridges()
    holders = {pod: network.hold_pod(pod, Cgroups(Version.NONE), os.environ) for pod in (NEAR, FAR)}
    serve = network.in_pod(holders[FAR], [sys.executable, "-c", SERVER])
    with subprocess.Popen(serve, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None and server.stdout.readline()

        def ask() -> dict[str, object]:
            client = network.in_pod(holders[NEAR], [sys.executable, "-c", CLIENT, layout.data_ip(FAR)])
            answer: dict[str, object] = json.loads(subprocess.run(client, capture_output=True, check=True).stdout)
            return answer

        before = ask()
        far, near = link.cable_ends(FAR)
        argv = [sys.executable, "-I", "-S", str(Path(cable.__file__)), "--delay", delay, "--jitter", "5"]
        argv += ["--inner", link.outer(FAR), "--far", far, "--near", near, "--bridge", link.BRIDGE, "--seconds", "120"]
        with subprocess.Popen(argv) as wire:
            while plugged():
                assert wire.poll() is None
                time.sleep(0.02)
            during = ask()
            wire.terminate()
        after = ask()
        ended = wire.returncode == 0 and plugged() and far not in links()
        server.kill()
    print(json.dumps({"before": before, "during": during, "after": after, "ended": ended}))


if __name__ == "__main__":
    main(sys.argv[1])
