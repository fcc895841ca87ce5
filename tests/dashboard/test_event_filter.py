from __future__ import annotations

import pytest

from agent.dashboard.event_filter import EventFilter, read_filter
from agent.model.errors import UsageError


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", EventFilter()),
        ("site:shop.test", EventFilter(site="shop.test")),
        ("kind:trigger  verdict:success", EventFilter(kind="trigger", failed=False)),
        ("verdict:failure", EventFilter(failed=True)),
        ("verdict:source-noised", EventFilter(verdict="source-noised")),
        ("budget site:news", EventFilter(site="news", words=["budget"])),
        ('"two words" one', EventFilter(words=["two words", "one"])),
        ("https://shop.test unknown:term site:", EventFilter(words=["https://shop.test", "unknown:term", "site:"])),
        ("site:a:b", EventFilter(site="a:b")),
    ],
)
def test_terms_and_words(text: str, wanted: EventFilter) -> None:
    assert read_filter(text) == wanted


@pytest.mark.parametrize(
    ("text", "what"), [('"open', "a quote is not closed"), ("site:a site:b", "site: is there twice")]
)
def test_what_cannot_be_meant_is_refused(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        read_filter(text)
