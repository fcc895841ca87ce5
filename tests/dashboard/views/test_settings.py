from __future__ import annotations

from agent.model.clock import Clock
from agent.model.limits import AttributionLimits
from agent.model.settings import Settings
from agent.runtime import Agent
from tests.dashboard.conftest import serving


async def test_every_number_stands_beside_its_default() -> None:
    limits = AttributionLimits(max_lookback_days=7)
    settings = Settings(limits=limits, grease=False)
    async with (
        Agent.open_profile(":memory:", seed=7, clock=Clock.frozen(), settings=settings) as agent,
        serving(agent) as dashboard,
    ):
        tables = (await dashboard.get("/settings.json")).json["tables"]
    lookback = next(row for row in tables["limits"] if row["name"] == "max_lookback_days")
    assert lookback == {"name": "max_lookback_days", "default": 30, "value": 7, "differs": True}
    differing = {row["name"] for rows in tables.values() for row in rows if row["differs"]}
    assert differing == {"max_lookback_days", "grease"}
    assert {row["name"] for row in tables["agent"]} | set(tables) >= {"dialects", "limits", "shared_storage_limits"}


async def test_chaos_and_mapped_hosts_are_told() -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent, serving(agent) as dashboard:
        agent.chaos.set("adtech.test", fail="50%")
        agent.hosts.map("shop.test", "http://localhost:3000")
        page = (await dashboard.get("/settings.json")).json
    (rule,) = page["chaos"]["rules"]
    assert (rule["host"], rule["fail"], page["chaos"]["offline"]) == ("adtech.test", 0.5, False)
    assert page["hosts"] == ["shop.test"]
