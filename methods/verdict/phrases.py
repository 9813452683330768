"""Signals in the words of a sentence: "requests 1 → 0 /s", "CPU 0.3 → 0.08 cores"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cluster.incident.model import Incident
from cluster.text.quantities import quantity
from methods.peers.account import SMALL, Account, Measured, unit

_WORDS: Final = {
    "request_rate": "requests",
    "error_rate": "failed requests",
    "error_ratio": "failed share",
    "timeout_rate": "timeouts",
    "abort_rate": "aborted requests",
    "latency_p50": "latency p50",
    "latency_p90": "latency p90",
    "connect_time_p90": "time to connect p90",
    "ttft_p50": "time to first token p50",
    "ttft_p90": "time to first token p90",
    "tpot_p50": "time per token p50",
    "tpot_p90": "time per token p90",
    "inter_token_p50": "time between output events p50",
    "inter_token_p90": "time between output events p90",
    "token_rate": "tokens",
    "queue_length": "queue",
    "slots_busy": "busy slots",
    "kv_usage": "KV cache",
    "preemption_rate": "preemptions",
    "cpu_usage": "CPU",
    "cpu_throttled": "CPU throttled",
    "memory_working_set": "memory",
    "network_receive": "received",
    "network_transmit": "sent",
}


def words(signal: str) -> str:
    """The signal in words; of one that is in no list, its name."""
    return _WORDS.get(signal, signal.replace("_", " "))


def change(before: float, inside: float, measure: str, older: bool = False) -> str:
    """Two levels of one unit, which is written once: "1 → 0 /s"; twice where it differs: "340 ms → 1.2 s".

    Of trouble that is older than the recording the first is what peers have: "1.2 s against 340 ms of its peers".
    """
    first, second = quantity(before, measure), quantity(inside, measure)
    if older:
        return f"{second} against {first} of its peers"
    value, _, unit_before = first.partition(" ")
    return f"{value if unit_before == second.partition(' ')[2] else first} → {second}"


def moved(incident: Incident, row: Measured) -> str:
    """One signal of a component before and in the stretch, and who measured it where that is not the component."""
    by = f" as {row.caller} measures it" if row.caller else ""
    return f"{words(row.signal)} {change(row.before, row.inside, unit(incident, row.signal), row.older)}{by}"


def of_peers(incident: Incident, account: Account, rows: Sequence[Measured]) -> str:
    """What the peers did in the same signals, after a comma; empty without peers, and where each signal has theirs."""
    compared = [row for row in rows if row.peers]
    if account.older or not account.peers or not compared:
        return ""
    who = account.peers[0] if len(account.peers) == 1 else "peers"
    told = []
    for row in compared:
        before, inside = row.peers or (0.0, 0.0)
        if abs(inside - before) > SMALL * max(abs(before), abs(inside)):
            told.append(f"{words(row.signal)} {change(before, inside, unit(incident, row.signal))}")
    return f"{who}: {', '.join(told)}" if told else f"{who} unchanged"


def listed(names: Sequence[str], most: int = 4) -> str:
    """ "a", "a and b", "a, b and c", "a, b, c, d and 3 more"."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""
