from __future__ import annotations

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
