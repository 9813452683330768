"""Where the notebooks are, and what a kernel needs to run them on this code and on nothing of this machine."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
ALL = sorted(FOLDER.glob("*.ipynb"))


def environment(home: Path) -> dict[str, str]:
    """Of a kernel or of JupyterLab: settings, state and caches in `home`."""
    homes = {name: str(home / name.lower()) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    jupyter = {"JUPYTER_CONFIG_DIR": str(home / "jupyter"), "JUPYTER_RUNTIME_DIR": str(home / "runtime")}
    return {**os.environ, **homes, **jupyter, "IPYTHONDIR": str(home / "ipython"), "PYTHONPATH": str(ROOT)}
