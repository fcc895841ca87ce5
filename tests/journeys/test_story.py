from __future__ import annotations

import json
from typing import Any

import pytest

from agent.journeys.story import Mismatch, StoryError, read_config, run_story

CONFIG: dict[str, Any] = {
    "$comment": "ours",
    "aggregationServices": {"https://agg.test": "dap-18-histogram"},
    "epochStart": 0.5,
    "fairlyAllocateCreditFraction": 0.5,
    "maxHistogramSize": 5,
    "perSitePrivacyBudget": 1_000_000,
}
SYNTAX_ERROR = {"error": "DOMException", "name": "SyntaxError"}


def save(seconds: int, **options: Any) -> dict[str, Any]:
    options = {"histogramIndex": 0, **options}
    return {"event": "saveImpression", "seconds": seconds, "site": "news.test", "options": options}


def measure(seconds: int, expected: object = None, **options: Any) -> dict[str, Any]:
    options = {"aggregationService": "https://agg.test", "histogramSize": 2, **options}
    event = {"event": "measureConversion", "seconds": seconds, "site": "shop.test", "options": options}
    return event if expected is None else {**event, "expected": expected}


def results(*events: dict[str, Any], **config: Any) -> list[object]:
    return list(run_story({"events": list(events), "config": {**CONFIG, **config}}).results)


def test_each_event_gives_a_histogram_an_error_or_null() -> None:
    assert results(
        save(1),
        save(2, histogramIndex=5),
        save(3, conversionSites=["com"]),
        {"event": "disableAPI", "seconds": 4},
        measure(4),
        {"event": "enableAPI", "seconds": 5},
        measure(6, aggregationService="https://other.test"),
        measure(7),
    ) == [None, "RangeError", SYNTAX_ERROR, None, [0, 0], None, "ReferenceError", [1, 0]]


def test_a_missing_or_infinite_option_is_the_pages_type_error() -> None:
    no_size = measure(2)
    del no_size["options"]["histogramSize"]
    assert results(no_size, measure(3, epsilon=float("inf"))) == ["TypeError", "TypeError"]


def test_a_localhost_context_is_refused_before_the_options() -> None:
    assert results({**save(1, histogramIndex=9), "site": "localhost"}) == [SYNTAX_ERROR]
    assert results({**measure(1, value=0), "intermediarySite": "a.localhost"}) == [SYNTAX_ERROR]


def test_clearing_events_clear() -> None:
    wipe = {"event": "clearBrowsingHistoryForAttribution", "seconds": 3}
    assert results(save(1), {"event": "clearImpressionsForSite", "seconds": 2, "site": "news.test"}, measure(3))[
        -1
    ] == [0, 0]
    assert results(save(1), {**wipe, "sites": [], "forgetVisits": True}, measure(4))[-1] == [0, 0]
    assert results(save(1), {**wipe, "sites": ["shop.test"], "forgetVisits": False}, measure(4))[-1] == [0, 0]
    assert results(save(1), {**wipe, "sites": ["other.test"], "forgetVisits": False}, measure(4))[-1] == [1, 0]
    day = 86_400
    expired = {"event": "clearExpiredImpressions", "seconds": 1 + day}
    assert results(save(1, lifetimeDays=1), expired, measure(1 + day))[-1] == [1, 0]


def test_draws_are_taken_in_turn() -> None:
    events = [save(1), save(2, histogramIndex=1)]
    options: dict[str, Any] = {"credit": [1, 1], "epsilon": 0.1}
    draws = [0.1, 0.9]
    given = results(*events, *(measure(3 + n, **options) for n in range(3)), fairlyAllocateCreditFractions=draws)[2:]
    # The later impression (bucket 1) comes first in order; below one half it settles at 0 and the other gets 1.
    assert given == [[1, 0], [0, 1], [1, 0]]


def test_a_result_that_is_not_expected_is_a_mismatch() -> None:
    case = {"id": "mine", "config": CONFIG, "events": [save(1), measure(2, [0, 1]), measure(3, "RangeError", value=0)]}
    story = run_story(case)
    assert story.id == "mine"
    assert story.mismatches == [Mismatch(1, [0, 1], [1, 0])]


