"""The environment of the public implementation: a virtual environment in the cache folder, made on first use."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from cluster import paths
from tests.bench.tables import tell

PUBLIC = "RCAEval==1.8.1"
# Its e_diagnosis imports pkg_resources, which later ones lack. Where it is not asked for, torch brings the newest.
_SETUPTOOLS = "setuptools<81"
# What its own extra pins is for older Pythons; these are the versions that its code runs on.
_NEEDS = (
    "causal-learn==0.1.3.8",
    "numpy<2",
    "networkx==2.8.8",
    "pandas==2.2.*",
    "statsmodels==0.14.*",
    "scikit-learn<1.7",
    "scikit-network",
    "tigramite==5.2.7.0",
    "pingouin<0.6",
    "matplotlib",
    "tqdm",
    "requests",
    "pyyaml",
    "schema",
    "dill",
    _SETUPTOOLS,
)
_WITHOUT_DEPENDENCIES = (PUBLIC, "sfr-pyrca==1.0.1")
_TORCH = "torch==2.13.0+cpu"
"""Needed by CausalRCA alone, which stays unmeasured without it. PyPI's own build brings gigabytes of CUDA: this one is
installed where pip has been shown PyTorch's index of CPU builds, or the wheel."""


class NoEnvironment(Exception):
    """The public implementation cannot be installed; the message says why."""


def python() -> Path:
    """The interpreter of the environment, which is made where there is none. Raises NoEnvironment."""
    folder = paths.cache_home() / "bench" / "rcaeval-1.8.1"
    ready, interpreter = folder / ".installed", folder / "bin" / "python"
    if ready.exists():
        return interpreter
    tell(f"installing {PUBLIC} in {folder}")
    _run([_python_for_it(), "-m", "venv", "--clear", str(folder)])
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, *_NEEDS])
    _run([*pip, "--no-deps", *_WITHOUT_DEPENDENCIES])
    try:
        _run([*pip, _TORCH, _SETUPTOOLS])
    except NoEnvironment as error:
        tell(f"{_TORCH} is left out: {error}")
    ready.touch()
    return interpreter


def _python_for_it() -> str:
    if sys.version_info[:2] in ((3, 11), (3, 12)):
        return sys.executable
    found = shutil.which("python3.12") or shutil.which("python3.11")
    if found is None:
        raise NoEnvironment(f"{PUBLIC} needs Python 3.11 or 3.12, and neither is on PATH")
    return found


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise NoEnvironment(f"{' '.join(command[1:4])}: {last[0]}")
