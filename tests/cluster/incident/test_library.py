from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from incident_data import TRUTH, incident

from cluster.incident import library
from cluster.incident.container import IncidentError
from cluster.incident.store import save


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(library, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "rca-tui" / "incidents"


def test_nothing_yet(saved: Path) -> None:
    assert library.listings() == ()
    with pytest.raises(IncidentError, match="neither as a path nor by name"):
        library.find("drill-01")


def test_names_of_shipped_and_saved(saved: Path) -> None:
    shipped = save(incident(), library.SHIPPED / "drill-01.zip", TRUTH)
    mine = save(incident(), saved / "mine")
    save(incident(), saved / "drill-01")
    (saved / ".half.part").mkdir()
    (saved / "notes.txt").write_text("not an incident")
    assert [(entry.name, entry.shipped) for entry in library.listings()] == [("drill-01", True), ("mine", False)]
    assert library.find("drill-01") == shipped
    assert library.find("mine") == mine
    assert library.load("mine").id == incident().id
    assert library.load_with_truth("drill-01")[1] == TRUTH
    assert library.load_with_truth("mine")[1] is None
    with pytest.raises(IncidentError, match="did you mean drill-01"):
        library.find("drill-1")


@pytest.mark.parametrize("unset", ["", " "])
def test_an_empty_name_is_not_the_current_folder(saved: Path, unset: str) -> None:
    with pytest.raises(IncidentError, match="the name of the incident is empty"):
        library.find(unset)


def test_rows_say_what_headers_say_and_what_is_wrong(saved: Path) -> None:
    save(incident(), library.SHIPPED / "drill-01.zip", TRUTH)
    save(incident(), saved / "mine")
    (saved / "zbroken.zip").write_bytes(b"not a zip")
    shipped, mine, broken = library.rows()
    assert (shipped.origin, mine.origin, broken.origin) == ("local, package", "local, here", "here")
    assert mine.about.endswith("cause unknown") and "cause" not in shipped.about
    assert broken.summary is None and "not a .zip" in broken.about and not broken.began
    assert shipped.matches(()) and shipped.matches(["DRILL", "package"]) and not shipped.matches(["drill", "here"])
    assert not any(row.matches([TRUTH.fault]) for row in (shipped, mine, broken))


def test_a_path_goes_before_a_name(saved: Path, tmp_path: Path) -> None:
    save(incident(), library.SHIPPED / "x.zip")
    here = save(incident(), tmp_path / "x")
    assert library.find("x").resolve() == here


def test_names_are_sorted_by_their_numbers(saved: Path) -> None:
    for name in ("drill-100", "drill-9", "drill-09", "drill-9b", "drill-9a", "night"):
        save(incident(), saved / f"{name}.zip")
    sorted_names = ["drill-09", "drill-9", "drill-9a", "drill-9b", "drill-100", "night"]
    assert [listing.name for listing in library.listings()] == sorted_names
    assert [Path(path).stem for path in library.expand(str(saved))] == sorted_names


def test_new_paths_are_free(saved: Path) -> None:
    save(incident(), library.SHIPPED / "drill-01.zip")
    path = library.new_path("drill")
    assert path == saved / "drill-02.zip"
    save(incident(), path)
    assert library.new_path("drill") == saved / "drill-03.zip"
    # A gap between shipped ones stays one: the newest has the largest number.
    save(incident(), library.SHIPPED / "drill-130.zip")
    assert library.new_path("drill") == saved / "drill-131.zip"
    for number in (999_999_999, 1_000_000_000):
        save(incident(), saved / f"drill-{number}.zip")
    assert not library.new_path("drill").exists()


def test_a_folder_of_incidents_is_all_of_them(saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    one, two = save(incident(), folder / "one.zip"), save(incident(), folder / "two")
    assert library.expand(str(folder)) == (str(one), str(two))
    assert library.expand(str(two)) == (str(two),)
    (tmp_path / "empty").mkdir()
    with pytest.raises(IncidentError, match="neither an incident nor a folder of incidents"):
        library.expand(str(tmp_path / "empty"))


@pytest.mark.parametrize("name", ["", "\0", "x" * 5000, "../../etc/passwd", "~"])
def test_odd_names_are_one_sentence(saved: Path, name: str) -> None:
    with pytest.raises(IncidentError):
        library.load(name)


def test_finding_a_name_loads_nothing_heavy() -> None:
    code = (
        "import sys; from cluster.incident import library; library.listings()\n"
        "heavy = {'pandas', 'numpy', 'pyarrow', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=Path(__file__).parents[3])


def test_rows_are_read_without_the_libraries_of_telemetry_and_of_schemas() -> None:
    code = (
        "import sys; from cluster.incident import library; assert all(row.summary for row in library.rows())\n"
        "heavy = {'pandas', 'numpy', 'pyarrow', 'pydantic', 'secrets', 'email', 'zoneinfo'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=Path(__file__).parents[3])
