"""What a room learned: the guesses of a workshop's session file, beside methods, and how sure people were.

guesses = read_session("20261129-101500.jsonl")
calibration(guesses)
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from cluster import load_incident_with_truth, own_files, paths
from cluster.errors import RcaError
from cluster.text.plain import plain
from faults.score import Score
from methods import Ranking, places, run_methods, with_onset
from methods.evaluation import measures
from rca_tui.notebook.picture import BLUE, FAINT, ORANGE, Picture, sheet

LARGEST = 16 << 20
"""Bytes of a session's file that is read."""
MOST_DRILLS = 100
"""Revealed drills of a session that are read, the first ones: more do not fit into a chart."""
LONGEST_GUESS, MOST_COST = 86_400.0, 2000.0
"""Seconds from the page to a guess, and points of all hints, that are still believed."""
BINS = 5
Text = Annotated[str, Field(max_length=200)]


class _Guess(BaseModel):
    components: Annotated[tuple[Text, ...], Field(max_length=1000)]
    fault: Text
    sure: Annotated[FiniteFloat, Field(ge=0, le=1)]


class _Row(BaseModel):
    player: Text
    guess: _Guess | None = None
    score: Score | None = None


class _Truth(BaseModel):
    components: Annotated[tuple[Text, ...], Field(max_length=1000)]
    fault: Text


class _Reveal(BaseModel):
    round: Annotated[int, Field(ge=1, le=1000)]
    incident: Annotated[str, Field(max_length=4000)]
    truth: _Truth
    board: Annotated[tuple[_Row, ...], Field(max_length=1000)]


def latest_session() -> Path | None:
    """The file of the last workshop on this machine; None before the first."""
    folder = paths.state_home() / "workshops"
    return max(folder.glob("*.jsonl"), default=None) if folder.is_dir() else None


def read_session(path: Path | str) -> pd.DataFrame:
    """A row for each guess: round, incident, cause, player, what was guessed, and the parts of its score.

    Lines that cannot be read are left out: a crash may have cut off the last one. Raises RcaError.
    """
    path = Path(path)
    try:
        raw = own_files.head(path, LARGEST + 1)
    except OSError as error:
        raise RcaError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(raw) > LARGEST:
        raise RcaError(f"{path} is larger than {LARGEST >> 20} MiB: it is no session of a workshop")
    reveals = (reveal for line in raw.split(b"\n") if (reveal := _reveal(line)) is not None)
    rows = [
        _row(reveal, row.player, row.guess, row.score)
        for reveal in itertools.islice(reveals, MOST_DRILLS)
        for row in reveal.board
        if row.guess is not None and row.score is not None and _possible(row.score)
    ]
    if not rows:
        raise RcaError(f"{path} has no revealed drill with a guess: play one with `rca-tui workshop`")
    return pd.DataFrame(rows)


def _reveal(line: bytes) -> _Reveal | None:
    try:
        event = json.loads(line)
        return _Reveal.model_validate(event) if event["event"] == "reveal" else None
    except (ValueError, TypeError, KeyError, RecursionError, ValidationError):
        return None


def _possible(score: Score) -> bool:
    """Whether a chart can show it: a file may say anything."""
    return score.seconds <= LONGEST_GUESS and score.hints <= MOST_COST


def _row(reveal: _Reveal, player: str, guess: _Guess, score: Score) -> dict[str, Any]:
    true = ", ".join(map(plain, reveal.truth.components))
    return {
        "round": reveal.round,
        "incident": plain(reveal.incident),
        "cause": f"{plain(reveal.truth.fault)} on {true}" if true else plain(reveal.truth.fault),
        "player": plain(player),
        "guess": ", ".join(map(plain, guess.components)) or "nobody",
        "fault": plain(guess.fault) or "left open",
        "sure": guess.sure,
        "right": score.right,
        "fault_right": score.fault_right,
        "precision": score.precision,
        "brier": score.brier,
        "seconds": score.seconds,
        "hints": score.hints,
        "points": score.points,
    }


