"""Batches over HTTP, as the demo mounts them."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import fastavro
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from agent.aggregation.collector import Collector
from agent.aggregation.collector_apps import attribution_reports_app
from agent.crypto.keys import KeyRing, generate_key
from agent.model.clock import Clock
from agent.model.rng import SeededRng
from storage.collected_attribution_reports import DatabaseAttributionCollection
from storage.database import MEMORY, AsyncDatabase
from tests.aggregation.collected import AGGREGATE, NOW, WELL_KNOWN, element, sealed_report

Client = TestClient[web.Request, web.Application]
FIRST = sealed_report("a", element(b"first"), attribution_destination="https://shop.test")
LATER = sealed_report("b", element(b"later"), scheduled_report_time=str(NOW // 1000 + 3_600))
NEWS = sealed_report("c", element(b"news"), attribution_destination="https://news.test")
GARBLED = sealed_report("d", {"key_id": "k", "payload": "?"})
COPY = sealed_report("a", element(b"copy", clear_text=b"clear"))
SHARED_STORAGE = sealed_report("e", element(b"shared"), api="shared-storage", attribution_destination=None)


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with await AsyncDatabase.open(MEMORY, now=NOW) as database:
        shelf = DatabaseAttributionCollection(database)
        collector = Collector(shelf, Clock.frozen(NOW))
        for path, body in [
            *((AGGREGATE, body) for body in (FIRST, LATER, NEWS, GARBLED)),
            (f"{WELL_KNOWN}/debug/report-aggregate-attribution", COPY),
            ("/.well-known/private-aggregation/report-shared-storage", SHARED_STORAGE),
        ]:
            assert (await collector.receive(path, "application/json", body)).status == 200
        site = web.Application()
        site.add_subapp("/attribution-collector/", attribution_reports_app(shelf, KeyRing(generate_key(SeededRng(1)))))
        async with TestClient(TestServer(site)) as running:
            yield running


async def get(client: Client, file: str, **query: str) -> tuple[int, dict[str, str], bytes]:
    answer = await client.get(f"/attribution-collector/{file}", params=query)
    return answer.status, dict(answer.headers), await answer.read()


@pytest.mark.parametrize(
    ("query", "expected", "left_out"),
    [
        ({"kind": "aggregatable"}, [b"first", b"later", b"news"], "1"),
        ({"kind": "aggregatable", "destination": "https://news.test"}, [b"news"], "0"),
        ({"kind": "aggregatable", "from": "2027-01-15T09:00Z"}, [b"later"], "0"),
        ({"kind": "aggregatable", "until": "2027-01-15T09", "destination": "https://shop.test"}, [b"first"], "1"),
        ({"kind": "aggregatable-debug"}, [b"copy"], "0"),
        ({"kind": "aggregatable-debug", "clear_text": "true"}, [b"clear"], "0"),
        ({"kind": "private-aggregation", "api": "shared-storage"}, [b"shared"], "0"),
        ({"kind": "private-aggregation", "api": "protected-audience"}, [], "0"),
        ({"kind": "aggregate-debug"}, [], "0"),
    ],
)
async def test_a_batch_is_one_avro_file_of_what_the_query_selects(
    client: Client, query: dict[str, str], expected: list[bytes], left_out: str
) -> None:
    status, headers, body = await get(client, "batches.avro", **query)
    assert (status, headers["Tallyhost-Reports"], headers["Tallyhost-Left-Out"]) == (200, str(len(expected)), left_out)
    records: list[Any] = list(fastavro.reader(io.BytesIO(body)))
    assert [record["payload"] for record in records] == expected


async def test_the_same_comes_as_json_lines_each_report_as_it_was_received(client: Client) -> None:
    status, headers, body = await get(client, "batches.jsonl", kind="aggregatable", destination="https://shop.test")
    assert (status, headers["Tallyhost-Reports"]) == (200, "3")
    assert headers["Content-Type"] == "application/x-ndjson"
    assert body.splitlines() == [FIRST, LATER, GARBLED]


@pytest.mark.parametrize("file", ["batches.avro", "batches.jsonl"])
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({}, "kind="),
        ({"kind": "histogram"}, "histogram"),
        ({"kind": "aggregatable", "from": "yesterday"}, "yesterday"),
        ({"kind": "aggregatable", "until": "2027-01-15T09:30Z"}, "beginning of an hour"),
        ({"kind": "aggregatable", "until": "0001-01-01T00:30+14:00"}, "0001"),
    ],
)
async def test_a_query_that_is_wrong_is_refused_with_what_to_write(
    client: Client, file: str, query: dict[str, str], told: str
) -> None:
    answer = await client.get(f"/attribution-collector/{file}", params=query)
    error = (await answer.json())["error"]
    assert (answer.status, error["code"]) == (400, "malformed-request")
    assert told in error["message"]
    assert error["fix"]


async def test_reports_without_payloads_are_refused_as_avro_and_given_as_json(client: Client) -> None:
    assert (await get(client, "batches.avro", kind="event-level"))[0] == 400
    status, headers, body = await get(client, "batches.jsonl", kind="event-level")
    assert (status, headers["Tallyhost-Reports"], body) == (200, "0", b"")


async def test_the_list_can_be_of_one_kind(client: Client) -> None:
    _, _, body = await get(client, "reports", kind="aggregatable-debug")
    assert body.count(b'"kind": "aggregatable-debug"') == 1
    assert b'"kind": "aggregatable"' not in body
    assert (await get(client, "reports", kind="none"))[0] == 400
