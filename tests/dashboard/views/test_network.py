from __future__ import annotations

from tests.dashboard.conftest import Dashboard, register


async def test_registrations_are_listed_with_what_registered(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    trigger, source = (await dashboard.get("/network.json")).json["requests"]
    assert [one["url"] for one in (trigger, source)] == ["https://adtech.test/t", "https://adtech.test/s"]
    assert source["eligibility"] == "navigation-source"
    (exchange,) = source["exchanges"]
    assert "Attribution-Reporting-Register-Source" in [name for name, _ in exchange["response"]]


async def test_deliveries_are_listed_with_what_became_of_them(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    await dashboard.agent.reports.send_pending()
    requests = (await dashboard.get("/network.json")).json["requests"]
    sent = [one for one in requests if one["kind"].startswith("report.")]
    assert [one["kind"] for one in sent] == ["report.not-sent"] * 2
    assert {one["url"].rpartition("/")[2] for one in sent} == {
        "report-event-attribution",
        "report-aggregate-attribution",
    }


async def test_what_tells_of_no_request_is_not_there(dashboard: Dashboard) -> None:
    assert await dashboard.agent.shared_storage.set("https://shop.test", "a", "b") is None
    page = (await dashboard.get("/network.json")).json
    assert (page["requests"], page["older"]) == ([], None)
