"""Masking of log lines, hostile ones too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.incident import tiny
from methods.telemetry import log_templates
from methods.telemetry.log_templates import LONGEST, OTHER, count_by_bucket, parse, template_of


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ("request 17 failed: deadline 30s exceeded", "request <*> failed: deadline <*> exceeded"),
        ("GET /a/12 200 0.03 1.2.3.4:80", "GET <*>"),
        ('{"took": 1.5, "id": "ab12"}', '{"took": <*>, "id": "<*>"}'),
        ("no numbers here", "no numbers here"),
        ("", ""),
    ],
)
def test_words_with_digits_are_masked(message: str, template: str) -> None:
    assert template_of(message) == template


@pytest.mark.slow
@given(st.text(max_size=1000))
def test_any_text_has_a_short_template_that_is_its_own_template(text: str) -> None:
    template = template_of(text)
    assert len(template) <= 3 * LONGEST
    assert "\n" not in template
    assert template_of(template)[: LONGEST // 2] == template[: LONGEST // 2]


def test_trouble_is_a_severity_or_a_word() -> None:
    messages = [("INFO", "request failed"), ("ERROR", "bye"), ("INFO", "terror of failsafe"), ("", "read timed out")]
    table = parse(tiny.incident(logs=[(1000.0 + i, "a", *m) for i, m in enumerate(messages)]))
    assert table is not None
    assert table.trouble.tolist() == [True, True, False, True]


def test_rare_templates_share_one_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_templates, "MOST", 2)
    messages = ["often"] * 3 + ["twice"] * 2 + ["once", "seldom"]
    table = parse(tiny.incident(logs=[(1000.0 + i, "a", "INFO", m) for i, m in enumerate(messages)]))
    assert table is not None
    assert table.templates == ("often", "twice", OTHER)
    assert table.template.tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_a_bucket_without_any_event_is_a_gap_not_silence() -> None:
    counts = count_by_bucket(np.array([0.0, 1.0, 12.0]), np.array([0, 1, 0]), 2, np.array([0.0, 5.0, 10.0, 15.0]))
    np.testing.assert_equal(counts, [[1, 1], [np.nan, np.nan], [1, 0]])
