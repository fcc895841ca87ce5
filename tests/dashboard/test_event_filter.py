from __future__ import annotations

import pytest

from agent.dashboard.event_filter import read_filter
from agent.model.errors import UsageError
from agent.model.event_filter import EventFilter
from tests.dashboard.conftest import Dashboard, register


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", EventFilter()),
        ("site:shop.test", EventFilter(site="shop.test")),
        ("kind:trigger  verdict:success", EventFilter(kind="trigger", failed=False)),
        ("verdict:failure", EventFilter(failed=True)),
        ("verdict:source-noised", EventFilter(verdict="source-noised")),
        ("verdict:refused verdict:failure", EventFilter(verdict="refused", failed=True)),
        ("budget site:news", EventFilter(site="news", words=("budget",))),
        (
            '"two words" one',
            EventFilter(
                words=(
                    "two words",
                    "one",
                )
            ),
        ),
        (
            "https://shop.test unknown:term site:",
            EventFilter(
                words=(
                    "https://shop.test",
                    "unknown:term",
                    "site:",
                )
            ),
        ),
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


async def test_a_filter_as_large_as_it_can_be_is_answered(dashboard: Dashboard) -> None:
    """Larger ones meet SQLite's own bounds: the length of a pattern, the depth of an expression."""
    await register(dashboard.agent)
    for text in ("%" * 1_000, "a " * 20):
        assert (await dashboard.ask("GET", "/timeline.json", params={"filter": text})).status == 200
    for text in ("%" * 60_000, "a " * 1_000):
        for path in ("/timeline", "/timeline.json", "/api/v1/events"):
            assert (await dashboard.ask("GET", path, params={"filter": text})).status == 400
