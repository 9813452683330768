"""Where the notebooks are, and what a kernel needs to run them on this code and on nothing of this machine."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
ALL = sorted(FOLDER.glob("*.ipynb"))


def environment(home: Path) -> dict[str, str]:
    """Of a kernel or of JupyterLab: settings, state and caches in `home`.

    Except for Matplotlib's list of fonts, which is built here: a kernel that builds it says so on stderr when it takes
    long.
    """
    import matplotlib
    import matplotlib.font_manager  # builds the list where it is missing

    homes = {name: str(home / name.lower()) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    jupyter = {"JUPYTER_CONFIG_DIR": str(home / "jupyter"), "JUPYTER_RUNTIME_DIR": str(home / "runtime")}
    fonts = {"MPLCONFIGDIR": matplotlib.get_cachedir()}
    return {**os.environ, **homes, **jupyter, **fonts, "IPYTHONDIR": str(home / "ipython"), "PYTHONPATH": str(ROOT)}
