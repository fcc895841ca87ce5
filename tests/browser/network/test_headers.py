from __future__ import annotations

from agent.browser.network.headers import Headers


def fields() -> Headers:
    return Headers([(b"Host", b"a"), (b"ACCEPT", b"1"), (b"x-y", b"2"), (b"Accept", b"3")])


def test_names_are_found_without_regard_to_case() -> None:
    assert fields().get(b"accept") == b"1"
    assert fields().get_all(b"Accept") == [b"1", b"3"]
    assert fields().get(b"absent") is None


def test_put_keeps_the_place_of_the_first_and_drops_the_others() -> None:
    headers = fields()
    headers.put(b"Accept", b"*/*")
    assert headers == [(b"Host", b"a"), (b"Accept", b"*/*"), (b"x-y", b"2")]


def test_put_appends_what_is_absent() -> None:
    headers = fields()
    headers.put(b"New", b"n")
    assert headers[-1] == (b"New", b"n")
    assert len(headers) == 5


def test_drop_takes_every_repetition() -> None:
    headers = fields()
    headers.drop(b"accept")
    assert headers == [(b"Host", b"a"), (b"x-y", b"2")]


def test_tokens_are_split_at_commas_and_lowered() -> None:
    headers = Headers([(b"Connection", b"Keep-Alive, Upgrade"), (b"connection", b"X")])
    assert headers.tokens(b"connection") == {b"keep-alive", b"upgrade", b"x"}
