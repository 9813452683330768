"""`python -m tests.notebooks.session > notebooks/session.jsonl`: the made-up session that notebook 10 reads.

Nobody sat in this room: eight players guess by chance on three shipped drills, some better than others and more sure
than they are right, so that the notebook has something to show where no workshop was held.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rca_tui.room import rounds
from rca_tui.room.lesson import Guess, Workshop

DRILLS = ("drill-05", "drill-09", "drill-12")
PLAYERS = ("Ada", "Bob", "Chen", "Dana", "Eve", "Farid", "Gita", "Hugo")
FAULTS = ("cpu-stress", "cpu-throttle", "network-delay", "freeze", "")


def main() -> None:
    rng, now = random.Random(10), [1_795_948_000.0]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session.jsonl"
        room = Workshop(rounds.load(DRILLS), path, keep=lambda result: None, clock=lambda: now[0])
        keys = [room.join(name) for name in PLAYERS]
        for _ in DRILLS:
            room.start()
            paged = room.current.paged or now[0]
            for place, key in enumerate(sorted(keys, key=lambda _: rng.random())):
                now[0] = paged + 25 + 28 * place + rng.random() * 20
                room.commit(key, _guess(rng, room, keys.index(key)))
            room.reveal()
            now[0] += 120
        sys.stdout.write(path.read_text())


def _guess(rng: random.Random, room: Workshop, skill: int) -> Guess:
    truth = room.current.truth
    knows = truth is not None and rng.random() < 0.25 + 0.07 * skill
    right = truth.components if knows and truth is not None else (rng.choice(room.current.components),)
    fault = truth.fault if knows and truth is not None and rng.random() < 0.6 else rng.choice(FAULTS)
    sure = rng.choice((0.7, 0.8, 0.9, 0.95)) if knows else rng.choice((0.3, 0.5, 0.6, 0.8))
    return Guess(right, fault, sure)


if __name__ == "__main__":
    main()
