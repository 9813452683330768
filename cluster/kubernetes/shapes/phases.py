"""The phase that a name ends in, where prefill and decode are workloads of their own."""

from __future__ import annotations

import re

_PHASE = re.compile(r"[-_.](prefill|decode)(?:[-_.]?(?:worker|server|engine)s?)?$", re.IGNORECASE)


def split(name: str) -> tuple[str, str]:
    """("llama", "prefill") for `llama-prefill`; the second is "" where the name ends in no phase."""
    found = _PHASE.search(name)
    return (name[: found.start()], found[1].lower()) if found and found.start() else (name, "")
