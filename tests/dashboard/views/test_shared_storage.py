from __future__ import annotations

import pytest

from agent.dashboard.views import shared_storage as view
from agent.model.clock import DAY
from agent.model.events import Event, Trace
from agent.model.protected_audience import InterestGroup, JoinedGroup
from tests.dashboard.conftest import Dashboard

ENTRY = {"origin": "https://shop.test", "key": "creative", "value": "2"}


async def test_an_entry_is_written_changed_and_removed_from_the_page(dashboard: Dashboard) -> None:
    for value in ("2", "3"):
        answer = await dashboard.send("shared-storage.set", **{**ENTRY, "value": value}, back="/shared-storage")
        assert (answer.status, answer.headers["Location"]) == (303, "/shared-storage")
        (entry,) = (await dashboard.get("/shared-storage.json")).json["entries"]
        assert (entry["origin"], entry["key"], entry["value"]) == ("https://shop.test", "creative", value)
    await dashboard.send("shared-storage.set", origin="https://shop.test", key="creative")
    page = (await dashboard.get("/shared-storage.json")).json
    assert (page["entries"], page["origins"]) == ([], [])


async def test_a_value_that_cannot_be_written_is_refused_with_the_reason(dashboard: Dashboard) -> None:
    answer = await dashboard.api("PUT", "/shared-storage", {**ENTRY, "value": "x" * 100_000 * 60})
    assert answer.status == 413
    answer = await dashboard.api("PUT", "/shared-storage", {**ENTRY, "origin": "https://shop.test/path"})
    assert answer.status == 400


async def test_a_page_shows_the_beginning_of_what_is_long_and_its_twin_all(dashboard: Dashboard) -> None:
    value = "v" * 3_000
    assert await dashboard.agent.shared_storage.set("https://shop.test", "key", value) is None
    (entry,) = (await dashboard.get("/shared-storage.json")).json["entries"]
    assert entry["value"] == value
    page = (await dashboard.get("/shared-storage")).text
    assert f"{value[:1_000]}… and 2,000 more characters" in page
    assert value[:1_001] not in page


async def test_no_more_is_read_than_is_shown_and_the_rest_is_counted(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, now = dashboard.agent, dashboard.agent.clock.now()
    for number in range(5):
        assert await agent.shared_storage.set("https://shop.test", f"key {number}", "value") is None
        await agent.interest_groups.join(
            InterestGroup("https://buyer.test", f"group {number}", lifetime=DAY), "https://news.test", now=now
        )
    whole, read = agent.interest_groups.read, []

    async def watched(limit: int | None = None) -> list[JoinedGroup]:
        found = await whole(limit)
        read.extend(found)
        return found

    monkeypatch.setattr(agent.interest_groups, "read", watched)
    monkeypatch.setattr(view, "MOST", 2)
    page = (await dashboard.get("/shared-storage.json")).json
    assert [entry["key"] for entry in page["entries"]] == ["key 0", "key 1"]
    assert [group["name"] for group in page["interest_groups"]] == ["group 0", "group 1"]
    assert (page["left_out"]["entries"], page["left_out"]["interest_groups"], len(read)) == (3, 3, 2)
    assert (await dashboard.get("/shared-storage")).text.count("3 more are not shown") == 2


async def test_the_latest_calls_are_told_and_those_that_were_refused(dashboard: Dashboard) -> None:
    kinds = ["shared-storage", "shared-storage.run", "conversion", "shared-storage.add-module", "shared-storages"]
    await dashboard.agent.note(*(Event(kind, 0, "v", "s", "", {}, Trace(())) for kind in kinds))
    told = (await dashboard.get("/shared-storage.json")).json["worklets"]
    assert [event["kind"] for event in told] == ["shared-storage.add-module", "shared-storage.run", "shared-storage"]
