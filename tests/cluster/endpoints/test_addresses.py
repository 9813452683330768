"""URLs and files of file_sd: what is read, and that no input does more than raise one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster import secrets
from cluster.deployment import DeploymentError
from cluster.endpoints import addresses
from cluster.endpoints import settings as logins
from cluster.endpoints.addresses import LARGEST_FILE, MOST_TARGETS, parse_file, shown, targets
from cluster.endpoints.deployment import _listed
from cluster.endpoints.watched import Watched

TOKEN = "3f2a9c1be07d55aa68f1"
HOSTS = st.from_regex(r"[a-z][a-z0-9-]{0,20}:[1-9][0-9]{0,3}", fullmatch=True)
LABELS = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True),
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"])),
    max_size=5,
)
GROUPS = st.lists(st.fixed_dictionaries({"targets": st.lists(HOSTS, max_size=4), "labels": LABELS}), max_size=4)


@settings(max_examples=30)  # YAML in Python alone is slow
@given(GROUPS, st.booleans())
def test_a_file_reads_as_it_was_written(groups: list[dict[str, object]], as_json: bool) -> None:
    text = json.dumps(groups) if as_json else yaml.safe_dump(groups)
    found = parse_file(text.encode(), "file", as_json)
    assert [(t.address, dict(t.labels)) for t in found] == [(a, g["labels"]) for g in groups for a in g["targets"]]  # type: ignore[attr-defined]


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))))
def test_no_bytes_do_more_than_a_sentence(content: bytes) -> None:
    for as_json in (False, True):
        try:
            parse_file(content, "file", as_json)
        except DeploymentError as error:
            assert "file" in str(error)
            assert "\n" not in str(error)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda v: st.lists(v) | st.dictionaries(st.text(max_size=9), v)
    )
)
def test_no_document_does_more_than_a_sentence(value: object) -> None:
    for document in (value, [value], [{"targets": value}], [{"targets": ["a:1"], "labels": value}]):
        try:
            parse_file(json.dumps(document).encode(), "file", as_json=True)
        except DeploymentError:
            continue


@given(st.text(max_size=200))
def test_no_source_does_more_than_a_sentence(source: str) -> None:
    try:
        targets([f"http://{source}"])
    except DeploymentError as error:
        assert "--targets" in str(error)


def test_labels_set_scheme_path_and_query() -> None:
    labels = {"__scheme__": "https", "__metrics_path__": "/m", "__param_key": "value-of-key", "role": "gateway"}
    (found,) = parse_file(json.dumps([{"targets": ["h"], "labels": labels}]).encode(), "f", as_json=True)
    assert (found.address, found.url) == ("h:443", "https://h:443/m")
    assert found.params == (("key", "value-of-key"),)
    assert dict(found.labels) == {"role": "gateway"}


@pytest.mark.parametrize(
    ("url", "scraped"),
    [
        ("http://h:8000", "http://h:8000/metrics"),
        ("http://h/metrics", "http://h:80/metrics"),
        ("https://[::1]/m", "https://[::1]:443/m"),
        ("http://h:1/metrics/", "http://h:1/metrics"),
    ],
)
def test_urls(url: str, scraped: str) -> None:
    assert targets([url])[0].url == scraped


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/x",
        "file:///etc/passwd",
        "http://",
        "http://h:99999",
        "http://h x/",
        "http://[::1",
        "javascript:x",
        "http://h:1/?" + "a=1&" * 65,
        "~nobody-of-this-name/targets.json",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(DeploymentError, match="--targets"):
        targets([url])


def test_a_secret_of_a_url_is_scraped_with_and_never_shown(tmp_path: Path) -> None:
    url = "http://user:hunter2secret@h:1/metrics?token=tokensecret"
    (found,) = targets([url])
    assert found.auth == ("user", "hunter2secret")
    for text in (shown(url), Watched((url,)).name, found.url, found.shown):
        assert "secret" not in text
    with pytest.raises(DeploymentError) as caught:
        targets(["ftp://user:hunter2secret@h:1/metrics?token=tokensecret"])
    assert "secret" not in str(caught.value)
    with pytest.raises(DeploymentError) as caught:
        parse_file(b'[{"targets": ["user:hunter2secret@h:1/x"]}]', "f", as_json=True)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("named", ["url", "file"])
def test_a_token_in_a_path_is_scraped_with_and_neither_shown_nor_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setattr(secrets, "_held", {})
    source = f"http://h:1/metrics/{TOKEN}?token=a"
    if named == "file":
        source = str(tmp_path / "targets.json")
        labels = {"__metrics_path__": f"/metrics/{TOKEN}", "__param_token": "a"}
        Path(source).write_text(json.dumps([{"targets": ["h:1"], "labels": labels}]))
    (target,) = targets([source])
    assert (target.path, target.params) == (f"/metrics/{TOKEN}", (("token", "a"),))
    topology = repr(_listed(Watched((source,)))[1].topology)
    assert "/metrics/…" in topology and TOKEN not in topology + Watched((source,)).name
    assert secrets.hide(f"the server said /metrics/{TOKEN} and {TOKEN}") == "the server said [secret] and [secret]"


def test_the_words_of_usual_urls_are_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_held", {})
    urls = [f"http://prometheus:hunter2pass@ingress/replica-{i}/metrics?format=prometheus" for i in range(3)]
    urls += ["http://h/vllm-6d4f8b9c7d-x2x9z/metrics", "http://h/Meta-Llama-3.1-70B-Instruct/metrics/cadvisor"]
    assert [target.shown for target in targets(urls)] == [target.url for target in targets(urls)]
    said = "replica-1 and replica-10 of prometheus: vllm-6d4f8b9c7d-x2x9z, cadvisor"
    assert secrets.hide(said) == said


def test_merge_keys_of_yaml_are_read_as_prometheus_reads_them() -> None:
    text = """
