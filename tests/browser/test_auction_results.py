"""What is made of the answers of an auction's realm; the words are Chromium 143's."""

from __future__ import annotations

from typing import Any

import pytest

from agent.browser.auction_results import uncaught

URL = "https://buyer.test/bid.js"


def thrown(exception: dict[str, Any], *frames: tuple[str, int], line: int = 0) -> dict[str, Any]:
    """An evaluation's answer; lines are counted from 0."""
    trace = {"callFrames": [{"url": url, "lineNumber": number} for url, number in frames]}
    return {"exceptionDetails": {"lineNumber": line, "stackTrace": trace, "exception": exception}}


ERROR = {"type": "object", "subtype": "error", "description": "TypeError: no\n    at generateBid (https://x.test/:1:1)"}


def test_an_evaluation_that_came_to_its_end_has_no_failure() -> None:
    assert uncaught({"result": {"type": "undefined"}}, URL, "top-level execution") is None


def test_an_error_of_the_protocol_means_that_time_ran_out() -> None:
    stopped = {"error": {"code": -32000, "message": "Execution was terminated"}}
    assert uncaught(stopped, URL, "execution of `scoreAd`") == f"{URL} execution of `scoreAd` timed out."


def test_the_line_is_that_of_the_scripts_innermost_frame() -> None:
    answer = thrown(ERROR, ("blob:host", 900), (URL, 4), (URL, 7), line=900)
    assert uncaught(answer, URL, "") == f"{URL}:5 Uncaught TypeError: no."


def test_without_frames_it_is_the_line_that_threw() -> None:
    assert uncaught(thrown(ERROR, line=2), URL, "") == f"{URL}:3 Uncaught TypeError: no."


@pytest.mark.parametrize(
    ("exception", "text"),
    [
        ({"type": "string", "value": "text"}, "text"),
        ({"type": "number", "value": 5, "description": "5"}, "5"),
        ({"type": "undefined"}, "undefined"),
        ({"type": "object", "subtype": "null", "value": None}, "null"),
        ({"type": "object", "className": "Object", "description": "Object"}, "#<Object>"),
        ({"type": "symbol", "description": "Symbol(s)"}, "Symbol(s)"),
    ],
)
def test_what_is_no_error_is_told_as_v8_tells_it(exception: dict[str, Any], text: str) -> None:
    assert uncaught(thrown(exception), URL, "") == f"{URL}:1 Uncaught {text}."
