"""The seal of a truth: who opens it, and what is told of one that was changed."""

from __future__ import annotations

import base64
import dataclasses
import json
import shutil
import zipfile
import zlib
from pathlib import Path

import pytest
from incident_data import TRUTH, incident

from cluster import host_key
from cluster.incident import library
from cluster.incident.container import IncidentError
from cluster.incident.envelope import doubt, load_truth, seal_of, truth_digest
from cluster.incident.seal import BLOCK, Seal
from cluster.incident.store import load, save
from cluster.incident.truth import NO_FAULT, Truth


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def flip(path: Path, at: int) -> None:
    """Change one bit of what is sealed, as somebody would who cannot read it."""
    whole = json.loads((path / "truth.sealed").read_text())
    box = bytearray(base64.b64decode(whole["box"]))
    box[at] ^= 1
    (path / "truth.sealed").write_text(json.dumps(whole | {"box": base64.b64encode(box).decode()}))


@pytest.mark.parametrize("seal", [Seal.HOST, Seal.ALL])
def test_a_truth_goes_in_and_out_and_cannot_be_read_in_the_file(tmp_path: Path, seal: Seal) -> None:
    path = save(incident(), tmp_path / "x", TRUTH, seal)
    sealed = (path / "truth.sealed").read_bytes()
    assert (load_truth(path), seal_of(path)) == (TRUTH, seal)
    raw = base64.b64decode(json.loads(sealed)["box"])
    assert not any(word in text for word in (b"cpu", b"replica", TRUTH.fault.encode()) for text in (sealed, raw))
    assert (save(incident(), tmp_path / "y", TRUTH, seal) / "truth.sealed").read_bytes() == sealed


@pytest.mark.parametrize("seal", [Seal.HOST, Seal.ALL])
def test_the_size_says_nothing_of_the_truth(tmp_path: Path, seal: Seal) -> None:
    long = dataclasses.replace(TRUTH, components=("head", "replica-1"), conditions={"load": "square " * 100})
    truths = {"a": Truth((), NO_FAULT, 1.0), "b": long}
    paths = [save(incident(), tmp_path / name, truth, seal) for name, truth in truths.items()]
    assert len({(path / "truth.sealed").stat().st_size for path in paths}) == 1
    zips = [save(incident(), tmp_path / f"{path.name}.zip", load_truth(path), seal) for path in paths]
    assert len({path.stat().st_size for path in zips}) == 1


@pytest.mark.parametrize("seal", [Seal.HOST, Seal.ALL])
@pytest.mark.parametrize("at", [0, 31, 32, 100, 32 + BLOCK - 1])
def test_an_edited_truth_is_told(tmp_path: Path, seal: Seal, at: int) -> None:
    path = save(incident(), tmp_path / "x", TRUTH, seal)
    flip(path, at)
    with pytest.raises(IncidentError, match=r"damaged or edited"):
        load_truth(path)


@pytest.mark.parametrize("seal", [Seal.HOST, Seal.ALL])
def test_a_truth_belongs_to_the_content_of_its_incident(tmp_path: Path, seal: Seal) -> None:
    path = save(incident(), tmp_path / "x", TRUTH, seal)
    other = save(dataclasses.replace(incident(), notes=("one more",)), tmp_path / "other", TRUTH, seal)
    shutil.copy(path / "truth.sealed", other / "truth.sealed")
    assert load(other).id == load(path).id
    with pytest.raises(IncidentError, match="belongs to another incident"):
        load_truth(other)


def test_a_truth_that_was_removed_is_told(tmp_path: Path) -> None:
    path = save(incident(), tmp_path / "x", TRUTH)
    (path / "truth.sealed").unlink()
    with pytest.raises(IncidentError, match=r"lacks its truth\.sealed"):
        load_truth(path)


