from __future__ import annotations

from agent.model.attribution import CallContext
from tests.attribution_world import CURRENT
from tests.dashboard.conftest import Dashboard, register


async def test_sources_come_with_what_is_left_of_their_budgets(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    (source,) = (await dashboard.get("/sources.json")).json["sources"]
    assert source["source_event_id"] == "12"
    assert (source["budgets"]["aggregatable"], source["budgets"]["limit"]) == (65_536 - 100, 65_536)


async def test_a_source_whose_conversion_was_another_s_is_inactive(dashboard: Dashboard) -> None:
    """A trigger leaves one of the matching sources, and the others are no more for it."""
    for _ in range(2):
        await register(dashboard.agent)
    page = (await dashboard.get("/sources.json?limit=1")).json
    assert [(source["id"], source["active"]) for source in page["sources"]] == [(2, True)]
    assert page["older_sources"] == 2
    older = (await dashboard.get("/sources.json?limit=1&before_source=2")).json
    assert [(source["id"], source["active"]) for source in older["sources"]] == [(1, False)]
    assert older["older_sources"] is None


async def test_impressions_are_listed_beside_them(dashboard: Dashboard) -> None:
    for index in (3, 4):
        await dashboard.agent.save_impression(CURRENT, CallContext("news.test"), {"histogramIndex": index})
    page = (await dashboard.get("/sources.json?limit=1")).json
    assert [(one["impression_site"], one["histogram_index"]) for one in page["impressions"]] == [("news.test", 4)]
    older = (await dashboard.get(f"/sources.json?before_impression={page['older_impressions']}")).json
    assert [one["histogram_index"] for one in older["impressions"]] == [3]
