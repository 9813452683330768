"""YAML is read as plain data, with the same limits with and without libyaml."""

from __future__ import annotations

import pytest
import yaml

from cluster.deployment import DeploymentError
from cluster.endpoints.addresses import LARGEST_FILE, parse_file
from cluster.text import yaml_data

GROUPS = """
- targets: ['10.0.0.1:8000', "10.0.0.2:8000"]
  labels: &common {zone: 010, on: yes, version: 1.10, day: 2026-01-01, "": null}
- targets: [10.0.0.3:8000]
  labels: *common
"""


@pytest.fixture(params=[True, False], ids=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", request.param and yaml.__with_libyaml__)


@pytest.mark.usefixtures("parser")
def test_both_parsers_read_the_same() -> None:
    assert yaml_data.load(GROUPS) == yaml.safe_load(GROUPS)
    as_texts = yaml_data.load(GROUPS.encode(), texts=True)
    assert as_texts == yaml.load(GROUPS, Loader=yaml.BaseLoader)
    assert as_texts[0]["labels"]["zone"] == "010" and as_texts[1]["labels"]["version"] == "1.10"
    assert yaml_data.load("") is None


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("text", ["[" * 3000 + "]" * 3000, "- " * 3000, "{a: " * 3000 + "}" * 3000, "? " * 3000])
def test_what_is_nested_too_deep_is_refused(text: str) -> None:
    with pytest.raises((RecursionError, yaml.YAMLError)):
        yaml_data.load(text)


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML without libyaml")
def test_a_file_of_brackets_never_reaches_the_stack_of_c() -> None:
    with pytest.raises(RecursionError):
        yaml_data.load("[" * LARGEST_FILE)
    with pytest.raises(DeploymentError, match=r"sd\.yaml is not YAML"):
        parse_file(b"[" * LARGEST_FILE, "sd.yaml")


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("text", ["!!python/object/apply:os.getcwd []", "!!python/name:os.getcwd", "a: b: c", "\x01"])
def test_objects_and_what_is_no_yaml_are_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        yaml_data.load(text)
