"""Each pinned version has the hashes of its files, and what `make audit` says where the index serves others."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest

from tests import hashes

ROOT = Path(__file__).resolve().parents[2]
PINNED = "rich==14.0\nnumpy==2.1 ; python_version >= '3.11'\n"
HASHED = """rich==14.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
numpy==2.1 ; python_version >= '3.11' \\
    --hash=sha256:cc
"""


def test_every_pin_has_its_hashes() -> None:
    pinned = hashes.pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    hashed = hashes.pins((ROOT / "constraints-hashed.txt").read_text(encoding="utf-8"))
    assert list(pinned) == list(hashed), "run `make lock`"
    for requirement, found in hashed.items():
        assert found and all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in found), requirement


@pytest.mark.parametrize(
    ("pinned", "served", "well", "says"),
    [
        (PINNED, HASHED, True, "the hashes of 3 files of 2 packages were compared"),
        (PINNED, "", True, "the index cannot be reached from here"),
        (PINNED, HASHED.replace("bb", "dd"), False, "rich==14.0: 1 files are new, 1 are gone or changed"),
        (PINNED, HASHED.partition("numpy")[0], False, "numpy==2.1 ; python_version >= '3.11': 0 files are new, 1 are"),
        (PINNED + "shap==1\n", HASHED, False, "shap==1: its hashes are not known; run `make lock`"),
        (PINNED + "shap==1\n", "", False, "shap==1: its hashes are not known"),
        (PINNED.partition("numpy")[0], HASHED, False, "has hashes, and is not pinned"),
    ],
)
def test_what_the_audit_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pinned: str, served: str, well: bool, says: str
) -> None:
    files = [tmp_path / name for name in ("pinned", "hashed", "served")]
    for file, text in zip(files, (pinned, HASHED, served), strict=True):
        file.write_text(text)
    assert hashes.main(*map(str, files)) == (0 if well else 1)
    assert says in capsys.readouterr().out


@pytest.mark.skipif(which("make") is None, reason="no make")
@pytest.mark.parametrize(("code", "well"), [(0, True), (2, True), (1, False)])
def test_an_index_that_lacks_a_pinned_version_is_no_index_out_of_reach(tmp_path: Path, code: int, well: bool) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("uv", "python", "ruff", "pip-audit"):
        (tools / name).write_text(f"#!/bin/sh\nexit {code if name == 'uv' else 0}\n")
        (tools / name).chmod(0o755)
    (tmp_path / ".installed").touch()
    command = ["make", "--directory", str(ROOT), "audit", f"AUDIT={tmp_path}", f"BIN={tools}", "STAMP="]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert (done.returncode == 0) == well, done.stdout + done.stderr
