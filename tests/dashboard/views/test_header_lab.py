from __future__ import annotations

import json

import pytest

from tests.dashboard.conftest import TRIGGER, Answer, Dashboard, register


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


async def test_a_trigger_is_held_against_a_source_of_choice(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    trigger = json.dumps({**TRIGGER, "event_trigger_data": [{"filters": {"source_type": ["event"]}}]})
    answer = (await lab(dashboard, trigger, "trigger", against="1")).json
    assert [(check["rule"], check["passed"]) for check in answer["met"]] == [
        ("filters", True),
        ("event-level filters", False),
        ("contributions", True),
    ]
    assert answer["met"][2]["detail"] == "100 for 0x405"
    page = await dashboard.ask("GET", "/header-lab", params={"kind": "trigger", "value": trigger, "against": "1"})
    assert "Against source 1" in page.text
    assert len(await dashboard.agent.events.all()) == 2


async def test_only_a_trigger_that_is_accepted_is_held_against_a_source(dashboard: Dashboard) -> None:
    await register(dashboard.agent)
    assert (await lab(dashboard, "{}", "trigger")).json["met"] is None
    assert (await lab(dashboard, "[]", "trigger", against="1")).json["met"] is None
    assert (await lab(dashboard, "{}", "source", against="1")).json["met"] is None
    assert (await lab(dashboard, "{}", "trigger", against="2")).status == 400
    assert (await lab(dashboard, "{}", "trigger", against="first")).status == 400
