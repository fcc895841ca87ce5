"""What was recorded becomes a journey: actions in their order, and after each what may be expected."""

from __future__ import annotations

from typing import Any

import pytest

from agent.journeys.scripted.exporting import pytest_module
from agent.journeys.scripted.reading import Journey, read_text
from agent.journeys.scripted.recording import HELD, Recording, Seen, as_note, journey_text
from agent.journeys.scripted.steps import told
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.attribution_reporting.reports import EventLevelContent
from agent.model.events import Event
from agent.model.reports import Report, ReportKind, ReportState

LINK = 'internal:role=link[name="Sale"i]'
FIELD = 'internal:label="Mail"i'


def navigate(url: str) -> dict[str, Any]:
    return {"name": "navigate", "url": url}


def click(selector: str = LINK, **more: Any) -> dict[str, Any]:
    return {"name": "click", "selector": selector, "button": "left", "modifiers": 0} | more


def recording(*actions: tuple[int, dict[str, Any]], events: tuple[tuple[int, Event], ...] = ()) -> Recording:
    made = Recording()
    for at, data in actions:
        made.added(at, data)
    for at, event in events:
        made.happened(Seen(at, event))
    return made


def journey(made: Recording, *reports: Report) -> Journey:
    return read_text(journey_text("x", {"seed": 7}, {"news.test": "demo"}, made, reports), "j.yaml")


def steps(made: Recording, *reports: Report) -> list[str]:
    return [told(step.words) for step in journey(made, *reports).steps]


def source(kind: str) -> Event:
    data = {"source_type": kind, "destinations": ["https://shop.test"], "reporting_origin": "https://adtech.test"}
    return Event("source-registration", 0, "source-success", "a source", data=data)


SOURCE = "expect source reporting_origin https://adtech.test, type {}, destination https://shop.test"


def test_actions_become_steps_in_their_order() -> None:
    made = recording(
        (1_000, {"name": "openPage", "url": "about:blank"}),
        (2_000, navigate("https://news.test/")),
        (9_000, click()),
        (20_000, {"name": "fill", "selector": FIELD, "text": "ada@shop.test"}),
        (21_000, {"name": "press", "selector": FIELD, "key": "Enter", "modifiers": 8}),
        (22_000, {"name": "select", "selector": FIELD, "options": ["m"]}),
        (23_000, {"name": "check", "selector": FIELD}),
        (24_000, {"name": "closePage"}),
    )
    assert steps(made) == [
        "open https://news.test/",
        'click link "Sale"',
        "fill field \"Mail\" with 'ada@shop.test'",
        "press Shift+Enter",
        "select 'm' in field \"Mail\"",
        'click field "Mail"',
    ]


def test_a_text_is_typed_once() -> None:
    made = recording((1_000, navigate("https://a.test/")), (5_000, click(FIELD)))
    made.added(6_000, {"name": "fill", "selector": FIELD, "text": "a"})
    made.updated(6_100, {"name": "fill", "selector": FIELD, "text": "ad"})
    assert steps(made) == ["open https://a.test/", "fill field \"Mail\" with 'ad'"]


def test_a_navigation_that_a_click_made_is_no_step() -> None:
    # The recorder tells it when the click comes, and the click only after the time that it holds clicks.
    made = recording(
        (1_000, navigate("https://news.test/")), (9_000, navigate("https://shop.test/")), (9_000 + HELD, click())
    )
    assert steps(made) == ["open https://news.test/", 'click link "Sale"']


def test_an_address_that_was_typed_is_one() -> None:
    made = recording((1_000, navigate("https://a.test/")), (9_000, navigate("https://b.test/")), (15_000, click()))
    assert steps(made) == ["open https://a.test/", "open https://b.test/", 'click link "Sale"']


