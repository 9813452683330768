"""The course of a workshop: players join by name, a drill plays for all, each commits one guess, all is revealed.

Nobody's guess and no truth leaves this module before the reveal. Every event is appended to the session's file.
"""

from __future__ import annotations

import json
import math
import re
import secrets
import time
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cluster import own_files
from cluster.display import Document
from cluster.errors import RcaError
from cluster.incident.truth import NO_FAULT, Truth
from cluster.text.plain import plain
from faults import scoreboard
from faults.score import Score, score
from rca_tui.room.rounds import Round

LONGEST_NAME = 24
_ACCENT = re.compile("[\u0300-\u036f]")
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
"""Variation selectors, fillers and joiners: the marks and letters that Unicode lets nobody draw."""


class Refusal(RcaError):
    """What a player or the instructor asked for cannot be done now."""


class Stage(StrEnum):
    """LOBBY: nothing plays. BASELINE: the page has not come. PAGED: guesses are taken. ENDING: no more of them, and a
    live fault is being undone. REVEALED: all is shown."""

    LOBBY = "lobby"
    BASELINE = "baseline"
    PAGED = "paged"
    ENDING = "ending"
    REVEALED = "revealed"


@dataclass(frozen=True, slots=True)
class Guess:
    """What a player committed to: ids of components, none for nobody; a fault's name; how sure, 0 to 1."""

    components: tuple[str, ...]
    fault: str
    sure: float


@dataclass(slots=True)
class Player:
    """Attributes: `hints` are how many were taken; `guess` and `score` are of the current round, `total` of all."""

    name: str
    total: float = 0.0
    hints: int = 0
    guess: Guess | None = None
    seconds: float = 0.0
    score: Score | None = None


