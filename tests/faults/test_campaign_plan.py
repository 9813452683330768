"""Plans of campaigns: what is drawn from them, and the line and field of what is wrong in them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.incident.truth import NO_FAULT
from faults.errors import FaultError
from faults.recording import plan as plans
from faults.recording.conditions import Shape
from faults.recording.yaml_lines import LARGEST, BadFile

GOOD = """\
title: Two
seed: 3
targets: [head, replica-1]
times: 2
faults:
  - name: cpu-throttle
    stands-for: gpu-power-cap
    intensities: [{cores: 0.3}, {cores: 0.1}]
  - name: freeze
    targets: [replica-2]
  - name: none
loads:
  - {rate: 4}
  - {shape: step, rate: 2, to: 5, after: 10, busy: true}
"""


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    return str(path)


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(BadFile) as refusal:
        plans.read(written(tmp_path, text))
    return str(refusal.value)


def test_a_plan_is_the_product_of_its_parts_in_an_order_from_its_seed(tmp_path: Path) -> None:
    plan = plans.read(written(tmp_path, GOOD))
    drills = plan.drills()
    # fault × targets × intensities × loads × times
    assert Counter(d.fault for d in drills) == {"cpu-throttle": 2 * 2 * 2 * 2, "freeze": 2 * 2, NO_FAULT: 2 * 2}
    assert {d.target for d in drills if d.fault == "freeze"} == {"replica-2"}
    assert drills == plan.drills()
    assert drills != plan.model_copy(update={"seed": 4}).drills()
    assert Counter(map(repr, drills)) == Counter(map(repr, plan.model_copy(update={"seed": 4}).drills()))
    step = next(d.conditions for d in drills if d.conditions.shape is Shape.STEP)
    assert (step.rate, step.to, step.after, step.busy) == (2, 5, 10, True)
    assert plan.stand_ins() == {"cpu-throttle": "gpu-power-cap"}


def test_a_digest_differs_when_other_drills_are_recorded(tmp_path: Path) -> None:
    plan = plans.read(written(tmp_path, GOOD))
    assert plan.model_copy(update={"title": "Other", "methods": ("baro",)}).digest() == plan.digest()
    assert plan.model_copy(update={"seed": 4}).digest() != plan.digest()
    assert plan.model_copy(update={"seconds": 30.0}).digest() != plan.digest()


def test_the_study_is_ten_times_four_faults_on_three_targets() -> None:
    drills = plans.read("study").drills()
    assert len(drills) == 120
    assert set(Counter((d.fault, d.target) for d in drills).values()) == {10}
    assert plans.read("study").stand_ins() == {"cpu-throttle": "gpu-power-cap"}


def test_every_shipped_plan_is_valid() -> None:
    assert [plans.read(name).title for name in plans.shipped()]


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("times: 2", "times: 0", 4, "times"),
        ("times: 2", "times: many", 4, "times"),
        ("name: freeze", "name: freze", 9, "faults[1].name"),
        ("{cores: 0.1}", "{cores: 900}", 8, "faults[0].intensities[1]"),
        ("targets: [replica-2]", "target: replica-2", 10, "faults[1].target"),
        ("{rate: 4}", "{rate: .nan}", 13, "loads[0].rate"),
        ("shape: step", "shape: stairs", 14, "loads[1].shape"),
        ("targets: [head, replica-1]\n", "", 5, "faults[0]"),
    ],
)
def test_an_error_names_line_and_field(tmp_path: Path, old: str, new: str, line: int, field: str) -> None:
    said = refused(tmp_path, GOOD.replace(old, new))
    assert f"plan.yaml, line {line}, field {field}: " in said
    assert "input should" not in said.lower()


def test_what_is_no_yaml_is_named_by_its_line(tmp_path: Path) -> None:
    assert "line 3, column 1" in refused(tmp_path, "title: x\nfaults: [\n")
    assert "is empty" in refused(tmp_path, "")
    assert "given twice" in refused(tmp_path, "title: a\ntitle: b\n")


def test_hostile_files_are_refused_before_they_are_expanded(tmp_path: Path) -> None:
    assert "aliases" in refused(tmp_path, "a: &a [x]\nb: [*a, *a]\n")
    assert "larger than" in refused(tmp_path, "#" * (LARGEST + 1))
    assert "nested" in refused(tmp_path, "a: " + "[" * 30 + "]" * 30)
    assert "nested" in refused(tmp_path, "a: " + "[" * 60000)
    assert refused(tmp_path, "a: !!python/object/apply:os.system [ls]\n")


@given(st.text(max_size=200))
def test_any_text_is_a_plan_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        plans.read(str(path))
    except FaultError as error:
        assert "\n" not in str(error)
