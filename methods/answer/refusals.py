"""Answers without a ranking that several methods share."""

from __future__ import annotations

from typing import Final

from methods.answer.types import NoRanking, Reason

NO_ONSET: Final = NoRanking(Reason.NOT_APPLICABLE, "the onset is not known: set it, or record an incident with an SLI")
NO_FRONT_DOOR: Final = NoRanking(Reason.NOT_APPLICABLE, "the topology does not say which component is the front door")
NO_CHANGE: Final = NoRanking(Reason.NOT_APPLICABLE, "no signal changes after the onset")
