"""The in-band token of requests that pages' script makes."""

from __future__ import annotations

import pytest

from agent.browser.network.headers import Headers
from agent.browser.request_tokens import TokenReader

ONE, TWO = "abcdefgh-_ABCD01", "0123456789abcdef"


@pytest.mark.parametrize(
    ("on_wire", "token", "restored"),
    [
        (f"*/*;tx={ONE}", ONE, "*/*"),
        (f"application/json, */*;tx={ONE}", ONE, "application/json"),
        (f"*/*;tx={ONE}, application/json", ONE, "application/json"),
        (f"text/html, */*;tx={ONE}, application/json;q=0.5", ONE, "text/html, application/json;q=0.5"),
        (f"*/*;tx={ONE}, */*;tx={TWO}", TWO, "*/*"),
        (f"text/html, */*;tx={ONE}, */*;tx={TWO}", TWO, "text/html"),
        ("*/*", "", "*/*"),
        ("*/*;tx=short", "", "*/*;tx=short"),
        (f"*/*;tx={ONE}more", "", f"*/*;tx={ONE}more"),
        (f"*/*;ty={ONE}", "", f"*/*;ty={ONE}"),
        (f"*/*;tx={ONE};q=0.1", "", f"*/*;tx={ONE};q=0.1"),
    ],
)
def test_tokens_are_taken_out_and_the_last_counts(on_wire: str, token: str, restored: str) -> None:
    headers = Headers([(b"Host", b"a.test"), (b"Accept", on_wire.encode()), (b"Sec-Fetch-Site", b"cross-site")])
    assert TokenReader("tx").take(headers) == token
    assert headers == [(b"Host", b"a.test"), (b"Accept", restored.encode()), (b"Sec-Fetch-Site", b"cross-site")]


def test_chromiums_own_accept_goes_back_to_its_place_and_the_pages_own_stays_in_its() -> None:
    own = [(b"Host", b"a.test"), (b"accept", f"*/*;tx={ONE}".encode()), (b"sec-ch-ua-mobile", b"?0")]
    behind = [(b"Origin", b"https://b.test"), (b"Sec-Fetch-Site", b"cross-site")]
    headers = Headers([*own, *behind])
    TokenReader("tx").take(headers)
    assert headers == [own[0], own[2], (b"Accept", b"*/*"), *behind]
    page = Headers([own[0], (b"accept", f"text/html, */*;tx={ONE}".encode()), own[2], *behind])
    TokenReader("tx").take(page)
    assert page == [own[0], (b"accept", b"text/html"), own[2], *behind]


def test_a_request_without_accept_has_none() -> None:
    assert TokenReader("tx").take(Headers([(b"Host", b"a.test")])) == ""
