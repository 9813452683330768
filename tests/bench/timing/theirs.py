"""Measured process in the environment of RCAEval: CASE LIMIT METHOD... ranks a case of its own layout with its code.

Nothing of ours is imported here. The data are prepared as its own harness does: infinities and gaps are carried over,
then 0. A failure inside it is told on stderr and answered with the order of columns: that counts as a failure.

Three methods cannot run as published, and are repaired in memory (`_repaired`): two with code that is public as well,
one with what a library no longer answers.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import stopwatch

_ALL = ("metrics.csv", "logts.csv", "tracets_err.csv", "tracets_lat.csv")
_MODULES = {
    "dummy": "RCAEval.e2e",
    "nsigma": "RCAEval.e2e",
    "e_diagnosis": "RCAEval.e2e",
    "mmbaro": "RCAEval.e2e.baro",
    "fci_randomwalk": "RCAEval.e2e.pc_randomwalk",
    "granger_randomwalk": "RCAEval.e2e.pc_randomwalk",
    "lingam_randomwalk": "RCAEval.e2e.pc_randomwalk",
}
_GAVE_UP = "returning the unranked column order"


def main() -> None:
    warnings.filterwarnings("ignore")
    folder, limit, *names = sys.argv[1:]
    case = Path(folder)
    about = json.loads((case / "bench.json").read_text())
    injected_at = float((case / "inject_time.txt").read_text())

    def call(name: str) -> str:
        function = getattr(_repaired(name), name)
        if name in ("microrank", "tracerca"):
            data, when = _read(case, "traces.csv"), injected_at * 1e6
        elif name == "mmbaro":
            data, when = {part.removesuffix(".csv"): _read(case, part) for part in _ALL}, injected_at
            data["metric"] = data.pop("metrics")
        else:
            data, when = _read(case, "metrics.csv"), injected_at
        np.random.seed(0)
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            answer = function(data, when, dataset="re2-ob", sli=about["sli"])
        if _GAVE_UP in said.getvalue():
            raise RuntimeError(said.getvalue().strip().splitlines()[-1])
        return ", ".join(str(name) for name in list(answer["ranks"])[:3])

    # Modules are loaded before the clock runs; what cannot be loaded says so when its turn comes.
    for name in names:
        with contextlib.suppress(Exception):
            _repaired(name)
    stopwatch.serve(names, float(limit), call)


def _repaired(name: str) -> types.ModuleType:
    """The module of a method, able to run."""
    module = importlib.import_module(_MODULES.get(name, f"RCAEval.e2e.{name}"))
    if name == "rcd":
        # It calls a function of its authors' own copy of causal-learn, which PyRCA has; there a test knows its data.
        from pyrca.thirdparty.causallearn.utils.cit import CIT
        from pyrca.thirdparty.rcd.utils.SkeletonDiscovery import local_skeleton_discovery

        def search(data: np.ndarray, node: int, alpha: float, indep_test: str, **options: Any) -> Any:
            return local_skeleton_discovery(data, node, alpha, CIT(data, indep_test), **options)

        module.SkeletonDiscovery = types.SimpleNamespace(local_skeleton_discovery=search)
    elif name == "fci_randomwalk":
        # Its random walk does not know FCI's half-directed edges. Its PageRank does: the same rule for both.
        from RCAEval.graph_construction.fci import fci_default
        from RCAEval.graph_heads.page_rank import page_rank_preprocess

        module.fci_default = lambda data: page_rank_preprocess(fci_default(data))
    elif name == "microcause":
        # It asks tigramite for what later releases no longer answer: the links below a level of significance.
        module.PCMCI.return_significant_links = _significant
    return module


def _significant(_: Any, p: np.ndarray, __: np.ndarray, alpha_level: float, **options: bool) -> dict[str, Any]:
    """{"link_dict": {j: [(i, -lag)]}} of the p values (N, N, lags from 0 on) of i on j; without lag 0."""
    lagged = p[:, :, 1:] <= alpha_level
    return {"link_dict": {j: [(i, -lag - 1) for i, lag in np.argwhere(lagged[:, j])] for j in range(len(p))}}


def _read(case: Path, name: str) -> pd.DataFrame:
    frame = pd.read_csv(case / name)
    if name == "traces.csv":
        return frame
    return frame.replace([np.inf, -np.inf], np.nan).ffill().fillna(0)


if __name__ == "__main__":
    main()
