"""Faults on a GPU, down to the C interface of the driver: pynvml and ctypes call a library that stands in for it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_deployment import FakeDeployment, wait_for

pytest.importorskip("pynvml")

COMPILER = shutil.which("cc") or shutil.which("gcc")
SOURCE = Path(__file__).with_name("fake_driver.c")
FAULTS = Path(__file__).parent
PATIENCE = 60.0


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if COMPILER is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("driver")
    library = folder / "libnvidia-ml.so.1"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
    (folder / "libcuda.so.1").symlink_to(library)
    return folder


@pytest.fixture
def environment(driver: Path, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "gpu").write_text("300000")
    path = os.pathsep.join((str(FAULTS), os.environ.get("PYTHONPATH", "")))
    return {**os.environ, "LD_LIBRARY_PATH": str(driver), "FAKE_GPU": str(tmp_path / "gpu"), "PYTHONPATH": path}


def told(environment: dict[str, str], code: str, folder: Path) -> object:
    """What a process that sees the driver prints, as JSON."""
    FakeDeployment.start(folder)
    setup = f"""
import json, sys
from pathlib import Path
from fake_deployment import FakeDeployment
from cluster.deployment import DeploymentError
from cluster.topology import Component, Kind, Topology
from faults import catalog
class Machine(FakeDeployment):
    def topology(self):
        return Topology((Component("node", Kind.NODE, "node-1"),), (), None)
where = Machine(Path({str(folder)!r}))
def planned(name, **parameters):
    fault = catalog.load(name)
    return fault, fault.plan(where, "node", fault.parse(parameters), "20260101T000000-0123abcd", 60)
"""
    done = subprocess.run(
        [sys.executable, "-c", setup + code], env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


CAP = """
fault, plan = planned("gpu-power-cap", share=60)
found = [plan.actions, plan.undo, fault.readback(where, plan).clean]
fault.inject(where, plan)
found += [fault.readback(where, plan).clean, open(__import__("os").environ["FAKE_GPU"]).read()]
fault.revert(where, plan)
fault.revert(where, plan)
print(json.dumps([*found, fault.readback(where, plan).clean]))
"""


def test_the_power_limit_is_captured_lowered_and_restored(environment: dict[str, str], tmp_path: Path) -> None:
    assert told(environment, CAP, tmp_path) == [
        ["nvidia-smi -i GPU-test -pl 180"], "nvidia-smi -i GPU-test -pl 300", True, False, "180000", True,
    ]  # fmt: skip
    assert (tmp_path / "gpu").read_text() == "300000"


@pytest.mark.parametrize(
    ("code", "change", "reason"),
    [
        ('planned("gpu-power-cap", gpu=3)', {}, "no GPU 3"),
        ('planned("gpu-contention", gpu=3)', {}, "no GPU 3"),
        ('f, p = planned("gpu-power-cap"); f.inject(where, p)', {"FAKE_GPU_DENIES": "1"}, "Insufficient Permissions"),
        ('planned("gpu-memory")', {"FAKE_GPU": "/nowhere"}, "Driver Not Loaded"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    environment: dict[str, str], tmp_path: Path, code: str, change: dict[str, str], reason: str
) -> None:
    attempt = f"""
try:
    {code}
except DeploymentError as error:
    print(json.dumps(str(error)))
"""
    said = told(environment | change, attempt, tmp_path)
    assert isinstance(said, str)
    assert reason in said
    assert "\n" not in said


def test_a_cap_below_what_the_gpu_takes_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "gpu").write_text("100000")
    attempt = """
try:
    planned("gpu-power-cap")
except DeploymentError as error:
    print(json.dumps(str(error)))
"""
    assert "no cap below that" in str(told(environment, attempt, tmp_path))


def test_available_only_where_the_driver_answers(environment: dict[str, str], tmp_path: Path) -> None:
    ask = 'print(json.dumps([list((a.ok, a.reason)) for a in [catalog.load("gpu-memory").available(where)]]))'
    assert told(environment, ask, tmp_path) == [[True, ""]]
    ((ok, reason),) = told(environment | {"LD_LIBRARY_PATH": "/nowhere"}, ask, tmp_path)  # type: ignore[misc]
    assert not ok
    assert "NVIDIA" in reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("gpu-memory", "share=50", ["alloc 10000000000", "set 10000000000"]),
        ("gpu-contention", "load=50", ["alloc 4", "set 4", f"launch {1024 * 256 * 200_000}"]),
    ],
)
def test_a_process_on_the_gpu_makes_the_calls_and_ends_by_itself(
    environment: dict[str, str], tmp_path: Path, name: str, parameters: str, expected: list[str]
) -> None:
    argv = told(environment, f'print(json.dumps(planned("{name}", {parameters})[1].data["argv"]))', tmp_path)
    assert isinstance(argv, list)
    assert argv[argv.index("--seconds") + 1] == "80"
    argv[argv.index("--seconds") + 1] = "4"
    process = subprocess.Popen(argv, env=environment)
    log = tmp_path / "gpu.log"
    try:
        assert wait_for(lambda: log.exists() and log.read_text().split("\n")[: len(expected)] == expected, PATIENCE)
        assert process.wait(PATIENCE) == -signal.SIGALRM
    finally:
        process.kill()
