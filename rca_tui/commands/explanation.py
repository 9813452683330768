"""The explanation of one method, and of the consensus. Commands import it when they run."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

from cluster.display import document
from cluster.text.times import duration
from methods.answer.types import Ranking
from methods.running.runner import Result
from rca_tui.commands.output import print_document, print_line
from rca_tui.draw.rankings import CONSENSUS

if TYPE_CHECKING:
    from cluster.incident.model import Incident
    from methods.answer.consensus import Consensus


def print_explanation(result: Result) -> None:
    """The ranking, then each step with the numbers behind it, then the caveats; or why there is no ranking."""
    print_line(f"{result.method} ({result.family}), {duration(result.seconds)}")
    print_line()
    print_document(document(result.outcome))
    if isinstance(result.outcome, Ranking):
        print_line()
        print_document(document(result.outcome.explanation))


@dataclasses.dataclass(frozen=True, slots=True)
class Agreement:
    """The consensus of the methods that vote, and the seconds that they took."""

    consensus: Consensus
    seconds: float


def agree(incident: Incident, seed: int, deadline: float) -> Agreement:
    """Run the methods that vote."""
    from methods import catalog
    from methods.answer.consensus import NO_VOTE, consensus
    from methods.running import runner

    began = time.monotonic()
    voters = [entry.name for entry in catalog.entries() if entry.name not in NO_VOTE]
    results = runner.run(incident, voters, seed=seed, deadline=deadline)
    agreed = consensus([(result.method, result.outcome) for result in results], incident.candidates)
    return Agreement(agreed, time.monotonic() - began)


def print_consensus(agreement: Agreement) -> None:
    """The claim, the scores, and which methods the lead is owed to."""
    voters = len(agreement.consensus.voters)
    print_line(f"{CONSENSUS} of the {voters} methods that ranked, {duration(agreement.seconds)}")
    print_line()
    print_document(document(agreement.consensus))


def consensus_json(agreement: Agreement) -> dict[str, Any]:
    """As the answer of a method; the explanation says who agrees, who dissents, and who added what."""
    payload = dataclasses.asdict(agreement.consensus)
    components = [{key: row[key] for key in ("component", "score", "rank")} for row in payload.pop("components")]
    reason = None if components else "not_applicable: no method ranked"
    return {
        "method": CONSENSUS,
        "family": CONSENSUS,
        "status": "ranked" if components else "no_ranking",
        "reason": reason,
        "seconds": round(agreement.seconds, 4),
        "components": components,
        "signals": [],
        "explanation": {"claim": agreement.consensus.claim, **payload},
    }
