"""A value is the same after it was a text, whatever a page put into it."""

from __future__ import annotations

from typing import Any

import pytest

from storage import json_texts

VALUES = [
    {"who": None, "yes": True, "list": [[], {}, "é\U0001f600"], "nested": {"é": 1.5}},
    [2**64 - 1, -(2**63), 0],
    'a\0b\u2028"\\',
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    assert json_texts.loads(json_texts.dumps(value)) == value


def test_lone_surrogates_are_kept_in_a_text_without_any() -> None:
    value = {"ad": ["a\ud800b", 2**64 - 1]}
    text = json_texts.dumps(value)
    assert text.encode()
    assert json_texts.loads(text) == value


def test_tuples_are_lists_and_an_infinite_number_is_null() -> None:
    assert json_texts.loads(json_texts.dumps((1, float("inf")))) == [1, None]


@pytest.mark.parametrize("value", [2**64, {"deep": [-(2**63) - 1]}, object()])
def test_what_would_not_be_read_back_as_it_was_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        json_texts.dumps(value)