def against_methods(guesses: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """AC@1 of each player, of the room, of methods and of guessing, over the drills that the room played.

    Only drills with a faulty component count: a method ranks components whether or not one is at fault. The methods see
    the whole recording; a player had seen what had arrived when they guessed. Blocks while the methods run.
    """
    ac1: dict[str, list[float]] = {name: [] for name in (*methods, "guessing")}
    blamed = []
    for name in dict.fromkeys(guesses["incident"]):
        incident, truth = load_incident_with_truth(name)
        if truth is None or not truth.components:
            continue
        blamed.append(name)
        ac1["guessing"].append(measures.guessing(len(incident.candidates), len(truth.components)).ac[0])
        for result in run_methods(with_onset(incident), list(methods)):
            ranked = places(result.outcome.components) if isinstance(result.outcome, Ranking) else None
            ac1[result.method].append(measures.score(ranked, truth.components).ac[0])
    played = guesses[guesses["incident"].isin(blamed)]
    rows = [("method", name, sum(values) / len(values), len(values)) for name, values in ac1.items() if values]
    rows += [("player", str(who), g["precision"].mean(), len(g)) for who, g in played.groupby("player")]
    rows += [("the room", "all players", played["precision"].mean(), len(played))] if len(played) else []
    table = pd.DataFrame(rows, columns=["what", "who", "ac@1", "drills"])
    return table.sort_values("ac@1", ascending=False, ignore_index=True)


def calibration(guesses: pd.DataFrame) -> pd.DataFrame:
    """How sure people said they were, beside how often they were right: guesses of like probability put together."""
    answers = list(zip(guesses["sure"], guesses["right"], strict=True))
    bins = measures.calibration(answers, BINS).bins
    return pd.DataFrame([(b.count, b.probability, b.right) for b in bins], columns=["guesses", "said", "right"])


def time_spent(guesses: pd.DataFrame) -> pd.DataFrame:
    """For each drill: guesses, seconds from the page to them, those that were right, and points that hints cost."""
    return (
        guesses.groupby(["round", "cause"])
        .agg(
            guesses=("seconds", "size"),
            fastest=("seconds", "min"),
            median=("seconds", "median"),
            slowest=("seconds", "max"),
            right=("right", "mean"),
            hints=("hints", "mean"),
        )
        .reset_index()
    )


def calibration_picture(guesses: pd.DataFrame) -> Picture:
    """`calibration` as a chart: on the line, people are as often right as they said."""
    table = calibration(guesses)
    with sheet(5.0, 4.0) as (figure, (axis,)):
        axis.plot((0, 1), (0, 1), color=FAINT)
        axis.scatter(table["said"], table["right"], s=40 + 30 * table["guesses"], color=BLUE)
        for _, row in table.iterrows():
            axis.annotate(
                f"{row['guesses']:g}", (row["said"], row["right"]), xytext=(8, -12), textcoords="offset points"
            )
        axis.set_xlabel("said to be right")
        axis.set_ylabel("was right")
        axis.set_xlim(0, 1.05)
        axis.set_ylim(-0.05, 1.05)
        brier = guesses["brier"].mean()
        return Picture(figure, f"how sure people were beside how often they were right; mean Brier score {brier:.2f}")


def time_picture(guesses: pd.DataFrame) -> Picture:
    """Seconds from the page to each guess, drill by drill; a right one is a disc, a wrong one a cross."""
    drills = list(dict.fromkeys(zip(guesses["round"], guesses["cause"], strict=True)))
    with sheet(9.5, 1.0 + 0.6 * len(drills)) as (figure, (axis,)):
        for right, marker, colour in ((True, "o", BLUE), (False, "x", ORANGE)):
            some = guesses[guesses["right"] == right]
            places = [len(drills) - drills.index(key) for key in zip(some["round"], some["cause"], strict=True)]
            axis.scatter(some["seconds"], places, marker=marker, color=colour, label="right" if right else "wrong")
        axis.set_yticks(range(len(drills), 0, -1), [cause for _, cause in drills])
        axis.set_xlabel("seconds from the page to the guess")
        axis.legend()
        return Picture(figure, "seconds from the page to each guess, right and wrong")
