"""Selectors as Playwright's recorder tells them, in a journey's words."""

from __future__ import annotations

from typing import Any

import pytest

from agent.journeys.scripted.selectors import locator_of


@pytest.mark.parametrize(
    ("selector", "locator"),
    [
        ('internal:role=link[name="Summer sale"i]', {"role": "link", "name": "Summer sale"}),
        ('internal:role=link[name="Sale"s]', {"role": "link", "name": "Sale", "exact": True}),
        ("internal:role=main", {"role": "main"}),
        ('internal:text="Buy \\"now\\""i', {"text": 'Buy "now"'}),
        ('internal:label="Mail"i', {"label": "Mail"}),
        ('internal:testid=[data-testid="buy-now"s]', {"testid": "buy-now"}),
        ('[data-testid="ad-frame"]', {"testid": "ad-frame"}),
        ('internal:attr=[placeholder="Search"i]', {"css": '[placeholder*="Search" i]'}),
        ("#cart > button", {"css": "#cart > button"}),
        ('internal:text="More"i >> nth=1', {"text": "More", "nth": 2}),
        (
            'iframe[src="https://adtech.test/frame/1"] >> internal:control=enter-frame >> internal:text="a >> b"i',
            {"text": "a >> b", "frame": {"css": 'iframe[src="https://adtech.test/frame/1"]'}},
        ),
    ],
)
def test_a_selector_is_told_in_words(selector: str, locator: dict[str, Any]) -> None:
    assert locator_of(selector) == locator


@pytest.mark.parametrize(
    "selector", ["internal:has-text=/x/", 'div >> internal:text="x"i', "internal:control=enter-frame"]
)
def test_what_a_journey_has_no_words_for_is_none(selector: str) -> None:
    assert locator_of(selector) is None


def test_a_selector_full_of_quotes_and_lines_is_read_at_once() -> None:
    selector = 'a[title="' + '"x"' * 2_000 + "\n\n" + '"]'
    assert locator_of(selector) == {"css": selector}
