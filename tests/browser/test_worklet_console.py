"""What a worklet's console was given, as text."""

from __future__ import annotations

from typing import Any

import pytest

from agent.browser.worklet_console import logged_call, uncaught_exception


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"type": "string", "value": "a b"}, "a b"),
        ({"type": "number", "value": 1.5, "description": "1.5"}, "1.5"),
        ({"type": "number", "unserializableValue": "-0", "description": "-0"}, "-0"),
        ({"type": "bigint", "unserializableValue": "7n", "description": "7n"}, "7n"),
        ({"type": "boolean", "value": True}, "true"),
        ({"type": "undefined"}, "undefined"),
        ({"type": "object", "subtype": "null", "value": None}, "null"),
        ({"type": "symbol", "description": "Symbol(s)"}, "Symbol(s)"),
        ({"type": "object", "subtype": "error", "description": "Error: x\n    at y"}, "Error: x\n    at y"),
        ({"type": "function", "description": "() => 1"}, "() => 1"),
    ],
)
def test_a_value_is_shown_as_developers_know_it(value: dict[str, Any], text: str) -> None:
    assert logged_call({"type": "log", "args": [value]}) == ("log", text)


@pytest.mark.parametrize(
    ("type_", "method"),
    [("warning", "warn"), ("assert", "error"), ("count", "log"), ("timeEnd", "log"), ("clear", "log"), ("dir", "dir")],
)
def test_the_pages_console_shows_a_call_and_does_no_more(type_: str, method: str) -> None:
    assert logged_call({"type": type_, "args": [{"type": "string", "value": "x"}]}) == (method, "x")


def test_objects_are_shown_by_their_first_properties() -> None:
    properties = [{"name": "a", "type": "number", "value": "1"}, {"name": "b", "type": "accessor"}]
    shown = {"type": "object", "preview": {"description": "Object", "overflow": True, "properties": properties}}
    array = {"description": "Array(1)", "subtype": "array", "overflow": False, "properties": properties[:1]}
    shown_array = {"type": "object", "subtype": "array", "preview": array}
    call = {"type": "warning", "args": [shown, shown_array]}
    assert logged_call(call) == ("warn", "{a: 1, b: accessor, …} Array(1) [1]")


def test_a_long_text_is_cut() -> None:
    assert len(logged_call({"type": "log", "args": [{"type": "string", "value": "x" * 20_000}]})[1]) == 10_000


def test_an_uncaught_exception_has_its_stack() -> None:
    thrown = {"type": "object", "subtype": "error", "description": "Error: x\n    at y"}
    assert uncaught_exception({"text": "Uncaught (in promise)", "exception": thrown}) == (
        "Uncaught (in promise) Error: x\n    at y"
    )
    assert uncaught_exception({"text": "Uncaught"}) == "Uncaught"
