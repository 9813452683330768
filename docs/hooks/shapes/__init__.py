"""The shapes of the answers in JSON: the reference page is made from them, and a test holds every command to them."""

from __future__ import annotations

from shapes.answers import Contrast, Diagnosis, Explained, Heard, Report, Triage
from shapes.base import Answer, Error
from shapes.catalogues import Checkup, Doctor, Fault, Method
from shapes.deployment import Down, Load, Smoke, Status, Up
from shapes.drills import Drilled, Paper, Plan, Scenario, Scores, Sealed, Undone
from shapes.incidents import Imported, Listed, Recorded, Recording, Revealed
from shapes.scoring import Ablation, Campaign, Evaluation

__all__ = ["GRAFANAS", "SHAPES", "Error", "Recording"]

SHAPES: dict[str, tuple[type[Answer], ...]] = {
    "up": (Up,),
    "smoke": (Smoke,),
    "status": (Status,),
    "down": (Down,),
    "load": (Load,),
    "doctor": (Doctor,),
    "record": (Recorded,),
    "import": (Imported,),
    "incidents": (Listed,),
    "reveal": (Revealed,),
    "triage": (Triage,),
    "diagnose": (Diagnosis,),
    "explain": (Explained,),
    "replay": (Recording,),
    "contrast": (Contrast,),
    "report": (Report,),
    "check": (Checkup,),
    "evaluate": (Evaluation,),
    "ablate": (Ablation,),
    "campaign": (Campaign,),
    "drill": (Drilled, Sealed, Plan, Paper),
    "scenarios": (Scenario,),
    "scores": (Scores,),
    "recover": (Undone,),
    "methods": (Method,),
    "faults": (Fault,),
    "listen": (Heard,),
}
"""Command → what it prints: a document of one of these shapes, or a list of them."""
GRAFANAS = ("annotate",)
"""Commands that print what another program takes."""
