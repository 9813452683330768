"""Who is to blame: root-cause-analysis methods that rank the components of an incident and explain the ranking.

The names below are the public ones, for scripts and notebooks. They are imported when first used.

- The catalogue: `list_methods` (imports no method), `load_method`.
- Running: `rank` (one method, in this process), `run_methods` (many, in processes that can be killed), `consensus`,
  `run_contrast` (what distinguishes the fault window, by SHAP values).
- The tool's own answer: `decide` (a `Verdict`: who is at fault, how sure, why and why not), `verdict_json`.
- Before a method runs: `estimate_onset`, `with_onset`.
- Evaluation: `load_cases`, `evaluate` (`answers_path` is the file of its answers so far), `summarize`; `overlap`,
  `overlap_by_chance` and `places` compare two rankings.
- To write a method: subclass `Method`, read the telemetry through `prepare_matrix` and `split_at_onset`, answer with
  `rank_by_signals` or `rank_by_components`: a `Ranking` with an `Explanation`, or `NoRanking` with a `Reason`. How to
  add one: `methods.catalog`.

    >>> from cluster import load_incident
    >>> from methods import rank, with_onset
    >>> outcome, seconds = rank(with_onset(load_incident("drill-05")), "baro", seed=0)
    >>> outcome.components[0].rank
    1
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.lazy import exports

if TYPE_CHECKING:
    from methods.answer.consensus import Consensus, consensus
    from methods.answer.overlap import by_chance as overlap_by_chance
    from methods.answer.overlap import overlap, places
    from methods.answer.ranking import by_components as rank_by_components
    from methods.answer.ranking import by_signals as rank_by_signals
    from methods.answer.types import (
        ComponentScore,
        EdgePointer,
        Explanation,
        Family,
        Graph,
        GraphEdge,
        LogsPointer,
        Method,
        NoRanking,
        Outcome,
        Ranking,
        Reason,
        SeriesPointer,
        SignalScore,
        SpansPointer,
        Step,
        Table,
    )
    from methods.catalog import Entry as MethodEntry
    from methods.catalog import UnknownMethod
    from methods.catalog import entries as list_methods
    from methods.catalog import load as load_method
    from methods.evaluation.cases import Case, load_cases
    from methods.evaluation.evaluate import Record, answers_path
    from methods.evaluation.evaluate import run as evaluate
    from methods.evaluation.report import summary as summarize
    from methods.running.cached_results import run_contrast
    from methods.running.runner import Result
    from methods.running.runner import run as run_methods
    from methods.running.worker import rank
    from methods.telemetry.deviation import median_and_range
    from methods.telemetry.matrix import SignalMatrix
    from methods.telemetry.matrix import halves as split_at_onset
    from methods.telemetry.matrix import prepare as prepare_matrix
    from methods.telemetry.onset import OnsetEstimate, with_onset
    from methods.telemetry.onset import estimate as estimate_onset
    from methods.telemetry.separation import end_of_trouble
    from methods.verdict.as_json import verdict_json
    from methods.verdict.decision import decide
    from methods.verdict.types import Action, Answer, Evidence, Hop, Strength, Suspect, Trouble, Verdict

__all__ = [
    "Action",
    "Answer",
    "Case",
    "ComponentScore",
    "Consensus",
    "EdgePointer",
    "Evidence",
    "Explanation",
    "Family",
    "Graph",
    "GraphEdge",
    "Hop",
    "LogsPointer",
    "Method",
    "MethodEntry",
    "NoRanking",
    "OnsetEstimate",
    "Outcome",
    "Ranking",
    "Reason",
    "Record",
    "Result",
    "SeriesPointer",
    "SignalMatrix",
    "SignalScore",
    "SpansPointer",
    "Step",
    "Strength",
    "Suspect",
    "Table",
    "Trouble",
    "UnknownMethod",
    "Verdict",
    "answers_path",
    "consensus",
    "decide",
    "end_of_trouble",
    "estimate_onset",
    "evaluate",
    "list_methods",
    "load_cases",
    "load_method",
    "median_and_range",
    "overlap",
    "overlap_by_chance",
    "places",
    "prepare_matrix",
    "rank",
    "rank_by_components",
    "rank_by_signals",
    "run_contrast",
    "run_methods",
    "split_at_onset",
    "summarize",
    "verdict_json",
    "with_onset",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "Action": "methods.verdict.types:Action",
            "Answer": "methods.verdict.types:Answer",
            "Case": "methods.evaluation.cases:Case",
            "ComponentScore": "methods.answer.types:ComponentScore",
            "Consensus": "methods.answer.consensus:Consensus",
            "EdgePointer": "methods.answer.types:EdgePointer",
            "Evidence": "methods.verdict.types:Evidence",
            "Explanation": "methods.answer.types:Explanation",
            "Family": "methods.answer.types:Family",
            "Graph": "methods.answer.types:Graph",
            "GraphEdge": "methods.answer.types:GraphEdge",
            "Hop": "methods.verdict.types:Hop",
            "LogsPointer": "methods.answer.types:LogsPointer",
            "Method": "methods.answer.types:Method",
            "MethodEntry": "methods.catalog:Entry",
            "NoRanking": "methods.answer.types:NoRanking",
            "OnsetEstimate": "methods.telemetry.onset:OnsetEstimate",
            "Outcome": "methods.answer.types:Outcome",
            "Ranking": "methods.answer.types:Ranking",
            "Reason": "methods.answer.types:Reason",
            "Record": "methods.evaluation.evaluate:Record",
            "Result": "methods.running.runner:Result",
            "SeriesPointer": "methods.answer.types:SeriesPointer",
            "SignalMatrix": "methods.telemetry.matrix:SignalMatrix",
            "SignalScore": "methods.answer.types:SignalScore",
            "SpansPointer": "methods.answer.types:SpansPointer",
            "Step": "methods.answer.types:Step",
            "Strength": "methods.verdict.types:Strength",
            "Suspect": "methods.verdict.types:Suspect",
            "Table": "methods.answer.types:Table",
            "Trouble": "methods.verdict.types:Trouble",
            "UnknownMethod": "methods.catalog:UnknownMethod",
            "Verdict": "methods.verdict.types:Verdict",
            "answers_path": "methods.evaluation.evaluate:answers_path",
            "consensus": "methods.answer.consensus:consensus",
            "decide": "methods.verdict.decision:decide",
            "end_of_trouble": "methods.telemetry.separation:end_of_trouble",
            "estimate_onset": "methods.telemetry.onset:estimate",
            "evaluate": "methods.evaluation.evaluate:run",
            "list_methods": "methods.catalog:entries",
            "load_cases": "methods.evaluation.cases:load_cases",
            "load_method": "methods.catalog:load",
            "median_and_range": "methods.telemetry.deviation:median_and_range",
            "overlap": "methods.answer.overlap:overlap",
            "overlap_by_chance": "methods.answer.overlap:by_chance",
            "places": "methods.answer.overlap:places",
            "prepare_matrix": "methods.telemetry.matrix:prepare",
            "rank": "methods.running.worker:rank",
            "rank_by_components": "methods.answer.ranking:by_components",
            "rank_by_signals": "methods.answer.ranking:by_signals",
            "run_contrast": "methods.running.cached_results:run_contrast",
            "run_methods": "methods.running.runner:run",
            "split_at_onset": "methods.telemetry.matrix:halves",
            "summarize": "methods.evaluation.report:summary",
            "verdict_json": "methods.verdict.as_json:verdict_json",
            "with_onset": "methods.telemetry.onset:with_onset",
        },
    )
