"""Which answers to a worklet's request are its module script (shared-storage section 4)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agent.browser.worklet_responses import ScriptRequest, ScriptResponse, file_problem, script_problem

NEWS = "https://news.test"
ADTECH = "https://adtech.test"
DATA = "https://data.test"
SCRIPT = f"{ADTECH}/w.js"
FAILED = f"Failed to load {SCRIPT} error = net::ERR_FAILED."
JAVASCRIPT = {"content-type": "text/javascript"}
ANYONE = {"access-control-allow-origin": "*"}
ALLOWED = {"shared-storage-cross-origin-worklet-allowed": "?1"}


def _request(url: str = SCRIPT, data_origin: str = NEWS, credentials: str = "same-origin") -> ScriptRequest:
    return ScriptRequest(url, NEWS, data_origin, credentials)


def _answer(fields: Mapping[str, str], status: int = 200, text: str = "OK") -> ScriptResponse:
    return ScriptResponse(status, text, fields)


@pytest.mark.parametrize(
    ("mime", "is_script"),
    [
        ("text/javascript", True),
        ("Text/JavaScript; charset=latin1", True),
        ("application/x-javascript", True),
        ("text/javascript1.5", True),
        ("text/livescript", True),
        ("text/javascript1.6", False),
        ("application/json", False),
        ("text/plain", False),
        ("text/html", False),
        ("", False),
    ],
)
def test_a_script_has_a_javascript_mime_type(mime: str, is_script: bool) -> None:
    request = _request(f"{NEWS}/w.js")
    problem = script_problem(request, _answer({"content-type": mime}))
    assert problem == (None if is_script else f"Rejecting load of {NEWS}/w.js due to unexpected MIME type.")


@pytest.mark.parametrize(
    ("credentials", "fields", "passes"),
    [
        ("same-origin", {}, False),
        ("same-origin", ANYONE, True),
        ("omit", {"access-control-allow-origin": NEWS}, True),
        ("omit", {"access-control-allow-origin": "https://shop.test"}, False),
        ("omit", {"access-control-allow-origin": f"{NEWS}/"}, False),
        ("include", ANYONE, False),
        ("include", {"access-control-allow-origin": NEWS}, False),
        ("include", {"access-control-allow-origin": NEWS, "access-control-allow-credentials": "true"}, True),
        ("include", {"access-control-allow-origin": "*", "access-control-allow-credentials": "true"}, False),
    ],
)
def test_a_script_of_another_origin_passes_cors(credentials: str, fields: dict[str, str], passes: bool) -> None:
    problem = script_problem(_request(credentials=credentials), _answer(JAVASCRIPT | fields))
    assert problem == (None if passes else FAILED)


@pytest.mark.parametrize("value", ["?0", "1", "true", "(?1)", "", '"?1"'])
def test_data_of_the_scripts_origin_needs_that_origins_leave(value: str) -> None:
    request, fields = _request(data_origin=ADTECH), JAVASCRIPT | ANYONE
    assert script_problem(request, _answer(fields)) == FAILED
    assert script_problem(request, _answer(fields | {"shared-storage-cross-origin-worklet-allowed": value})) == FAILED
    assert script_problem(request, _answer(fields | ALLOWED)) is None
    assert script_problem(_request(data_origin=DATA), _answer(fields)) is None, "a custom data origin has its own file"


def test_a_failing_status_is_told_with_its_text_and_only_to_who_may_read_it() -> None:
    own, gone = f"{NEWS}/w.js#part", _answer({}, 404, "Not Found")
    assert script_problem(_request(own), gone) == f"Failed to load {own} HTTP status = 404 Not Found."
    assert script_problem(_request(), gone) == FAILED
    assert script_problem(_request(), ScriptResponse(net_error="net::ERR_TIMED_OUT")) == (
        f"Failed to load {SCRIPT} error = net::ERR_TIMED_OUT."
    )
    torn = ScriptResponse(200, "OK", JAVASCRIPT, b"", "net::ERR_CONNECTION_RESET")
    assert script_problem(_request(own), torn) == f"Failed to load {own} error = net::ERR_CONNECTION_RESET."
    assert script_problem(_request(), torn) == FAILED


JSON_FILE = {"content-type": "application/json", **ANYONE}


@pytest.mark.parametrize(
    ("response", "fails"),
    [
        (ScriptResponse(200, "OK", JSON_FILE, b"[]"), False),
        (ScriptResponse(200, "OK", JSON_FILE | {"content-type": "application/x+json; charset=utf-8"}), False),
        (ScriptResponse(200, "OK", JSON_FILE | {"access-control-allow-origin": NEWS}), False),
        (ScriptResponse(200, "OK", JSON_FILE | {"access-control-allow-origin": ADTECH}), True),
        (ScriptResponse(200, "OK", JSON_FILE | {"content-type": "text/plain"}), True),
        (ScriptResponse(404, "Not Found", JSON_FILE), True),
        (ScriptResponse(200, "OK", JSON_FILE, b" " * 8192), False),
        (ScriptResponse(200, "OK", JSON_FILE, b" " * 8193), True),
        (ScriptResponse(net_error="net::ERR_FAILED"), True),
        (ScriptResponse(200, "OK", JSON_FILE, b"[]", "net::ERR_CONNECTION_RESET"), True),
    ],
)
def test_a_trusted_origins_file_is_json_that_the_document_may_read(response: ScriptResponse, fails: bool) -> None:
    assert file_problem(response, NEWS, 8192) is fails
