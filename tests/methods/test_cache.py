"""Kept answers: what decides their key, and a file that bears damage, interruption and growth."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from cluster.incident.model import Incident
from methods import catalog
from methods.running import fingerprint
from methods.running.cache import Cache

FILES = {
    "__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from plug.face import shown\n",
    "method.py": '''"""A method."""
from __future__ import annotations

from typing import TYPE_CHECKING

from plug import helper, shown

if TYPE_CHECKING:
    from plug import types_only


def rank(x: int) -> int:
    """Rank."""
    from . import late

    return helper.twice(x) + late.ONE + shown()  # all of it
''',
    "helper.py": '"""Help."""\nimport numpy\n\n\ndef twice(x):\n    """Doubles."""\n    return 2 * x\n',
    "late.py": "ONE = 1\n",
    "face.py": "def shown():\n    return 3\n",
    "types_only.py": "KIND = 1\n",
    "other.py": '"""Another method."""\n\nfrom plug import late\n',
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of somebody else, which only its import path makes known."""
    folder = tmp_path / "plug"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    fingerprint._root.cache_clear()
    yield folder
    fingerprint._root.cache_clear()
    assert "plug" not in sys.modules


def test_a_method_is_its_module_and_all_that_it_imports(package: Path) -> None:
    assert fingerprint.modules("plug.method") == {"plug.method", "plug.helper", "plug.late", "plug.face"}
    with pytest.raises(ImportError):
        fingerprint.code("plug.nothing")


@pytest.mark.parametrize(
    ("name", "old", "new", "same"),
    [
        ("method.py", '"""Rank."""', '"""Rank, better said."""', True),
        ("method.py", "  # all of it", "", True),
        ("helper.py", '"""Help."""\n', '"""Help,\nat length."""\n', True),
        ("helper.py", "return 2 * x", "return 3 * x", False),
        ("late.py", "ONE = 1", "ONE = 2", False),
        ("face.py", "return 3", "return 4", False),
        ("types_only.py", "KIND = 1", "KIND = 2", True),
        ("other.py", "from plug import late", "THREE = 3", True),
    ],
)
def test_code_changes_the_key_and_words_do_not(package: Path, name: str, old: str, new: str, same: bool) -> None:
    before = fingerprint.code("plug.method")
    text = (package / name).read_text()
    assert old in text
    (package / name).write_text(text.replace(old, new))
    assert (fingerprint.code("plug.method") == before) is same


def test_a_package_as_a_whole_is_all_that_its_face_offers(package: Path) -> None:
    (package / "method.py").write_text("import plug\n\nRANK = plug.shown\n")
    assert fingerprint.modules("plug.method") == {"plug", "plug.method", "plug.face"}


def test_answers_of_a_method_without_readable_source_are_not_found_again(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = dataclasses.replace(catalog.entry("baro"), name="method", package="plug")
    monkeypatch.setattr(catalog, "entry", lambda name: row)
    assert fingerprint.method("method") == fingerprint.method("method")
    (package / "helper.py").write_text("def broken(:\n")
    assert fingerprint.method("method") != fingerprint.method("method")


def test_a_release_of_a_library_changes_the_key(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint.code("plug.method")
    monkeypatch.setattr(fingerprint, "_version", lambda library: "99" if library == "numpy" else "")
    assert fingerprint.code("plug.method") != before


@pytest.mark.slow
def test_no_method_depends_on_what_runs_it() -> None:
    rows = (*catalog.listed(), catalog.CONTRAST)
    assert len({fingerprint.method(row.name) for row in rows}) == len(rows)
    for row in rows:
        reached = fingerprint.modules(row.module)
        assert not [name for name in reached if name.startswith(("methods.running", "methods.evaluation"))]
        assert "methods.catalog" not in reached


def with_telemetry(incident: Incident, **changed: object) -> Incident:
    return dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, **changed))


def test_content_is_telemetry_topology_and_window(incident: Incident, make_incident: Callable[..., Incident]) -> None:
    whole = fingerprint.content(incident)
    assert fingerprint.content(make_incident().at(None)) == whole
    metrics = incident.telemetry.metrics.copy()
    metrics.iloc[3, 0] += 1e-9
    for changed in (
        with_telemetry(incident, metrics=metrics),
        with_telemetry(incident, spans=incident.telemetry.spans.iloc[1:]),
        with_telemetry(incident, logs=incident.telemetry.logs.iloc[1:]),
        with_telemetry(incident, units={}),
    ):
        assert fingerprint.content(changed) != whole


def _without(names: tuple[str, ...], incident: Incident) -> Incident:
    return incident


def _made(name: str) -> Callable[[Incident], Incident]:
    return lambda incident: incident if name else _without((), incident)


def test_a_change_counts_by_its_code_and_by_what_it_is_bound_to() -> None:
    changes = [partial(_without, ("a",)), partial(_without, ("b",)), _made("a"), _made("b")]
    found = {fingerprint.content_after("c", change) for change in changes}
    assert len(found) == 4
    again = [partial(_without, ("a",)), partial(_without, ("b",)), _made("a"), _made("b")]
    assert {fingerprint.content_after("c", change) for change in again} == found


def test_a_change_without_readable_source_is_another_one_each_time() -> None:
    scope: dict[str, Callable[[Incident], Incident]] = {"__name__": "nowhere"}
    exec("def change(incident): return incident", scope)
    assert fingerprint.content_after("c", scope["change"]) != fingerprint.content_after("c", scope["change"])


KIND = TypeAdapter(list[int])
A, B = "a" * 32, "b" * 32


def test_the_newest_value_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "kept.jsonl"
    first = Cache(path, KIND)
    assert first.get(A) is None
    first.put(A, [1])
    first.put(B, [2])
    first.put(A, [3])
    for cache in (first, Cache(path, KIND)):
        assert (cache.get(A), cache.get(B)) == ([3], [2])
    assert Cache(None, KIND).get(A) is None


def test_damage_costs_a_value_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    cache = Cache(path, KIND)
    cache.put(A, [1])
    path.write_bytes(path.read_bytes() + b"\xff\xfe\n\n" + B.encode() + b' ["x"]\n' + b"c" * 32 + b" [4")
    cut = Cache(path, KIND)
    assert (cut.get(A), cut.get(B), cut.get("c" * 32)) == ([1], None, None)
    cut.put(B, [2])
    assert (Cache(path, KIND).get(A), Cache(path, KIND).get(B)) == ([1], [2])


def test_a_file_that_outgrows_its_limit_loses_its_oldest_lines(tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    cache = Cache(path, KIND, limit=1000)
    keys = [f"{i:032x}" for i in range(100)]
    for i, key in enumerate(keys):
        cache.put(key, [i])
    cache.put(keys[0], [0])
    Cache(path, KIND, limit=1000)
    assert path.stat().st_size <= 500
    assert [p.name for p in tmp_path.iterdir()] == ["kept.jsonl"]
    left = Cache(path, KIND, limit=1000)
    assert left.get(keys[0]) == [0]
    assert left.get(keys[99]) == [99]
    assert left.get(keys[1]) is None
