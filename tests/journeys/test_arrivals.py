"""What arrived is counted by campaign, beside what was true."""

from __future__ import annotations

from typing import Any

from agent.journeys.arrivals import Tally, summary_of
from agent.model.events import Event


def source(number: int, campaign: int, source_type: str) -> Event:
    data = {"source": number, "source_event_id": str(campaign), "source_type": source_type}
    return Event("source-registration", 0, "source-success", "", data=data)


def trigger(number: int | None) -> Event:
    return Event("trigger-registration", 0, "stored", "", data={"source": number})


def arrived(kind: str, report: Any = None, opened: Any = None) -> dict[str, Any]:
    return {"kind": kind, "report": report, "opened": opened}


def event_level(campaign: int, source_type: str = "event", rate: float = 0.1) -> dict[str, Any]:
    return {"source_event_id": str(campaign), "source_type": source_type, "randomized_trigger_rate": rate}


def test_the_truth_is_what_each_users_browser_matched() -> None:
    tally = Tally()
    tally.add(1, [source(1, 345, "event"), source(2, 346, "navigation"), trigger(2)])
    # Another user's source 2 is another one, and a trigger without a source is nobody's.
    tally.add(2, [source(2, 345, "event"), trigger(2), trigger(2), trigger(None)])
    summary = summary_of(tally, [])
    counted = [(one.seen, one.clicked, one.purchases, one.event_level) for one in summary.campaigns]
    assert counted == [(2, 0, 2, 0), (0, 1, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0)]


def test_a_source_that_was_refused_is_no_ad() -> None:
    tally = Tally()
    tally.add(1, [Event("source-registration", 0, "ignored", "", data={"url": ""}), source(0, 345, "event")])
    assert [one.seen for one in summary_of(tally, []).campaigns] == [0, 0, 0, 0]


def test_reports_are_counted_by_campaign_and_debug_copies_apart() -> None:
    summary = summary_of(
        Tally(),
        [
            arrived("event-level", event_level(345)),
            arrived("event-level-debug", event_level(345)),
            arrived("event-level", event_level(347, "navigation", 0.2)),
            arrived("verbose-debug", []),
        ],
    )
    assert [one.event_level for one in summary.campaigns] == [1, 0, 1, 0]
    assert (summary.debug, summary.noise_of_views, summary.noise_of_clicks) == (2, 0.1, 0.2)


def test_without_reports_there_is_no_rate() -> None:
    summary = summary_of(Tally(), [])
    assert (summary.noise_of_views, summary.noise_of_clicks) == (None, None)


def test_aggregatable_reports_are_counted_without_their_copies_whatever_they_hold() -> None:
    lamp = [{"bucket": "0x559", "value": 32_768, "id": 0}]
    summary = summary_of(
        Tally(),
        [
            arrived("aggregatable", opened=lamp),
            arrived("aggregatable", opened=None),
            arrived("aggregatable-debug", opened=lamp),
            arrived("private-aggregation", opened=lamp),
        ],
    )
    assert (summary.aggregatable, summary.debug) == (2, 1)
