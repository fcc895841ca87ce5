"""What the timeline and the strip say of events."""

from __future__ import annotations

from typing import Any

import pytest

from agent.journeys.told import deliveries, told
from agent.model.attribution import AttributionVerdict, Dialect
from agent.model.attribution_reporting.verdicts import SourceVerdict, TriggerVerdict
from agent.model.events import Event
from agent.model.explanation import DROPPED, HASTENED
from agent.model.private_aggregation import BatchVerdict
from agent.model.reports import ReportKind
from agent.reporting.model import RowKind


def impression(dialect: Dialect) -> Event:
    data = {"dialect": dialect.value, "histogramIndex": 0}
    return Event("impression", 0, AttributionVerdict.STORED, "", "news.test", data)


def conversion(dialect: Dialect, verdict: AttributionVerdict = AttributionVerdict.ATTRIBUTED) -> Event:
    return Event("conversion", 0, verdict, "", "shop.test", {"dialect": dialect.value})


def source(source_type: str, verdict: str = SourceVerdict.SUCCESS) -> Event:
    return Event("source-registration", 0, verdict, "", "news.test", {"source": 1, "source_type": source_type})


def trigger(event_level: str | None, aggregatable: str | None) -> Event:
    data = {"event_level": event_level, "aggregatable": aggregatable}
    return Event("trigger-registration", 0, "", "", "shop.test", data)


def delivery(kind: ReportKind, verdict: str = "sent", detail: str = "200") -> Event:
    url = "https://adtech.test/.well-known/x"
    return Event(
        f"report.{verdict}", 0, verdict, f"report 12 to {url}: {detail}", "shop.test", {"kind": kind, "url": url}
    )


def batch(bucket: int, verdict: str = BatchVerdict.REPORT_SCHEDULED, site: str = "news.test") -> Event:
    contributions = [{"bucket": str(bucket), "value": 16_384, "filtering_id": "0"}]
    return Event("private-aggregation", 0, verdict, "", site, {"contributions": contributions})


def selection(url: str, site: str = "news.test") -> Event:
    return Event("shared-storage.select-url", 0, "selected", "selectURL 'x': selected, URL 1", site, {"url": url})


def test_the_poster_and_what_was_counted_are_added_to_the_page_s_row() -> None:
    # 1234, and 1234 | 3 << 16: three times.
    events = [batch(197_842), batch(1234), selection("https://adtech.test/creative/2"), impression(Dialect.CURRENT)]
    (row,) = told(events)
    assert row.text == (
        "ad noted: Front page banner, for shop.test (navigator.attribution); poster shows “Bring the mug”; "
        "counted for Mending days, 3 times or more; counted for Mending days"
    )


def test_a_look_at_the_poster_alone_is_a_row_of_its_own() -> None:
    assert told([selection("https://adtech.test/creative/0", "shop.test")]) == [
        (RowKind.REACH, "shop.test", "poster shows “Bring the lamp”")
    ]


def test_what_other_pages_select_and_count_is_told_in_general_words() -> None:
    assert [row.text for row in told([selection("https://other.test/ad")])] == ["selectURL 'x': selected, URL 1"]
    assert [row.text for row in told([batch(5)])] == ["counted for bucket 5"]
    assert [row.text for row in told([batch(5, BatchVerdict.INSUFFICIENT_BUDGET)])] == [
        "not counted, insufficient-budget"
    ]


def test_what_other_pages_note_is_told_in_general_words() -> None:
    data = {"dialect": Dialect.CURRENT.value, "histogramIndex": 4}
    summary = "impression 1 on other.test stored"
    noted = Event("impression", 0, AttributionVerdict.STORED, summary, "other.test", data)
    assert [row.text for row in told([noted])] == [f"{summary} (navigator.attribution)"]


def test_a_page_that_was_seen_is_one_row_whatever_the_order_of_its_events() -> None:
    events = [impression(Dialect.CURRENT), source("event"), impression(Dialect.LEVEL1_2024), source("navigation")]
    text = "ad noted: Front page banner, for shop.test; source registered (seen, clicked)"
    for order in (events, [events[2], events[0], events[1], events[3]]):
        assert told(order) == [(RowKind.IMPRESSION, "news.test", text)]