def test_only_the_host_opens_what_it_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = save(incident(), tmp_path / "mine", TRUTH)
    for_all = save(incident(), tmp_path / "all", TRUTH, Seal.ALL)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(IncidentError, match="sealed on another host"):
        load_truth(mine)
    save(incident(), tmp_path / "theirs", TRUTH)  # it has a key of its own then
    with pytest.raises(IncidentError, match="sealed on another host"):
        load_truth(mine)
    assert load_truth(for_all) == TRUTH
    assert load(mine).id == incident().id  # the incident itself opens everywhere


def test_the_key_is_for_its_user_alone(tmp_path: Path) -> None:
    path = save(incident(), tmp_path / "x", TRUTH)
    key = host_key.path()
    assert key.stat().st_mode & 0o777 == 0o600
    key.chmod(0o644)
    with pytest.raises(IncidentError, match="can be read by other users") as caught:
        load_truth(path)
    assert caught.value.command == f"chmod 600 {key}"


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_key_that_is_none_is_told_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = save(incident(), tmp_path / "x", TRUTH)
    host_key.path().write_bytes(content)
    with pytest.raises(IncidentError, match="is no key"):
        load_truth(path)
    with pytest.raises(IncidentError, match="is no key"):
        save(incident(), tmp_path / "y", TRUTH)
    assert host_key.path().read_bytes() == content
    assert not (tmp_path / "y").exists()


def test_a_saved_incident_does_not_tell_which_component_was_replaced(tmp_path: Path) -> None:
    given = incident()
    parts = tuple(dataclasses.replace(c, uid=f"d0/{c.id}/{n}") for n, c in enumerate(given.topology.components))
    given = dataclasses.replace(given, topology=dataclasses.replace(given.topology, components=parts))
    path = save(given, tmp_path / "x")
    assert "d0/" not in (path / "incident.json").read_text()
    assert not any(component.uid for component in load(library.SHIPPED / "drill-01.zip").topology.components)


def test_the_shipped_truths_open_and_an_edited_one_is_told(tmp_path: Path) -> None:
    shipped = sorted(library.SHIPPED.glob("*.zip"))
    truths = [load_truth(path) for path in shipped]
    assert len(truths) >= 66 and all(truths)
    assert json.loads((library.SHIPPED / "truths.json").read_text()) == dict(map(truth_digest, shipped))
    edited = save(load(shipped[-1]), tmp_path / "edited", dataclasses.replace(TRUTH, fault="partition"), Seal.ALL)
    with pytest.raises(IncidentError, match="was edited"):
        load_truth(edited)


@pytest.mark.parametrize("known", [True, False])
def test_a_truth_without_a_seal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    folder = tmp_path / "x"
    with zipfile.ZipFile(library.SHIPPED / "drill-01.zip") as archive:
        archive.extractall(folder)
    assert seal_of(folder) is Seal.NONE
    truth = json.loads(zlib.decompress(base64.b64decode(json.loads((folder / "truth.sealed").read_text())["sealed"])))
    packed = base64.b64encode(zlib.compress(json.dumps(truth | {"fault": "partition"}).encode())).decode()
    (folder / "truth.sealed").write_text(json.dumps({"schema": 1, "sealed": packed}))
    if known:
        with pytest.raises(IncidentError, match="was edited"):
            load_truth(folder)
        return
    monkeypatch.setattr("cluster.incident.envelope._shipped", dict)  # as one that a user recorded earlier
    assert "no seal" in doubt(folder)
    edited = load_truth(folder)
    assert edited and edited.fault == "partition" and seal_of(folder) is Seal.NONE


def test_a_drill_without_the_seal_of_its_host_is_doubted(tmp_path: Path) -> None:
    """The sealed truth cannot be edited, but whoever has the file can put another one in its place."""
    assert doubt(save(incident(), tmp_path / "sealed", TRUTH)) == ""
    assert "open to all" in doubt(save(incident(), tmp_path / "replaced", TRUTH, Seal.ALL))
    imported = dataclasses.replace(incident(), deployment="rcaeval")
    assert doubt(save(imported, tmp_path / "imported", TRUTH, Seal.ALL)) == ""
    assert doubt(save(incident(), tmp_path / "recorded")) == ""
    assert not any(doubt(path) for path in library.SHIPPED.glob("*.zip"))
