from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest

from cluster.prometheus.matrix import columns


def body(*series: list[list[object]], label: str = "pod-1") -> bytes:
    result = [{"metric": {"pod": label}, "values": values} for values in series]
    answer = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    return json.dumps(answer, separators=(",", ":")).encode()


def test_values_are_those_that_a_json_parser_finds() -> None:
    texts = ["0.1", "1e-300", "-1.7976931348623157e+308", "NaN", "+Inf", "-Inf", "3", "0.30000000000000004"]
    values: list[list[object]] = [[1_700_000_000 + i / 8, text] for i, text in enumerate(texts)]
    found = columns(body(values, values[:1]))
    assert found is not None
    answer, arrays = found
    assert [item["values"] for item in answer["data"]["result"]] == [0, 1]
    np.testing.assert_array_equal(arrays[0], [[float(str(time)), float(str(text))] for time, text in values])
    assert arrays[1].shape == (1, 2)


@pytest.mark.parametrize(
    "odd",
    [
        body([]),
        body([[1, "2"], [1, 2]]),
        body([[1, "2", 3]]),
        body([["1", "2"]]),
        body([[1, ""]]),
        body([[1, "1.2.3"]]),
        body([[1, "x]],[["]]),
        body([[1, "2"]]).replace(b",", b", "),
        body([[1, "2"]])[:-9],
        body([[1, "2"]]).replace(b"]}", b'],"values":0}'),
        b"not JSON",
    ],
)
@pytest.mark.filterwarnings("ignore:string or file could not be read:DeprecationWarning")
def test_what_is_written_in_another_way_is_left_to_a_json_parser(odd: bytes) -> None:
    found = columns(odd)
    assert found is None


def test_a_label_that_quotes_samples_is_no_list_of_samples() -> None:
    quoting = body([[1, "2"]], label='"values":[[1,"2"]]')
    found = columns(quoting)
    assert found is not None
    answer, arrays = found
    assert answer["data"]["result"][0]["metric"] == json.loads(quoting)["data"]["result"][0]["metric"]
    assert len(arrays) == 1


def test_a_sample_takes_no_python_object() -> None:
    """What is allocated at most is a few copies of one series and the arrays: 16 bytes a sample."""
    values: list[list[object]] = [[1_700_000_000 + i, "0.123456789"] for i in range(300)]
    text = body(*[values] * 100)
    columns(text)
    tracemalloc.start()
    try:
        found = columns(text)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found is not None
    assert most / (300 * 100) < 24
