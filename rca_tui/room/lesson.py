"""The course of a workshop: players join by name, a recording plays for all, each commits one guess, all is revealed.

Nobody's guess leaves this module before the reveal. Every event is appended to the session's file.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cluster.errors import RcaError
from cluster.incident.truth import Truth
from cluster.text.plain import plain
from methods.evaluation.measures import set_score

LONGEST_NAME = 24
MOST_PLAYERS = 40
WEIGHTS = {"components": 70.0, "kind": 20.0, "sure": 10.0}
"""Points for the right components, the kind of fault, and for being as sure as one was right."""


class Refusal(RcaError):
    """What a player or the instructor asked for cannot be done now."""


class Stage(StrEnum):
    """LOBBY: nothing plays. PLAYING: guesses are taken. REVEALED: the truth and all guesses are shown."""

    LOBBY = "lobby"
    PLAYING = "playing"
    REVEALED = "revealed"


@dataclass(frozen=True, slots=True)
class Guess:
    """What a player committed to: ids of components, none for nobody; a fault's name; how sure, 0 to 1."""

    components: tuple[str, ...]
    kind: str
    sure: float


def points(guess: Guess, truth: Truth) -> float:
    """0 to 100: `WEIGHTS` times F1 of the components, the right kind, and 1 minus the Brier score of how sure.

    >>> points(Guess(("a",), "freeze", 1.0), Truth(("a",), "freeze", 0.0))
    100.0
    >>> points(Guess(("b",), "freeze", 1.0), Truth(("a",), "crash", 0.0))
    0.0
    """
    share = set_score(guess.components, truth.components)
    right = float(set(guess.components) == set(truth.components))
    parts = {"components": share, "kind": float(guess.kind == truth.fault), "sure": 1 - (guess.sure - right) ** 2}
    return round(sum(WEIGHTS[name] * value for name, value in parts.items()), 1)


@dataclass(slots=True)
class Player:
    """Attributes: `guess` and `seconds` (from the begin of the recording to the guess) are of the current round."""

    name: str
    total: float = 0.0
    guess: Guess | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Round:
    """A recording to play: its name or path, what players may blame, and the truth."""

    incident: str
    components: tuple[str, ...]
    truth: Truth


@dataclass(slots=True)
class Workshop:
    """One session.

    Attributes:
        rounds: in order.
        path: the session's file; None keeps none.
        clock: unix seconds.
        number: of the current round, from 1; 0 before the first.
        began: unix seconds at which its recording began.
    """

    rounds: Sequence[Round]
    path: Path | None = None
    clock: Callable[[], float] = time.time
    stage: Stage = Stage.LOBBY
    number: int = 0
    began: float = 0.0
    players: dict[str, Player] = field(default_factory=dict)

    @property
    def current(self) -> Round:
        return self.rounds[self.number - 1]

    def join(self, name: str) -> str:
        """The key of a new player. Raises Refusal for a name that is taken or none."""
        name = " ".join(plain(name, limit=LONGEST_NAME).split())
        if not name:
            raise Refusal("a player needs a name")
        if name.casefold() in (player.name.casefold() for player in self.players.values()):
            raise Refusal(f"{name} is taken: choose another name")
        if len(self.players) >= MOST_PLAYERS:
            raise Refusal(f"{MOST_PLAYERS} players are here already")
        key = secrets.token_urlsafe(16)
        self.players[key] = Player(name)
        self._note("join", player=name)
        return key

    def start(self) -> None:
        """Play the next recording for all. Raises Refusal while one plays, and after the last."""
        if self.stage is Stage.PLAYING:
            raise Refusal("a recording plays: reveal it first")
        if self.number >= len(self.rounds):
            raise Refusal("that was the last recording")
        for player in self.players.values():
            player.guess, player.seconds = None, 0.0
        self.number, self.stage, self.began = self.number + 1, Stage.PLAYING, self.clock()
        self._note("start", incident=self.current.incident)

    def commit(self, key: str, guess: Guess) -> None:
        """Take a player's guess, which is final. Raises Refusal."""
        player = self.players[key]
        if self.stage is not Stage.PLAYING:
            raise Refusal("no recording plays: there is nothing to guess")
        if player.guess is not None:
            raise Refusal("a guess is final, and yours is in")
        unknown = set(guess.components) - set(self.current.components)
        if unknown or not 0 <= guess.sure <= 1:
            raise Refusal("that is no guess: choose from the components shown")
        player.guess, player.seconds = guess, self.clock() - self.began
        self._note("guess", player=player.name, seconds=player.seconds, **asdict(guess))

    def reveal(self) -> None:
        """Show the truth and all guesses, and add up the points. Raises Refusal while nothing plays."""
        if self.stage is not Stage.PLAYING:
            raise Refusal("no recording plays: there is nothing to reveal")
        self.stage = Stage.REVEALED
        for player in self.players.values():
            if player.guess is not None:
                player.total += points(player.guess, self.current.truth)
        self._note("reveal", incident=self.current.incident, truth=self.current.truth.as_json(), board=self.board())

    def board(self) -> list[dict[str, Any]]:
        """The players, the best first. Guesses and their points are None before the reveal."""
        open_ = self.stage is Stage.REVEALED
        rows = []
        for player in sorted(self.players.values(), key=lambda p: (-p.total, p.name)):
            guess = player.guess if open_ else None
            row = {"player": player.name, "total": round(player.total, 1), "committed": player.guess is not None}
            row |= {"guess": None if guess is None else asdict(guess)}
            row |= {"points": None if guess is None else points(guess, self.current.truth)}
            rows.append(row | {"seconds": round(player.seconds) if guess else None})
        return rows

    def _note(self, event: str, **what: object) -> None:
        """Append one event durably."""
        if self.path is None:
            return
        line = json.dumps({"time": self.clock(), "event": event, "round": self.number, **what}) + "\n"
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def load(names: Sequence[str]) -> tuple[Round, ...]:
    """The recordings of a workshop. Raises IncidentError, and Refusal for one without a truth."""
    from cluster.incident import library

    rounds = []
    for name in names:
        incident, truth = library.load_with_truth(name)
        if truth is None:
            raise Refusal(f"{name} has no sealed truth: a guess could not be judged; choose another")
        rounds.append(Round(name, tuple(incident.topology.ids), truth))
    return tuple(rounds)


def guess_of(components: Sequence[str], kind: str, sure: str) -> Guess:
    """From the fields of the page's form, `sure` in percent. Raises Refusal for what is no guess."""
    try:
        return Guess(tuple(dict.fromkeys(components)), kind[:64], float(sure) / 100)
    except ValueError:
        raise Refusal("how sure is a number of percent") from None
