from __future__ import annotations

import math

import pytest
import pytest_asyncio
from aiohttp import web

from agent.reporting.documents import batches
from tests.dashboard.conftest import Dashboard, register

BUCKET = "0x405"
"""0x5 of the source, or 0x400 of the trigger."""


@pytest_asyncio.fixture
async def sent(dashboard: Dashboard) -> Dashboard:
    """One aggregatable report of 100 has reached adtech.test."""

    async def take(_: web.Request) -> web.Response:
        return web.Response()

    application = web.Application()
    application.router.add_post("/{path:.*}", take)
    dashboard.agent.hosts.map("adtech.test", application)
    await register(dashboard.agent)
    await dashboard.agent.reports.send_pending()
    return dashboard


ASKED = {"origin": "https://adtech.test", "kind": "aggregatable"}


async def test_it_shows_what_could_be_aggregated_and_the_noise_of_an_epsilon(sent: Dashboard) -> None:
    page = (await sent.get("/aggregation.json?epsilon=2")).json
    assert [(one["kind"], one["origin"], one["reports"]) for one in page["batches"]] == [
        ("aggregatable", "https://adtech.test", 1)
    ]
    preview = page["preview"]
    assert [(one["bucket"], one["true"]) for one in preview["sums"]] == [(BUCKET, 100)]
    assert preview["scale"] == 65_536 / 2
    assert math.isclose(preview["standard_deviation"], math.sqrt(2) * preview["scale"], rel_tol=0.001)
    # Of Laplace noise of scale b, 90 % lie within b ln 10.
    assert math.isclose(preview["interval"], preview["scale"] * math.log(10), rel_tol=0.001)
    assert preview["sums"][0]["p95"] == 100 + preview["interval"]


async def test_a_large_batch_is_previewed_in_part_and_says_so(sent: Dashboard, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2):
        data = [{"key_piece": hex(0x1000 + number), "source_keys": ["a"]}]
        await register(sent.agent, trigger={"aggregatable_trigger_data": data, "aggregatable_values": {"a": 7}})
    await sent.agent.reports.send_pending()
    monkeypatch.setattr(batches, "MOST_REPORTS", 2)
    monkeypatch.setattr(batches, "MOST_SUMS", 1)
    preview = (await sent.get("/aggregation.json")).json["preview"]
    assert (preview["reports"], preview["of"]) == (2, 3)
    assert ([one["true"] for one in preview["sums"]], preview["left_out"]) == ([100], 1)
    page = (await sent.get("/aggregation")).text
    assert "The first 2 of 3 aggregatable reports" in page
    assert "Aggregate 3 reports" in page
    assert "1 more are not shown" in page


async def test_without_reports_there_is_nothing_to_preview(dashboard: Dashboard) -> None:
    page = (await dashboard.get("/aggregation.json")).json
    assert (page["batches"], page["preview"], page["jobs"]) == ([], None, [])


async def test_a_batch_is_aggregated_once_and_then_refused(sent: Dashboard) -> None:
    first = (await sent.api("POST", "/aggregation", {**ASKED, "noise": False})).json["job"]
    assert first["return_code"] == "SUCCESS"
    assert first["budget_units_spent"] == 1
    assert [(fact["bucket"], fact["metric"], fact["true"]) for fact in first["summary"]["facts"]] == [
        (BUCKET, 100, 100)
    ]
    again = (await sent.api("POST", "/aggregation", ASKED)).json["job"]
    assert (again["return_code"], again["summary"]) == ("PRIVACY_BUDGET_EXHAUSTED", None)
    jobs = (await sent.get("/aggregation.json")).json["jobs"]
    assert [job["job_request_id"] for job in jobs] == [again["job_request_id"], first["job_request_id"]]
    why = (await sent.get(f"/explain/job:{again['job_request_id']}.json")).json["explanation"]
    assert why["verdict"] == "PRIVACY_BUDGET_EXHAUSTED"


async def test_an_epsilon_that_is_none_is_refused(sent: Dashboard) -> None:
    for text in ("0", "65", "-1", "nan", "1e1", "x"):
        assert (await sent.get(f"/aggregation.json?epsilon={text}")).status == 400
    for epsilon in (0, 65):
        assert (await sent.api("POST", "/aggregation", {**ASKED, "epsilon": epsilon})).status == 400


async def test_a_batch_that_is_not_there_is_refused_with_what_to_do(dashboard: Dashboard) -> None:
    answer = await dashboard.api("POST", "/aggregation", ASKED)
    assert answer.status == 400
    assert "time next" in answer.json["error"]["fix"]
