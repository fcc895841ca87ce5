"""The collector over HTTP, mounted as the demo mounts it, on SQLite."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from agent.aggregation.collector import ATTRIBUTION_PATHS, MAX_REPORT_BYTES, PRIVATE_AGGREGATION_PATHS
from agent.aggregation.collector_apps import (
    attribution_receiver_app,
    attribution_reports_app,
    private_aggregation_receiver_app,
)
from agent.crypto.keys import KeyRing, generate_key
from agent.crypto.public_keys import CoordinatorKey
from agent.delivery.assembly import sealed_body
from agent.engines.attribution_reporting.report_bodies import WELL_KNOWN, event_level_json, report_path, verbose_json
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.attribution_reporting.reports import (
    AggregatableContent,
    AttributionReportContent,
    Contribution,
    DebugItem,
    EventLevelContent,
    VerboseContent,
)
from agent.model.clock import Clock
from agent.model.reports import kind_of
from agent.model.rng import SeededRng
from storage.collected_attribution_reports import DatabaseAttributionCollection
from storage.database import MEMORY, AsyncDatabase

Client = TestClient[web.Request, web.Application]
NOW = 1_800_000_000_000
KEY, OTHER_KEY = generate_key(SeededRng(1)), generate_key(SeededRng(2))
ORIGIN = "https://adtech.test"
EVENT_LEVEL = EventLevelContent(
    reporting_origin=ORIGIN,
    report_id="1",
    destinations=("https://shop.test",),
    randomized_trigger_rate=0.5,
    source_event_id=2**64 - 1,
    source_type=SourceType.EVENT,
    trigger_data=1,
    trigger_time=NOW,
    report_time=NOW,
)
AGGREGATABLE = AggregatableContent(
    reporting_origin=ORIGIN,
    report_id="2",
    attribution_destination="https://shop.test",
    report_time=NOW,
    coordinator="https://coordinator.test",
    contributions=(Contribution(2**128 - 1, 65_536), Contribution(0xA85, 1664, 3)),
)
VERBOSE = VerboseContent(ORIGIN, (DebugItem("source-success", {"source_site": "https://news.test"}),))
CONTENTS: list[AttributionReportContent] = [
    EVENT_LEVEL,
    replace(EVENT_LEVEL, debug_copy=True),
    AGGREGATABLE,
    replace(AGGREGATABLE, debug_copy=True),
    replace(AGGREGATABLE, aggregatable_debug=True),
    VERBOSE,
]


def body_of(content: AttributionReportContent) -> bytes:
    match content:
        case EventLevelContent():
            return event_level_json(content)
        case VerboseContent():
            return verbose_json(content)
        case _:
            key = CoordinatorKey(KEY.id.hex(), KEY.public_key)
            return sealed_body(content, key, AttributionReportingLimits(), SeededRng(3))


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with await AsyncDatabase.open(MEMORY, now=NOW) as database:
        shelf = DatabaseAttributionCollection(database)
        site = web.Application()
        site.add_subapp(WELL_KNOWN, attribution_receiver_app(shelf, Clock.frozen(NOW)))
        site.add_subapp("/.well-known/private-aggregation", private_aggregation_receiver_app(shelf, Clock.frozen(NOW)))
        site.add_subapp("/attribution-collector/", attribution_reports_app(shelf, KeyRing(OTHER_KEY, KEY)))
        async with TestClient(TestServer(site)) as running:
            yield running


async def listed(client: Client, query: str = "") -> list[dict[str, Any]]:
    document = await (await client.get(f"/attribution-collector/reports{query}")).json()
    assert document["schema"] == 1
    found: list[dict[str, Any]] = document["reports"]
    return found


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: str(kind_of(content)))
async def test_every_kind_is_taken_where_browsers_send_it_and_shown_as_it_came(
    client: Client, content: AttributionReportContent
) -> None:
    body = body_of(content)
    answer = await client.post(report_path(content), data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, await answer.json()) == (200, {"schema": 1, "stored": 1})
    (shown,) = await listed(client)
    assert shown["kind"] == kind_of(content)
    assert shown["report"] == json.loads(body)
    assert shown["received"] == "2027-01-15T08:00:00+00:00"
    assert (shown["opened"] is not None) == isinstance(content, AggregatableContent)


async def test_a_sealed_report_stands_opened_beside_itself_with_its_padding(client: Client) -> None:
    await client.post(report_path(AGGREGATABLE), data=body_of(AGGREGATABLE))
    (shown,) = await listed(client)
    assert shown["opened"] == [
        {"bucket": "0xffffffffffffffffffffffffffffffff", "value": 65_536, "id": 0},
        {"bucket": "0xa85", "value": 1664, "id": 3},
        *[{"bucket": "0x0", "value": 0, "id": 0}] * 18,
    ]


async def test_what_does_not_open_is_shown_sealed(client: Client) -> None:
    altered = json.loads(body_of(AGGREGATABLE))
    altered["shared_info"] = altered["shared_info"].replace("shop.test", "shut.test")
    foreign = json.loads(body_of(replace(AGGREGATABLE, report_id="3")))
    foreign["aggregation_service_payloads"][0]["key_id"] = "a key of somebody else"
    for report in (altered, foreign):
        assert (await client.post(report_path(AGGREGATABLE), json=report)).status == 200
    shown = await listed(client)
    assert [entry["report"] for entry in shown] == [altered, foreign]
    assert [entry["opened"] for entry in shown] == [None, None]


async def test_a_report_that_was_sent_again_is_kept_once(client: Client) -> None:
    for _ in range(2):
        answer = await client.post(report_path(AGGREGATABLE), data=body_of(AGGREGATABLE))
        assert (await answer.json())["stored"] == 1
    assert len(await listed(client)) == 1


async def test_a_page_of_the_list_begins_after_an_id_and_ends_at_its_limit(client: Client) -> None:
    for number in range(5):
        content = replace(EVENT_LEVEL, report_id=str(number))
        await client.post(report_path(content), data=body_of(content))
    assert [entry["id"] for entry in await listed(client, "?after=1&limit=3")] == [2, 3, 4]


@pytest.mark.parametrize("api", ["shared-storage", "protected-audience"])
@pytest.mark.parametrize("debug", ["", "/debug"])
async def test_a_report_of_private_aggregation_is_taken_at_the_paths_of_its_api_and_shown_opened(
    client: Client, api: str, debug: str
) -> None:
    # Only shared_info differs from Attribution Reporting's as far as a collector goes.
    report = json.loads(body_of(AGGREGATABLE))
    sealed_as, path = AGGREGATABLE, f"/.well-known/private-aggregation{debug}/report-{api}"
    answer = await client.post(path, json=report)
    assert (answer.status, await answer.json()) == (200, {"schema": 1, "stored": 1})
    (shown,) = await listed(client)
    assert shown["kind"] == ("private-aggregation-debug" if debug else "private-aggregation")
    assert shown["report"] == report
    assert shown["opened"][: len(sealed_as.contributions)] == [
        {"bucket": hex(one.bucket), "value": one.value, "id": one.filtering_id} for one in sealed_as.contributions
    ]


@pytest.mark.parametrize(
    "path",
    [*ATTRIBUTION_PATHS, *PRIVATE_AGGREGATION_PATHS],
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"{}",
        b"[1]",
        b"null",
        b'{"report_id": 1}',
        b'{"shared_info": 5}',
        b'{"shared_info": "[]", "aggregation_service_payloads": [{"key_id": "a", "payload": "b"}]}',
        b'{"shared_info": "{}", "aggregation_service_payloads": []}',
        b"[" * 100_000,
    ],
)
async def test_what_is_no_report_is_refused_and_not_kept(client: Client, path: str, body: bytes) -> None:
    answer = await client.post(path, data=body)
    assert answer.status == 400
    error = (await answer.json())["error"]
    assert error["code"] == "malformed-report"
    assert error["fix"]
    assert await listed(client) == []


async def test_a_report_at_the_path_of_another_kind_is_refused(client: Client) -> None:
    for path, content in ((report_path(AGGREGATABLE), EVENT_LEVEL), (report_path(EVENT_LEVEL), AGGREGATABLE)):
        assert (await client.post(path, data=body_of(content))).status == 400


async def test_a_body_past_the_limit_is_refused(client: Client) -> None:
    answer = await client.post(report_path(VERBOSE), data=b" " * (MAX_REPORT_BYTES + 1))
    assert answer.status == 413


@pytest.mark.parametrize("entries", ["[]", "5", '[{"key_id": "00"}]', "1e999"])
async def test_no_report_takes_the_list_from_the_others(client: Client, entries: str) -> None:
    body = f'{{"report_id": "x", "source_event_id": "1", "aggregation_service_payloads": {entries}}}'
    await client.post(f"{WELL_KNOWN}report-event-attribution", data=body)
    response = await client.get("/attribution-collector/reports")
    assert response.status == 200
    (shown,) = json.loads(await response.text(), parse_constant=pytest.fail)["reports"]
    assert (shown["report"]["report_id"], shown["opened"]) == ("x", None)