def test_what_only_one_api_did_is_told_with_its_name() -> None:
    events = [
        conversion(Dialect.CURRENT),
        conversion(Dialect.LEVEL1_2024, AttributionVerdict.NO_MATCHING_IMPRESSION),
        trigger("stored", "stored"),
    ]
    assert [text for _, _, text in told(events)] == [
        "purchase measured: an ad is credited (navigator.attribution)",
        "purchase measured: no ad led here, the report holds zeros (navigator.privateAttribution); trigger attributed",
    ]


def test_a_registration_that_comes_alone_is_a_row_of_its_own() -> None:
    assert told([source("event")]) == [(RowKind.SOURCE, "news.test", "source registered (seen)")]
    assert told([trigger("stored", "stored")]) == [(RowKind.TRIGGER, "shop.test", "trigger attributed")]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (source("event", SourceVerdict.NOISED), "source registered (seen)"),
        (
            source("event", SourceVerdict.STORAGE_LIMIT),
            "source refused, source-storage-limit (seen)",
        ),
        (
            Event("source-registration", 0, "ignored", "", "news.test", {"url": "https://adtech.test/"}),
            "source refused, ignored",
        ),
        (
            Event("trigger-registration", 0, "ignored", "", "shop.test", {"url": "https://adtech.test/"}),
            "trigger refused, ignored",
        ),
        (
            trigger(TriggerVerdict.NO_MATCHING_SOURCE, TriggerVerdict.NO_MATCHING_SOURCE),
            "trigger not attributed, trigger-no-matching-source",
        ),
        (
            trigger("stored", TriggerVerdict.AGGREGATE_INSUFFICIENT_BUDGET),
            "trigger attributed, event-level alone (trigger-aggregate-insufficient-budget)",
        ),
        (
            trigger(TriggerVerdict.EVENT_NOISE, "stored"),
            "trigger attributed, aggregatable alone (trigger-event-noise)",
        ),
    ],
)
def test_a_registration_that_came_to_less_says_to_what(event: Event, text: str) -> None:
    assert [row.text for row in told([event])] == [text]


def test_what_decides_nothing_is_not_told() -> None:
    assert told([Event("expiry", 0, "expired", "", data={}), delivery(ReportKind.EVENT_LEVEL)]) == []


def test_one_report_that_left_is_named_and_several_are_counted_by_kind() -> None:
    one = delivery(ReportKind.EVENT_LEVEL)
    assert deliveries([one]) == [(RowKind.REPORT, "adtech.test", "event-level report → adtech.test 200")]
    many = [delivery(ReportKind.AGGREGATABLE), one, one]
    assert [row.text for row in deliveries(many)] == ["2 event-level, 1 aggregatable reports → adtech.test 200"]


def test_reports_that_came_to_different_ends_are_rows_of_their_own() -> None:
    events = [
        delivery(ReportKind.EVENT_LEVEL),
        delivery(ReportKind.EVENT_LEVEL, "retry", "connection refused"),
        delivery(ReportKind.ATTRIBUTION_CONVERSION),
    ]
    assert [row.text for row in deliveries(events)] == [
        "event-level report → adtech.test 200",
        "event-level report → adtech.test retry, connection refused",
    ]


def test_an_event_about_something_else_says_nothing_of_deliveries() -> None:
    data: dict[str, Any] = {"event_level": "stored", "aggregatable": "stored"}
    assert deliveries([Event("trigger-registration", 0, "stored", "", "shop.test", data)]) == []


@pytest.mark.parametrize(("kind", "data"), [(DROPPED, {"report": "12"}), (HASTENED, {"report": "12"}), (HASTENED, {})])
def test_what_the_owner_does_to_reports_is_no_delivery(kind: str, data: dict[str, str]) -> None:
    assert deliveries([Event(kind, 0, kind.partition(".")[2], "by the profile's owner", data=data)]) == []
