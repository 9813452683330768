"""How much memory a worker may have, kept by the operating system where it can be."""

from __future__ import annotations

import contextlib
import resource

TOO_MUCH_MEMORY = "it needed more memory than one worker may have"


def limit_memory(limit: int) -> None:
    """Let this process have `limit` bytes of data and dump no core.

    Linux then fails the allocation that would exceed the limit. macOS accepts the limit and does not keep it, or
    refuses it: there only the pool, which kills a worker that holds more, keeps it.
    """
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
