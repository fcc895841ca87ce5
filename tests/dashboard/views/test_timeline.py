from __future__ import annotations

from agent.model.events import Check, Event, Trace
from tests.dashboard.conftest import Dashboard, register


async def fill(dashboard: Dashboard, count: int) -> None:
    for number in range(1, count + 1):
        check = Check("rule", passed=bool(number % 2), detail=f"{number}")
        site = "shop.test" if number % 2 else "news.test"
        await dashboard.agent.note(Event("conversion", number, "stored", f"number {number}", site, {}, Trace((check,))))


async def test_the_newest_come_first_and_older_ones_are_one_page_on(dashboard: Dashboard) -> None:
    await fill(dashboard, 7)
    first = (await dashboard.get("/timeline.json?limit=3")).json
    assert ([event["id"] for event in first["events"]], first["older"]) == ([7, 6, 5], 5)
    second = (await dashboard.get("/timeline.json?limit=3&before=5")).json
    assert ([event["id"] for event in second["events"]], second["older"]) == ([4, 3, 2], 2)
    last = (await dashboard.get("/timeline.json?limit=3&before=2")).json
    assert ([event["id"] for event in last["events"]], last["older"]) == ([1], None)


async def test_a_page_has_fifty_rows_and_at_most_500(dashboard: Dashboard) -> None:
    await fill(dashboard, 60)
    assert len((await dashboard.get("/timeline.json")).json["events"]) == 50
    assert (await dashboard.get("/timeline.json?limit=501")).status == 400


async def test_the_filter_goes_on_from_page_to_page(dashboard: Dashboard) -> None:
    await fill(dashboard, 9)
    first = (await dashboard.get("/timeline.json?limit=2&filter=site:news+verdict:failure")).json
    assert ([event["id"] for event in first["events"]], first["older"]) == ([8, 6], 6)
    page = (await dashboard.get("/timeline?limit=2&filter=site:news")).text
    assert '"?limit=2&amp;filter=site%3Anews&amp;before=6"' in page


async def test_a_decision_says_where_it_stopped_and_what_came_of_it(dashboard: Dashboard) -> None:
    source = {"destination": "https://shop.test", "filter_data": {"campaign": ["21"]}}
    trigger = {"filters": {"campaign": ["12"]}, "event_trigger_data": [{}]}
    await register(dashboard.agent, source=source, trigger=trigger)
    triggered, stored = (await dashboard.get("/timeline.json")).json["events"]
    assert (stored["failed"], stored["stopped_at"], stored["outcome"]) == (False, None, "")
    assert (triggered["failed"], triggered["outcome"]) == (True, "NO REPORT")
    stopped = triggered["checks"][triggered["stopped_at"]]
    assert not stopped["passed"]
    assert "campaign" in stopped["detail"]