def test_an_event_that_should_have_been_refused_is_a_mismatch() -> None:
    case = {"config": CONFIG, "events": [{**save(1), "expectedError": "RangeError"}]}
    assert run_story(case).mismatches == [Mismatch(0, "RangeError", None)]


def test_overlays_replace_expectations_the_later_one_last() -> None:
    case = {"config": CONFIG, "events": [save(1), measure(2, [9, 9])], "spec": [[1, [8, 8]]], "reuse": [[1, [1, 0]]]}
    assert run_story(case).mismatches == []


def test_emit_is_one_json_line_with_one_entry_for_each_event() -> None:
    story = run_story({"events": [save(1), measure(2)]}, CONFIG, name="a.json")
    assert json.loads(story.emit()) == {"id": "a.json", "results": [None, [1, 0]]}
    assert "\n" not in story.emit()


def test_a_config_of_its_own_is_not_merged_with_the_default() -> None:
    story = run_story({"config": {"epochStart": 0}, "events": [measure(1)]}, CONFIG)
    assert story.results == ["ReferenceError"]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (3, "must be an object"),
        ({"event": "saveImpresion", "seconds": 1}, "must be one of saveImpression"),
        ({"event": ["x"], "seconds": 1}, "must be one of"),
        ({**save(1), "seconds": 0}, "`seconds`"),
        ({**save(1), "seconds": 1.5}, "`seconds`"),
        ({**save(1), "seconds": 10**20}, "`seconds`"),
        ({**save(1), "site": 5}, "`site`"),
        ({**save(1), "site": "\ud800"}, "`site`"),
        ({**save(1), "intermediarySite": 5}, "`intermediarySite`"),
        ({**save(1), "options": None}, "`options`"),
        ({"event": "clearBrowsingHistoryForAttribution", "seconds": 1, "sites": "x", "forgetVisits": True}, "`sites`"),
        ({"event": "clearBrowsingHistoryForAttribution", "seconds": 1, "sites": []}, "`forgetVisits`"),
        (
            {"event": "clearBrowsingHistoryForAttribution", "seconds": 1, "sites": [], "forgetVisits": False},
            "must not be empty",
        ),
    ],
)
def test_a_bad_event_is_named_with_what_was_expected(event: Any, text: str) -> None:
    with pytest.raises(StoryError, match="events\\[1\\]: ") as caught:
        run_story({"config": CONFIG, "events": [save(1), event]})
    assert text in caught.value.what
    assert caught.value.event == 1


def test_time_may_stand_still_and_never_goes_back() -> None:
    assert results(save(5), measure(5)) == [None, [1, 0]]
    with pytest.raises(StoryError, match="does not go back"):
        results(save(5), measure(4))


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (None, "needs a `config`"),
        ({"maxLookbackDay": 3}, "unknown key 'maxLookbackDay'; known are"),
        ({"maxLookbackDays": "3"}, "maxLookbackDays must be a whole number"),
        ({"maxLookbackDays": 2**40}, "maxLookbackDays must be a whole number"),
        ({"privacyBudgetEpochDays": 0}, "privacyBudgetEpochDays must be greater than 0"),
        ({"epochStart": 1}, "epochStart must be a number in [0, 1)"),
        ({"fairlyAllocateCreditFractions": []}, "fairlyAllocateCreditFractions"),
        ({"fairlyAllocateCreditFraction": -0.1}, "fairlyAllocateCreditFraction"),
        ({"aggregationServices": []}, "aggregationServices"),
    ],
)
def test_a_bad_config_is_told(config: object, text: str) -> None:
    with pytest.raises(StoryError) as caught:
        read_config(config)
    assert text in caught.value.what


@pytest.mark.parametrize("case", [{}, {"events": 3}, {"events": [], "config": CONFIG, "spec": [3]}])
def test_a_case_that_is_none_is_told(case: dict[str, Any]) -> None:
    with pytest.raises(StoryError):
        run_story(case)
