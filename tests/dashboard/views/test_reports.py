from __future__ import annotations

from agent.model.reports import ReportKind
from tests.dashboard.conftest import Dashboard, register


async def test_reports_are_filtered_by_state_and_kind(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    page = (await dashboard.get("/reports.json?kind=aggregatable")).json
    assert [report["kind"] for report in page["reports"]] == ["aggregatable"]
    assert page["counts"]["pending"] == 2
    assert (await dashboard.get("/reports.json?state=sent")).json["reports"] == []


async def test_a_report_stands_sealed_beside_what_is_in_it_and_why(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    waiting = (await dashboard.agent.reports.newest(kinds=[ReportKind.AGGREGATABLE]))[0]
    before = (await dashboard.get(f"/reports/{waiting.id}.json")).json
    assert before["body"] == {"json": None, "base64": None}, "it is assembled just before it is sent"
    await dashboard.agent.reports.send(waiting.id)
    page = (await dashboard.get(f"/reports/{waiting.id[:10]}.json")).json
    contributions = page["report"]["content"]["contributions"]
    assert [(one["bucket"], one["value"]) for one in contributions] == [(0x405, 100)]
    assert page["explanation"]["report_id"] == waiting.id


async def test_the_latest_has_an_address_of_its_own(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    newest = (await dashboard.agent.reports.newest(limit=1))[0]
    assert (await dashboard.get("/reports/latest.json")).json["report"]["id"] == newest.id


async def test_pages_lead_from_the_newest_to_the_oldest(dashboard: Dashboard) -> None:
    for _ in range(3):
        await register(dashboard.agent)
    every = [report.id for report in reversed(await dashboard.agent.reports.all())]
    told: list[str] = []
    before = ""
    while True:
        page = (await dashboard.get(f"/reports.json?limit=2{before}")).json
        told += [report["id"] for report in page["reports"]]
        if page["older"] is None:
            break
        before = f"&before={page['older']}"
    assert told == every
