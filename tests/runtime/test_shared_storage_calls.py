"""What pages say of Shared Storage is read as typed words, and shown cut."""

from __future__ import annotations

from typing import Any

import pytest

from agent.model.private_aggregation import PrivateAggregationConfig
from agent.model.shared_storage import AppendMethod, ClearMethod, DeleteMethod, SetMethod
from agent.runtime.shared_storage_calls import Update, read_config, read_update, shown, well_formed


def test_every_kind_of_write_is_read() -> None:
    methods: list[dict[str, Any]] = [
        {"op": "set", "key": "a", "value": "1", "ignoreIfPresent": True},
        {"op": "set", "key": "a", "value": "1"},
        {"op": "append", "key": "b", "value": "2"},
        {"op": "delete", "key": "c"},
        {"op": "clear"},
    ]
    assert read_update({"methods": methods, "lock": "l", "batch": True}) == Update(
        (
            SetMethod("a", "1", ignore_if_present=True),
            SetMethod("a", "1"),
            AppendMethod("b", "2"),
            DeleteMethod("c"),
            ClearMethod(),
        ),
        "l",
        batch=True,
    )


@pytest.mark.parametrize("method", [{"op": "get", "key": "a"}, {"op": "set", "key": "a"}, {"op": "delete", "key": 1}])
def test_what_is_no_write_is_refused(method: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is no method"):
        read_update({"methods": [method], "lock": None, "batch": False})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("\ud800", "\ufffd"),
        ("a\udc00b", "a\ufffdb"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("é\U0001f600", "é\U0001f600"),
    ],
)
def test_lone_surrogates_are_replaced_and_pairs_are_kept(text: str, expected: str) -> None:
    assert well_formed(text) == expected


def test_a_configuration_is_read() -> None:
    said = {
        "contextId": "c",
        "filteringIdMaxBytes": 2,
        "aggregationCoordinatorOrigin": "https://coordinator.test",
        "maxContributions": 5,
    }
    assert read_config(said) == PrivateAggregationConfig("c", 2, "https://coordinator.test", 5)


def test_what_a_page_chose_is_shown_cut_and_on_one_line() -> None:
    assert shown("a\nb\x1b[31m") == "a b [31m"
    assert len(shown("x" * 5000)) == 201
