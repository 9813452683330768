"""A detour: forwards TCP connections from the pod that it runs in.

    python -I -S faults/local/control/relay.py --listen 10.77.0.10 --seconds 80 8101=10.77.0.11:8000
    8102=10.77.0.12:8000

The kernel ends the process after `--seconds`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Sequence
from functools import partial

_BLOCK = 1 << 16
_CONNECT_SECONDS = 10.0


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    """One connection, both ways, until either side is done."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_CONNECT_SECONDS):
            there, back = await asyncio.open_connection(host, port)
        ways = [asyncio.create_task(_copy(reader, back)), asyncio.create_task(_copy(there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            back.close()
    writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()


async def serve(listen: str, ways: Sequence[tuple[int, str, int]]) -> None:
    """Relay each (port here, host, port there) until cancelled."""
    for here, host, port in ways:
        await asyncio.start_server(partial(pass_on, host=host, port=port), listen, here)
    await asyncio.Event().wait()


def _way(text: str) -> tuple[int, str, int]:
    here, _, there = text.partition("=")
    host, _, port = there.rpartition(":")
    return int(here), host, int(port)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="relay.py", description=__doc__)
    parser.add_argument("ways", nargs="+", type=_way, metavar="PORT=HOST:PORT")
    parser.add_argument("--listen", required=True, help="address of this pod")
    parser.add_argument("--seconds", type=int, required=True, help="until this process ends")
    chosen = parser.parse_args(arguments)
    signal.alarm(chosen.seconds)
    asyncio.run(serve(chosen.listen, chosen.ways))


if __name__ == "__main__":
    main()
