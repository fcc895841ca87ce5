from __future__ import annotations

from agent.model.attribution import CallContext
from tests.attribution_world import CURRENT
from tests.dashboard.conftest import Dashboard, register


async def test_every_budget_stands_beside_what_it_began_with(dashboard: Dashboard) -> None:
    agent = dashboard.agent
    await register(agent)
    await agent.save_impression(
        CURRENT, CallContext("news.test"), {"histogramIndex": 1, "conversionSites": ["shop.test"]}
    )
    asked = {
        "aggregationService": "https://aggregator.test",
        "epsilon": 0.5,
        "histogramSize": 2,
        "value": 1,
        "maxValue": 1,
        "impressionSites": ["news.test"],
    }
    assert isinstance(await agent.measure_conversion(CURRENT, CallContext("shop.test"), asked), bytes)
    page = (await dashboard.get("/budgets.json")).json
    left = {(one["kind"], one["site"]): one["remaining"] for one in page["budgets"]}
    assert left[("per_site", "shop.test")] == page["limits"]["per_site"] - 500_000
    assert set(page["limits"]) == {"per_site", "global", "impression_site_quota", "source"}
    (source,) = page["source_budgets"]
    assert page["limits"]["source"] - source["aggregatable"] == 100
    assert page["left_out"] == dict.fromkeys(page["left_out"], 0)


async def test_nothing_was_spent_in_a_fresh_profile(dashboard: Dashboard) -> None:
    page = (await dashboard.get("/budgets.json")).json
    for name in ("budgets", "source_budgets", "contribution_budgets", "navigation_budgets"):
        assert page[name] == []
