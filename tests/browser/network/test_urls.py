"""URLs as requests name them."""

from __future__ import annotations

import pytest

from agent.browser.network.urls import request_url, shown_url, url_key


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("x?q#f", "https://a.test/dir/x?q"),
        ("https://B.test:443", "https://b.test/"),
        ("//c.test/\u00e4", "https://c.test/%C3%A4"),
        ("https://", ""),
        ("https://a b/", ""),
    ],
)
def test_a_request_goes_to_the_url_without_its_fragment(text: str, url: str) -> None:
    assert request_url(text, "https://a.test/dir/page") == url


def test_a_short_url_is_its_own_key_and_a_long_one_has_a_short_key_of_its_own() -> None:
    long = [f"https://a.test/{'x' * 10_000}{number}" for number in range(2)]
    assert url_key("https://a.test/x") == "https://a.test/x"
    assert len({url_key(url) for url in long}) == 2
    assert max(len(url_key(url)) for url in long) <= 256


def test_events_show_the_beginning_of_a_long_url() -> None:
    assert shown_url("https://a.test/x") == "https://a.test/x"
    shown = shown_url(f"https://a.test/{'x' * 2_000_000}")
    assert shown.startswith("https://a.test/xxx")
    assert shown.endswith("x...")
    assert len(shown) < 2100
