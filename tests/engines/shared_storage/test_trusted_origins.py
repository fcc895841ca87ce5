"""Section 4 of the digest: who may use the data of an origin that is neither the document's nor the script's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.engines.shared_storage.trusted_origins import refusal, unreadable

DATA, SCRIPT, CONTEXT = "https://data.test", "https://script.test/dir/w.js", "https://page.test"
DENIED = (
    "Access of data from https://data.test by a worklet script at https://script.test/dir/w.js invoked by"
    " https://page.test has not been allowed."
)


def judged(entries: Any) -> str | None:
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return refusal(text, data_origin=DATA, script_url=SCRIPT, context_origin=CONTEXT)


def entry(script: Any, context: Any) -> dict[str, Any]:
    return {"scriptOrigin": script, "contextOrigin": context}


@pytest.mark.parametrize(
    "entries",
    [
        [entry("https://script.test", "https://page.test")],
        [entry("https://SCRIPT.test:443/", "https://page.test/path")],
        [entry("*", "*")],
        [entry(["https://other.test", "https://script.test"], ["*"])],
        [entry("https://other.test", "*"), entry("*", "https://page.test")],
        [{**entry("*", "*"), "unknown": 1}],
    ],
)
def test_one_entry_that_names_script_and_document_allows(entries: Any) -> None:
    assert judged(entries) is None


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [entry("https://script.test", "https://other.test"), entry("https://other.test", "https://page.test")],
        [entry("http://script.test", "*")],
        [entry("https://script.test:8443", "*")],
        [entry("script.test", "*")],
        [entry([], "*")],
        [entry("*", "null")],
    ],
)
def test_without_such_an_entry_access_is_not_allowed(entries: Any) -> None:
    assert judged(entries) == DENIED


def test_an_opaque_origin_is_named_by_the_star_alone() -> None:
    text = json.dumps([entry("*", "null")]).encode()
    assert refusal(text, data_origin=DATA, script_url=SCRIPT, context_origin="null") is not None


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        (b"", "a JSON parsing error"),
        (b"[{]", "a JSON parsing error"),
        (b"\xff", "a JSON parsing error"),
        ({}, "the top-level value not being a list"),
        ("*", "the top-level value not being a list"),
        ([entry("*", "*"), "*"], "an entry not being a dictionary"),
        ([entry(5, "*")], 'an entry whose "scriptOrigin" is neither a string nor a list of strings'),
        ([{"scriptOrigin": "*"}], 'an entry whose "contextOrigin" is neither a string nor a list of strings'),
        ([entry("*", ["*", None])], 'an entry whose "contextOrigin" is neither a string nor a list of strings'),
    ],
)
def test_a_malformed_file_allows_nobody_and_says_why(entries: Any, why: str) -> None:
    message = (
        f"Unable to parse the /.well-known/shared-storage/trusted-origins file for https://data.test due to {why}."
    )
    assert judged(entries) == message


def test_the_message_of_a_file_that_cannot_be_read_is_chromiums() -> None:
    assert unreadable(DATA) == (
        "Unable to parse the /.well-known/shared-storage/trusted-origins file for https://data.test due to no response,"
        " an invalid response, or an unexpected mime type."
    )
