from __future__ import annotations

import json

import pytest

from tests.dashboard.conftest import Answer, Dashboard


async def lab(dashboard: Dashboard, value: str, kind: str = "source", **more: str) -> Answer:
    return await dashboard.ask("GET", "/header-lab.json", params={"kind": kind, "value": value, **more})


async def test_a_header_is_checked_as_the_command_line_does(dashboard: Dashboard) -> None:
    checked = (await lab(dashboard, '{"destination": "https://shop.test", "expiry": "3"}')).json["checked"]
    assert checked["accept"]
    assert json.loads(checked["normalized"]) if isinstance(checked["normalized"], str) else checked["normalized"]


async def test_a_problem_says_where_it_is(dashboard: Dashboard) -> None:
    checked = (await lab(dashboard, '{"event_trigger_data": [{"priority": 5}]}', "trigger")).json["checked"]
    assert not checked["accept"]
    assert checked["errors"][0]["path"] == ["event_trigger_data", 0, "priority"]
    page = await dashboard.ask(
        "GET", "/header-lab", params={"kind": "trigger", "value": '{"event_trigger_data": [{"priority": 5}]}'}
    )
    assert "event_trigger_data[0].priority" in page.text


@pytest.mark.parametrize("kind", ["source", "trigger", "eligible", "info", "os", "shared-storage-write"])
@pytest.mark.parametrize("value", ["{", "\u00e4\ud83d\ude00", "[" * 5000, "x" * 100_000, '{"a": 1e999}'])
async def test_no_value_is_too_strange(dashboard: Dashboard, kind: str, value: str) -> None:
    answer = await lab(dashboard, value, kind)
    assert answer.status == 200
    assert answer.json["checked"] is not None


async def test_nothing_is_checked_before_something_is_given(dashboard: Dashboard) -> None:
    assert (await dashboard.get("/header-lab.json")).json["checked"] is None


async def test_what_is_no_kind_of_header_is_refused(dashboard: Dashboard) -> None:
    assert (await lab(dashboard, "{}", "cookie")).status == 400
    assert (await lab(dashboard, "{}", "source", source_type="hover")).status == 400
