"""agent.aggregation.apps over HTTP, mounted below a site as the demo mounts them, on SQLite."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from agent.aggregation.apps import MAX_REPORT_BYTES, PAGE_LENGTH, collector_app, service_app
from agent.model.clock import Clock
from agent.model.rng import SeededRng
from storage.aggregation_ledger import DatabaseLedger
from storage.collected_reports import DatabaseCollection
from storage.database import MEMORY, AsyncDatabase, Location
from tests.aggregation.reports import KEYS, NOW, SERVICE, sealed, sealed_batch

Client = TestClient[web.Request, web.Application]
REPORT = {"Content-Type": "application/dap-report"}


@asynccontextmanager
async def running(path: Location = MEMORY, **options: Any) -> AsyncIterator[Client]:
    """A site with both applications mounted; ``options`` go to the service."""
    clock = Clock.frozen(NOW)
    async with await AsyncDatabase.open(path, now=NOW) as database:
        site = web.Application()
        site.add_subapp("/collector/", collector_app(DatabaseCollection(database), clock))
        ledger = DatabaseLedger(database)
        site.add_subapp("/service/", service_app(keys=KEYS, ledger=ledger, rng=SeededRng(5), clock=clock, **options))
        async with TestClient(TestServer(site)) as client:
            yield client


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    async with running() as running_client:
        yield running_client


def text(body: bytes) -> str:
    return base64.b64encode(body).decode()


async def collect(client: Client, body: bytes) -> ClientResponse:
    return await client.post("/collector/reports", data=body, headers=REPORT)


async def aggregate(client: Client, bodies: list[bytes], epsilon: object = 1.0) -> ClientResponse:
    request = {"reports": [text(body) for body in bodies], "epsilon": epsilon}
    return await client.post("/service/aggregate", json=request)


async def error_of(response: ClientResponse) -> dict[str, Any]:
    document = await response.json()
    assert document["schema"] == 1
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    error: dict[str, Any] = document["error"]
    assert error["message"]
    assert error["fix"]
    return error


async def test_no_epsilon_is_too_small_to_be_answered(client: Client) -> None:
    response = await aggregate(client, sealed_batch(), 1e-307)
    assert (response.status, (await error_of(response))["code"]) == (422, "invalid-epsilon")


@pytest.mark.parametrize("content_type", ["application/dap-report", "application/octet-stream"])
async def test_the_collector_keeps_the_bytes_of_a_report(client: Client, content_type: str) -> None:
    body = sealed()
    response = await client.post("/collector/reports", data=body, headers={"Content-Type": content_type})
    assert (response.status, await response.json()) == (200, {"schema": 1, "stored": 1})
    exported = await (await client.get("/collector/reports/export")).json()
    assert exported == {"schema": 1, "reports": [{"id": 1, "report": text(body)}]}


async def test_the_collector_takes_a_report_in_json(client: Client) -> None:
    response = await client.post("/collector/reports", json={"report": text(sealed())})
    assert (response.status, await response.json()) == (200, {"schema": 1, "stored": 1})


async def test_a_report_is_on_disk_before_the_collector_answers(tmp_path: Path) -> None:
    path, body = tmp_path / "adtech.sqlite3", sealed()
    async with running(path) as client:
        response = await collect(client, body)
        assert response.status == 200
        with sqlite3.connect(path) as other:
            assert other.execute("SELECT id, body FROM collected_reports").fetchall() == [(1, body)]
        other.close()


async def test_a_report_that_is_sent_again_is_kept_once(client: Client) -> None:
    # Delivery repeats a report whose answer was lost; were both kept, every batch with them would be a replay.
    first, second = sealed(1), sealed(2)
    stored = [(await (await collect(client, body)).json())["stored"] for body in (first, second, first)]
    assert stored == [1, 2, 1]


async def test_the_list_shows_what_is_in_the_clear_and_no_more(client: Client) -> None:
    body = sealed()
    await collect(client, body)
    document = await (await client.get("/collector/reports")).json()
    assert document == {
        "schema": 1,
        "reports": [
            {
                "id": 1,
                "received": "2026-01-05T09:00:00+00:00",
                "bytes": len(body),
                "dialect": "current",
                "service": SERVICE,
                "histogram_size": 4,
                "key_id": KEYS.current.id.hex(),
                "preview": body[20 + len(SERVICE) :][:32].hex(),
            }
        ],
    }


async def test_lists_are_paged_and_filtered_by_service(client: Client) -> None:
    for number in range(6):
        await collect(client, sealed(number, service=SERVICE if number % 2 else "aggregator.test"))

    async def ids(query: str) -> list[int]:
        document = await (await client.get(f"/collector/{query}")).json()
        return [report["id"] for report in document["reports"]]

    assert await ids("reports?after=2&limit=3") == [3, 4, 5]
    assert await ids("reports/export?after=2&limit=3") == [3, 4, 5]
    assert await ids("reports?service=aggregator.test") == [1, 3, 5]
    assert await ids(f"reports/export?service={SERVICE}&after=2") == [4, 6]
    assert await ids("reports?limit=0") == await ids("reports/export?limit=0") == []


async def test_an_export_is_longer_than_a_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.aggregation.apps.PAGE_LENGTH", 2)
    for number in range(5):
        await collect(client, sealed(number))
    listed = await (await client.get("/collector/reports?limit=100")).json()
    assert len(listed["reports"]) == 2
    for query, count in (("", 5), ("?limit=3", 3), ("?limit=4", 4), ("?after=1", 4)):
        exported = await (await client.get(f"/collector/reports/export{query}")).json()
        assert len(exported["reports"]) == count, query
    assert PAGE_LENGTH == 1_000


async def test_the_collector_refuses_what_is_no_report(client: Client) -> None:
    response = await collect(client, b"hello")
    assert response.status == 400
    assert (await error_of(response))["code"] == "malformed-report"
    response = await client.post("/collector/reports", data=sealed(), headers={"Content-Type": "text/plain"})
    assert response.status == 415
    assert (await error_of(response))["code"] == "unsupported-content-type"
    response = await collect(client, bytes(MAX_REPORT_BYTES + 1))
    assert response.status == 413
    assert (await error_of(response))["code"] == "http-413"
    assert (await (await client.get("/collector/reports")).json())["reports"] == []


async def test_the_largest_report_passes_in_both_forms(client: Client) -> None:
    body = sealed(histogram=(0,) * 65_536)
    assert (await collect(client, body)).status == 200
    response = await client.post("/collector/reports", json={"report": text(body)})
    assert (response.status, (await response.json())["stored"]) == (200, 1)


@pytest.mark.parametrize("path", ["/collector/reports", "/service/aggregate"])
async def test_a_preflight_allows_the_content_types_of_reports(client: Client, path: str) -> None:
    response = await client.options(
        path,
        headers={
            "Origin": "https://shop.test",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert response.status == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    assert response.headers["Access-Control-Allow-Headers"].lower() == "content-type"


async def test_every_answer_may_be_read_by_every_origin(client: Client) -> None:
    for path in ("/collector/reports", "/collector/reports/export", "/service/batches", "/service/keys"):
        response = await client.get(path)
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (200, "*"), path
        assert (await response.json())["schema"] == 1
    for path in ("/collector/nothing", "/service/aggregate"):
        response = await client.get(path)
        assert (await error_of(response))["code"] == f"http-{response.status}"


async def test_the_service_answers_a_batch_and_remembers_it(client: Client) -> None:
    response = await aggregate(client, sealed_batch())
    assert response.status == 200
    answer = await response.json()
    assert answer["schema"] == 1
    assert (answer["reports"], answer["epsilon"], answer["scale"], answer["minimum_batch"]) == (20, 1.0, 20.0, 20)
    assert len(answer["histogram"]) == len(answer["p5"]) == len(answer["p95"]) == 4
    assert answer["standard_deviation"] > 0
    assert "true_histogram" not in answer
    listed = await (await client.get("/service/batches")).json()
    assert listed == {"schema": 1, "batches": [{key: answer[key] for key in answer if key != "schema"}]}


async def test_batches_are_listed_in_pages_oldest_first(client: Client) -> None:
    for first in (0, 20, 40):
        assert (await aggregate(client, [sealed(first + number) for number in range(20)])).status == 200
    listed = await (await client.get("/service/batches?after=1&limit=1")).json()
    assert [batch["id"] for batch in listed["batches"]] == [2]


async def test_without_noise_the_service_answers_exact_sums() -> None:
    async with running(noise=False, minimum_batch=2) as client:
        answer = await (await aggregate(client, sealed_batch(4))).json()
    assert answer["histogram"] == [3, 3, 3, 3]
    assert answer["noise"] is False


async def test_the_service_answers_a_replay_with_409_and_its_positions(client: Client) -> None:
    bodies = sealed_batch()
    assert (await aggregate(client, bodies)).status == 200
    response = await aggregate(client, bodies)
    assert response.status == 409
    error = await error_of(response)
    assert (error["code"], error["reports"]) == ("replayed-report", list(range(20)))
    assert len((await (await client.get("/service/batches")).json())["batches"]) == 1


async def test_of_two_equal_batches_at_once_one_is_answered(client: Client) -> None:
    bodies = sealed_batch()
    responses = await asyncio.gather(*(aggregate(client, bodies) for _ in range(4)))
    assert sorted(response.status for response in responses) == [200, 409, 409, 409]


async def test_the_service_answers_a_refusal_with_422_and_what_differs(client: Client) -> None:
    response = await aggregate(client, [*sealed_batch(), sealed(20, collector="other.test")])
    assert response.status == 422
    error = await error_of(response)
    assert (error["code"], error["fields"], error["reports"]) == ("mixed-batch", ["collector"], [20])


@pytest.mark.parametrize(("epsilon", "code"), [(0, "invalid-epsilon"), (float("nan"), "invalid-epsilon")])
async def test_an_epsilon_out_of_range_is_refused(client: Client, epsilon: float, code: str) -> None:
    assert (await error_of(await aggregate(client, sealed_batch(), epsilon)))["code"] == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"reports": "AAAA", "epsilon": 1}',
        b'{"reports": [1], "epsilon": 1}',
        b'{"reports": ["?"], "epsilon": 1}',
        '{"reports": ["é"], "epsilon": 1}'.encode(),
        b'{"reports": []}',
        b'{"reports": [], "epsilon": "1"}',
        b'{"reports": [], "epsilon": true}',
    ],
)
async def test_a_request_of_the_wrong_form_is_refused(client: Client, body: bytes) -> None:
    response = await client.post("/service/aggregate", data=body)
    assert response.status == 400
    assert (await error_of(response))["code"] == "malformed-request"


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=", "limit=1e3", "after=²", "after=9999999999999999"])
async def test_a_page_that_is_no_number_is_refused(client: Client, query: str) -> None:
    for path in ("/collector/reports", "/collector/reports/export", "/service/batches"):
        response = await client.get(path, params=query)
        assert response.status == 400
        assert (await error_of(response))["code"] == "malformed-request"


async def test_a_batch_larger_than_the_site_would_take_passes() -> None:
    # The site that mounts the service keeps aiohttp's own limit of 1 MiB.
    bodies = sealed_batch(8, histogram=(0,) * 20_000)
    assert sum(map(len, bodies)) > 2**20
    async with running(minimum_batch=8) as client:
        assert (await aggregate(client, bodies)).status == 200


async def test_the_service_publishes_its_public_keys_alone(client: Client) -> None:
    answer = await (await client.get("/service/keys")).json()
    key = KEYS.current
    assert answer == {"schema": 1, "keys": [{"id": key.id.hex(), "public_key": text(key.public_key)}]}
