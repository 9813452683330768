"""Measured process in the environment of RCAEval: CASE LIMIT METHOD... ranks a case of its own layout with its code.

Nothing of ours is imported here. The data are prepared as its own harness does: infinities and gaps are carried over,
then 0. A failure inside it is told on stderr and answered with the order of columns: that counts as a failure.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import warnings
from pathlib import Path

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
        function = getattr(importlib.import_module(_MODULES.get(name, f"RCAEval.e2e.{name}")), name)
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
            importlib.import_module(_MODULES.get(name, f"RCAEval.e2e.{name}"))
    stopwatch.serve(names, float(limit), call)


def _read(case: Path, name: str) -> pd.DataFrame:
    frame = pd.read_csv(case / name)
    if name == "traces.csv":
        return frame
    return frame.replace([np.inf, -np.inf], np.nan).ffill().fillna(0)


if __name__ == "__main__":
    main()