- &first
  targets: ["a:1"]
  labels: &common {team: x, role: replica, __metrics_path__: /stats}
- {<<: *first, targets: ["b:2"]}
- targets: ["c:3"]
  labels: {<<: [{zone: "1"}, *common, {zone: "2"}], team: y}
"""
    found = parse_file(text.encode(), "f")
    assert [(one.address, one.path, dict(one.labels)) for one in found] == [
        ("a:1", "/stats", {"team": "x", "role": "replica"}),
        ("b:2", "/stats", {"team": "x", "role": "replica"}),
        ("c:3", "/stats", {"team": "y", "role": "replica", "zone": "1"}),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "- {<<: 3, targets: ['a:1']}",
        "- {<<: [x], targets: ['a:1']}",
        "- &a {<<: *a, targets: ['a:1']}",
        "- &a {targets: ['a:1'], labels: {<<: *a}}",
        "- {targets: ['a:1'], labels: {<<: {" + ", ".join(f"l{n}: x" for n in range(80)) + "}}}",
        "- &b0 {targets: ['a:1']}\n" + "".join(f"- &b{n + 1} {{<<: [*b{n}, *b{n}], x: y}}\n" for n in range(60)),
    ],
)
def test_merge_keys_that_make_no_sense_or_no_end_are_refused(text: str) -> None:
    with pytest.raises(DeploymentError, match="--targets f"):
        parse_file(text.encode(), "f")


def test_merge_keys_take_no_longer_than_the_file() -> None:
    text = "- &b0 {targets: []}\n" + "".join(f"- &b{n + 1} {{<<: [*b{n}, *b{n}, *b{n}]}}\n" for n in range(19))
    text += "- {<<: *b19}\n" * 1000
    assert parse_file(text.encode(), "f") == []


def test_budgets(tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    file.write_text("[" + " " * LARGEST_FILE + "]")
    with pytest.raises(DeploymentError, match="larger than"):
        targets([str(file)])
    many = [{"targets": [f"h:{number}" for number in range(1, MOST_TARGETS + 2)]}]
    with pytest.raises(DeploymentError, match="more than 1000"):
        parse_file(json.dumps(many).encode(), "f", as_json=True)
    with pytest.raises(DeploymentError, match="neither a URL nor a file"):
        targets([str(tmp_path / "none.yml")])
    with pytest.raises(DeploymentError, match="names no target"):
        file.write_text("[]")
        targets([str(file)])
    with pytest.raises(DeploymentError, match="is not JSON"):
        parse_file(b"[" * 100_000, "f", as_json=True)


def test_yaml_makes_no_objects() -> None:
    (found,) = parse_file(b"- targets: !!python/object/apply:os.system [h]", "f")
    assert found.address == "h:80"


def test_a_target_that_is_named_twice_is_scraped_once() -> None:
    assert len(addresses.targets(["http://h:1", "http://h:1/metrics"])) == 1


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('[prometheus."http://p:9090"]\nscrape = 900\n', "endpoints.toml: scrape: must be at most 300"),
        ('[prometheus."http://p:9090"]\nscrape = "x"\n', "endpoints.toml: scrape: must be a number"),
        ('[prometheus."http://p:9090"]\nurls = 1\n', "endpoints.toml: urls: there is no such field"),
    ],
)
def test_a_wrong_setting_of_a_login_is_told_in_plain_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, says: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    logins.path().parent.mkdir(parents=True, exist_ok=True)
    logins.path().write_text(table)
    with pytest.raises(DeploymentError, match=says):
        logins.stored("http://p:9090")