@dataclass(slots=True)
class Workshop:
    """One session.

    Attributes:
        rounds: in order.
        path: the session's file; None keeps none.
        places: players that this machine holds.
        keep: takes the score of each guess.
        asked: called at a reveal: with the round, the unix seconds of the last guess, the scores.
        evidence: what told in the drill that is revealed; empty until it has been looked for.
        clock: unix seconds.
        number: of the current round, from 1; 0 before the first.
        problem: why the last round came to nothing; empty where it did not.
        last_guess: unix seconds of the last guess of any round.
    """

    rounds: Sequence[Round]
    path: Path | None = None
    places: int = 40
    keep: Callable[[scoreboard.Result], object] = scoreboard.add
    clock: Callable[[], float] = time.time
    asked: Callable[[Round, float, Sequence[scoreboard.Result]], object] | None = None
    number: int = 0
    ending: bool = False
    revealed: bool = False
    problem: str = ""
    last_guess: float = 0.0
    evidence: Document = ()
    players: dict[str, Player] = field(default_factory=dict)

    @property
    def current(self) -> Round:
        return self.rounds[self.number - 1]

    @property
    def stage(self) -> Stage:
        if self.number == 0:
            return Stage.LOBBY
        if self.revealed:
            return Stage.REVEALED
        if self.ending:
            return Stage.ENDING
        return Stage.BASELINE if self.waited is None else Stage.PAGED

    @property
    def waited(self) -> float | None:
        """Seconds since the page of the current round; None before it."""
        paged = self.current.paged
        return None if paged is None or (waited := self.clock() - paged) < 0 else waited

    def join(self, name: str) -> str:
        """The key of a new player. Raises Refusal for a name that is taken or none."""
        name = " ".join(plain(name, limit=LONGEST_NAME).split())
        if not name:
            raise Refusal("a player needs a name")
        if _looks(name) in (_looks(player.name) for player in self.players.values()):
            raise Refusal(f"{name} is taken: choose another name")
        if len(self.players) >= self.places:
            raise Refusal(f"{len(self.players)} players are here, and this machine holds no more apps: share a screen")
        key = secrets.token_urlsafe(16)
        self.players[key] = Player(name)
        self._note("join", player=name)
        return key

    def start(self) -> None:
        """Play the next drill for all. Raises Refusal while one plays, and after the last."""
        if self.stage not in (Stage.LOBBY, Stage.REVEALED):
            raise Refusal("a drill plays: reveal it first")
        if self.number >= len(self.rounds):
            raise Refusal("that was the last drill")
        for player in self.players.values():
            player.guess, player.score, player.hints, player.seconds = None, None, 0, 0.0
        self.number, self.ending, self.revealed, self.problem = self.number + 1, False, False, ""
        self.evidence = ()
        self.current.begin(self.clock())
        self._note("start", scenario=self.current.name, title=self.current.scenario.title)

    def hint(self, key: str) -> None:
        """Give the player the next hint. Raises Refusal."""
        player = self.players[key]
        self._require_page(player)
        if player.hints >= len(self.current.hints):
            raise Refusal("there are no more hints")
        player.hints += 1
        self._note("hint", player=player.name, number=player.hints)

    def commit(self, key: str, guess: Guess) -> None:
        """Take a player's guess, which is final. Raises Refusal."""
        player = self.players[key]
        self._require_page(player)
        for component in guess.components:
            if component not in self.current.components:
                raise Refusal(f"there is no component {plain(component, 60)!r}: choose from those shown")
        player.guess, player.seconds = guess, self.waited or 0.0
        self.last_guess = self.clock()
        self._note("guess", player=player.name, seconds=player.seconds, hints=player.hints, **asdict(guess))

    def reveal(self) -> None:
        """Take no more guesses, and show all as soon as nothing is left to undo. Raises Refusal."""
        if self.stage not in (Stage.BASELINE, Stage.PAGED):
            raise Refusal("no drill plays: there is nothing to reveal")
        self.ending = True
        self.current.end()
        self.settle()

    def settle(self) -> None:
        """Go on with what has ended meanwhile: to be called before anything is shown."""
        if self.number == 0 or self.revealed or not self.current.ended:
            return
        truth = self.current.truth
        if truth is None:
            nothing = plain(f"the drill came to nothing: {self.current.problem}", 600)
            self._note("void", problem=nothing)
            self.problem = nothing
            self.number, self.ending, self.revealed = self.number - 1, False, self.number > 1
        elif self.ending:
            self._reveal(truth)

    def _reveal(self, truth: Truth) -> None:
        """Score the guesses, and show them with the truth."""
        for player in self.players.values():
            if player.guess is not None:
                player.score = self._score(player, player.guess, truth)
                player.total += player.score.points
        self.revealed = True
        self._note("reveal", incident=self.current.incident, truth=truth.as_json(), board=self.board())
        results = [
            self._result(player.name, player.guess, player.score)
            for player in self.players.values()
            if player.guess is not None and player.score is not None
        ]
        for result in results:
            try:
                self.keep(result)
            except RcaError as error:  # the scores of the others are kept, and all are shown
                self.problem = str(error)
        if self.asked is not None:
            self.asked(self.current, self.last_guess, results)

    def board(self) -> list[dict[str, Any]]:
        """The players, the best first. Guesses and their scores are None before the reveal."""
        rows = []
        for player in sorted(self.players.values(), key=lambda p: (-p.total, p.name)):
            shown = player.score is not None
            row = {"player": player.name, "total": round(player.total, 1), "committed": player.guess is not None}
            row |= {"guess": asdict(player.guess) if shown and player.guess else None, "hints": player.hints}
            rows.append(row | {"score": asdict(player.score) if player.score else None})
        return rows

    def _score(self, player: Player, guess: Guess, truth: Truth) -> Score:
        return score(
            guess.components,
            guess.fault,
            guess.sure,
            truth,
            seconds=player.seconds,
            limit=self.current.scenario.limit,
            hints=[costs for _, costs in self.current.hints[: player.hints]],
        )

    def _result(self, player: str, guess: Guess, score: Score) -> scoreboard.Result:
        return scoreboard.Result(
            time=self.clock(),
            scenario=plain(self.current.name, 200),
            player=player,
            incident=plain(self.current.incident, 4000),
            components=guess.components,
            fault=guess.fault,
            sure=guess.sure,
            score=score,
        )

    def _require_page(self, player: Player) -> None:
        if self.stage is Stage.ENDING:
            raise Refusal("too late: the drill is over")
        if self.stage is Stage.BASELINE:
            raise Refusal("the page has not come yet: learn what healthy looks like")
        if self.stage is not Stage.PAGED:
            raise Refusal("no drill plays")
        if player.guess is not None:
            raise Refusal("a guess is final, and yours is in")

    def _note(self, event: str, **what: object) -> None:
        """Append one event durably, or tell why it is not in the file."""
        if self.path is None:
            return
        line = json.dumps({"time": self.clock(), "event": event, "round": self.number, **what})
        try:
            own_files.append(self.path, line.encode())
        except OSError as error:  # the drill goes on
            self.problem = f"the session's file cannot be written: {error.strerror}"


def _looks(name: str) -> str:
    """The same for names that a scoreboard shows alike: in other letters of one kind, or with marks that are unseen.

    An accent on a Latin letter counts as a mark. Elsewhere marks make letters: ka is not ga, and Ivan has no short i.
    """
    seen, latin = [], False
    for c in unicodedata.normalize("NFKD", name).casefold():
        sort = unicodedata.category(c)
        if sort == "Me" or _UNSEEN.fullmatch(c) or (latin and _ACCENT.fullmatch(c)):
            continue
        if not sort.startswith("M"):
            latin = unicodedata.name(c, "").startswith("LATIN ")
        seen.append(c)
    return "".join(seen).strip()


def guess_of(components: Sequence[str], nobody: bool, fault: str, sure: str, faults: Collection[str]) -> Guess:
    """From the fields of the page's form, `sure` in percent.

    Args:
        nobody: whether it says that no component is at fault.
        fault: one of `faults`, `none`, or empty where it is left open.

    Raises:
        Refusal: what is missing, contradicts itself, or is no fault.
    """
    if components and nobody:
        raise Refusal("choose components or nobody, not both")
    if not components and not nobody:
        raise Refusal("say who is at fault: choose components, or nobody")
    if fault not in ("", NO_FAULT, *faults):
        raise Refusal(f"there is no fault {plain(fault, 60)!r}: choose one of the list, or leave it open")
    try:
        share = float(sure.strip().removesuffix("%")) / 100
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise Refusal("say how sure you are, from 0 to 100 %")
    return Guess(tuple(dict.fromkeys(components)), fault, share)