def test_what_was_seen_is_expected_after_the_action_that_it_followed() -> None:
    made = recording(
        (1_000, navigate("https://news.test/")),
        (9_000, navigate("https://shop.test/")),
        (9_000 + HELD, click()),
        # An event comes when it happens; the click was told of after it.
        events=((3_000, source("event")), (9_000, source("navigation"))),
    )
    assert steps(made) == [
        "open https://news.test/",
        SOURCE.format("event"),
        'click link "Sale"',
        SOURCE.format("navigation"),
    ]


def test_the_same_is_expected_once() -> None:
    made = recording((1_000, navigate("https://a.test/")), events=((2_000, source("event")), (2_001, source("event"))))
    assert steps(made) == ["open https://a.test/", SOURCE.format("event")]


@pytest.mark.parametrize(
    ("event", "expectation"),
    [
        (
            Event("trigger-registration", 0, "stored", "", data={"reporting_origin": "https://adtech.test"}),
            "expect trigger reporting_origin https://adtech.test, verdict stored",
        ),
        (
            Event("impression", 0, "stored", "", site="news.test", data={"histogramIndex": 3}),
            "expect impression site news.test, histogram_index 3",
        ),
        (
            Event("conversion", 0, "budget-exhausted", "", site="shop.test"),
            "expect conversion site shop.test, verdict budget-exhausted",
        ),
        (
            Event(
                "private-aggregation", 0, "report-scheduled", "", data={"contributions": [{"bucket": "7", "value": 2}]}
            ),
            "expect contribution bucket 7, value 2",
        ),
    ],
)
def test_each_decision_has_an_expectation(event: Event, expectation: str) -> None:
    assert steps(recording((1_000, navigate("https://a.test/")), events=((2_000, event),)))[1:] == [expectation]


def test_a_source_that_was_refused_is_not_expected() -> None:
    event = Event("source-registration", 0, "excessive-reporting-origins", "", data={})
    assert len(steps(recording((1_000, navigate("https://a.test/")), events=((2_000, event),)))) == 1


def test_reports_that_wait_are_expected_at_the_end() -> None:
    content = EventLevelContent("https://adtech.test", "r1", ("https://shop.test",), 0.0, 1, SourceType.EVENT, 2, 0, 0)
    url = "https://adtech.test/.well-known/attribution-reporting/report-event-attribution"
    report = Report(
        "r1", ReportKind.EVENT_LEVEL, 0, content, delivered_to=url, state=ReportState.PENDING, next_attempt=9
    )
    found = steps(recording((1_000, navigate("https://a.test/"))), report, report)
    assert found[1:] == ["expect report kind event-level, to https://adtech.test"]


def test_what_a_journey_has_no_words_for_is_told_in_a_comment() -> None:
    text = journey_text(
        "x", {}, {}, recording((1_000, navigate("https://a.test/")), (9_000, click(button="right"))), ()
    )
    assert f"# not recorded, for a journey has no words for it: click {LINK}" in text


def test_text_of_a_site_cannot_break_out_of_its_place() -> None:
    hostile = 'x"}\n  - offline: true # ${vars}'
    made = recording(
        (1_000, navigate("https://a.test/")), (5_000, {"name": "fill", "selector": FIELD, "text": hostile})
    )
    assert len(journey(made).steps) == 2
    assert journey(made).steps[1].words.model_dump()["fill"]["value"] == hostile


def test_what_has_no_words_stands_in_the_test_that_is_made_of_it() -> None:
    made = recording((1_000, navigate("https://news.test/")), (2_000, click(button="right")))
    text = journey_text("x", {}, {"news.test": "demo"}, made, [], remark=as_note)
    code = pytest_module(read_text(text, "j.yaml"), "Recorded")
    assert code.startswith('"""x. Recorded."""')
    assert "# not recorded, for a journey has no words for it: click" in code


def test_a_selector_cannot_break_out_of_its_comment() -> None:
    made = recording((1_000, navigate("https://news.test/")), (2_000, click("#a\x07\u2028\n- note: x", button="right")))
    assert steps(made) == ["open https://news.test/"]
