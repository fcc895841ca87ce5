"""What a failed expectation says."""

from __future__ import annotations

import pytest

from agent.expectations import Difference, ExpectationError, expect
from agent.expectations.error import Miss, described
from tests.expectations.agents import TRIGGER, an_agent, measure_conversion, register_source, register_trigger

SOON = 0.05


@pytest.mark.parametrize(
    ("noun", "members", "count", "text"),
    [
        ("source", {}, None, "a source"),
        ("event", {}, None, "an event"),
        ("source", {"event_id": 1}, 1, "1 source with event_id 1"),
        (
            "report",
            {"kind": "event-level", "to": "https://a.test"},
            2,
            "2 reports with kind event-level and to https://a.test",
        ),
        ("report", {"a": 1, "b": None, "c": True}, 0, "no reports with a 1, b None and c True"),
    ],
)
def test_what_was_expected_is_a_sentence(noun: str, members: dict[str, object], count: int | None, text: str) -> None:
    assert described(noun, members, count) == text


def test_the_headline_names_the_nearest_and_what_differs() -> None:
    differences = (Difference("destination", "https://shop.test", "https://other.test"), Difference("priority", 1, 0))
    error = ExpectationError(Miss("a source", nearest="the source of https://adtech.test", differences=differences))
    assert error.headline == (
        "expected a source, nearest was the source of https://adtech.test (destination, priority differ)"
    )
    assert str(error).splitlines()[1:] == [
        "  destination  is https://other.test, wanted https://shop.test",
        "  priority     is 0, wanted 1",
    ]


async def test_the_text_ends_with_the_explanation_of_the_nearest() -> None:
    async with an_agent() as agent:
        await register_source(agent, filter_data={"campaign": ["21"]})
        await register_trigger(agent, **TRIGGER, filters={"campaign": ["12"]})
        with pytest.raises(ExpectationError) as failed:
            await expect(agent).to_have_trigger(verdict="stored", timeout=SOON)
        text = str(failed.value)
        assert failed.value.headline.endswith("(verdict differs)")
        assert "verdict  is trigger-no-matching-filter-data, wanted stored" in text
        assert failed.value.explanation is not None
        (check,) = [one for one in failed.value.explanation.checks if not one.passed]
        assert check.rule == "filters"
        assert text.index("verdict  is") < text.index("FAIL  filters") < text.index("stops here")


async def test_a_report_that_nothing_made_is_told_by_the_decision_that_made_none() -> None:
    async with an_agent() as agent:
        await measure_conversion(agent)
        await register_trigger(agent)
        with pytest.raises(ExpectationError) as failed:
            await expect(agent).to_have_report(kind="event-level", timeout=SOON)
        assert "there is none; the last decision was" in failed.value.headline
        assert failed.value.explanation is not None
        assert failed.value.explanation.verdict == "trigger-no-matching-source"


async def test_a_report_that_is_not_due_says_when_it_is() -> None:
    async with an_agent() as agent:
        await register_source(agent)
        await register_trigger(agent)
        with pytest.raises(ExpectationError, match="it is due at 2026-01-07T09:00:00") as failed:
            await expect(agent).to_have_report(kind="event-level", timeout=SOON)
        assert failed.value.differences[0].member == "state"


async def test_where_there_is_nothing_at_all_it_says_so() -> None:
    async with an_agent() as agent:
        with pytest.raises(ExpectationError, match=r"^expected an impression, there is no impression at all"):
            await expect(agent).to_have_impression(timeout=SOON)


async def test_it_says_where_the_clock_went() -> None:
    async with an_agent() as agent:
        with pytest.raises(ExpectationError, match=r"from 2026-01-05T09:00:00.* to 2026-01-06T09:00:00"):
            await expect(agent).to_have_source(timeout=SOON, advance="1d")
