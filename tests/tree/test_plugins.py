"""A package that adds a method, a fault and a check is installed and used; a broken one is a sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faults import catalog as faults
from guidelines import catalog as guidelines
from methods import catalog as methods

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "sample_plugin"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample package installed in it: its modules and its metadata, as setuptools writes them."""
    source = tmp_path_factory.mktemp("source") / "sample"
    shutil.copytree(SAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path_factory.mktemp("site")
    # What `pip install --target` does, without the build isolation that asks a package index.
    steps = ("build_py", "--build-lib", str(target)), ("egg_info", "--egg-base", str(target))
    for step in steps:
        command = [sys.executable, "-c", "import setuptools; setuptools.setup()", "--quiet", *step]
        subprocess.run(command, cwd=source, check=True, capture_output=True)
    return target


@pytest.fixture
def environment(site: Path, tmp_path: Path) -> dict[str, str]:
    homes = {name: str(tmp_path / name) for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")}
    return {**os.environ, **homes, "PYTHONPATH": os.pathsep.join([str(site), str(tmp_path), str(ROOT)])}


def rca_tui(environment: dict[str, str], *arguments: str) -> tuple[str, str]:
    run = subprocess.run(
        [sys.executable, "-m", "rca_tui", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr
    return run.stdout, run.stderr


def python(environment: dict[str, str], program: str) -> str:
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return run.stdout.strip()


def announce(folder: Path, **groups: dict[str, str]) -> None:
    """Another distribution, that announces entry points."""
    metadata = folder / "broken_rca-0.1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-rca\nVersion: 0.1\n")
    lines = []
    for group, points in groups.items():
        lines += [f"[rca_tui.{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (metadata / "entry_points.txt").write_text("\n".join(lines))


@pytest.mark.slow
def test_the_method_is_listed_and_ranks(environment: dict[str, str]) -> None:
    listed, _ = rca_tui(environment, "methods", "--json")
    rows = {row["name"]: row for row in json.loads(listed)}
    assert rows["median_shift"]["package"] == "sample_rca"
    assert len(rows) == len(methods.listed()) + 1
    answered, _ = rca_tui(environment, "diagnose", "drill-02", "--method", "median_shift", "--json")
    (result,) = json.loads(answered)["results"]
    assert result["method"] == "median_shift"
    assert result["components"][0]["rank"] == 1


def test_the_fault_is_listed_with_its_parameters(environment: dict[str, str]) -> None:
    listed, _ = rca_tui(environment, "faults", "--json")
    rows = {row["name"]: row for row in json.loads(listed)}
    assert rows["idle-process"]["targets"] == ["replica"]
    assert "processes" in rows["idle-process"]["parameters"]
    assert len(rows) == len(faults.entries()) + 1


def test_the_check_is_asked_with_ours_and_numbered_after_them(environment: dict[str, str]) -> None:
    told, _ = rca_tui(environment, "check", "drill-02", "--json")
    last = json.loads(told)["results"][-1]
    assert (last["number"], last["name"], last["verdict"]) == (19, "front-door-latency", "pass")


def test_listing_imports_rows_alone(environment: dict[str, str]) -> None:
    program = """
import sys
from faults import catalog as faults
from guidelines import catalog as guidelines
from methods import catalog as methods
assert "median_shift" in [row.name for row in methods.entries()]
assert "idle-process" in [row.name for row in faults.entries()]
assert "front-door-latency" in guidelines.names()
print(*sorted(name for name in sys.modules if name.startswith("sample_rca")))
"""
    assert python(environment, program) == "sample_rca sample_rca.rows"


@pytest.mark.slow
def test_a_broken_package_is_a_sentence_for_each_and_hides_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "broken_rca.py").write_text(
        "from methods import MethodEntry\n"
        "TEXT = 'no row'\n"
        "OTHER = MethodEntry('other', 'Other', 'metric', 'instant', ('metrics',), 'Another name.', 'broken_rca')\n"
    )
    (tmp_path / "ends_at_once.py").write_text("raise SystemExit('no')\n")
    announce(
        tmp_path,
        methods={
            "baro": "broken_rca:OTHER",
            "missing": "no_such_package.rows:ROW",
            "text": "broken_rca:TEXT",
            "third": "broken_rca:OTHER",
        },
        faults={"ends": "ends_at_once:ROW"},
        guidelines={"lost": "broken_rca:LOST"},
    )
    listed, said = rca_tui(environment, "methods", "--json")
    assert len(json.loads(listed)) == len(methods.listed()) + 1
    assert said.splitlines() == [
        "rca_tui.methods: baro of broken-rca 0.1 is left out: the name is taken",
        "rca_tui.methods: missing of broken-rca 0.1 is left out: "
        "ModuleNotFoundError: No module named 'no_such_package'",
        "rca_tui.methods: text of broken-rca 0.1 is left out: broken_rca:TEXT is a str, not a methods.catalog.Entry",
        "rca_tui.methods: third of broken-rca 0.1 is left out: broken_rca:OTHER has another name, other",
    ]
    listed, said = rca_tui(environment, "faults", "--json")
    assert len(json.loads(listed)) == len(faults.entries()) + 1
    assert said.splitlines() == ["rca_tui.faults: ends of broken-rca 0.1 is left out: SystemExit: no"]
    told, said = rca_tui(environment, "check", "drill-02", "--json")
    assert json.loads(told)["checks"] == len(guidelines.entries()) + 1
    assert said.splitlines() == [
        "rca_tui.guidelines: lost of broken-rca 0.1 is left out: "
        "AttributeError: module 'broken_rca' has no attribute 'LOST'"
    ]


@pytest.mark.slow
def test_a_row_whose_class_is_missing_is_an_answer_of_its_own(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "hollow_rca.py").write_text(
        "from faults import FaultEntry\n"
        "from methods import MethodEntry\n"
        "METHOD = MethodEntry('hollow', 'Hollow', 'metric', 'instant', ('metrics',), 'Nothing.', 'hollow_rca')\n"
        "FAULT = FaultEntry('hollow', 'hollow', 'Hollow', 'Nothing.', ('local',), 'hollow_rca')\n"
    )
    announce(tmp_path, methods={"hollow": "hollow_rca:METHOD"}, faults={"hollow": "hollow_rca:FAULT"})
    answered, _ = rca_tui(environment, "diagnose", "drill-02", "--method", "hollow", "--method", "nsigma", "--json")
    results = {result["method"]: result for result in json.loads(answered)["results"]}
    assert results["hollow"]["reason"].startswith("error: ModuleNotFoundError: No module named 'hollow_rca.hollow'")
    assert results["nsigma"]["components"]
    program = """
from faults import load_fault
fault = load_fault("hollow")
print(fault.available(None).ok, fault.revert_without(None).clean, fault.available(None).reason)
"""
    assert python(environment, program) == (
        "False False the package of hollow is broken: "
        "ModuleNotFoundError: No module named 'hollow_rca.local'; 'hollow_rca' is not a package"
    )
