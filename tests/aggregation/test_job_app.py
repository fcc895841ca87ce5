"""The service's HTTP front end: createJob, getJob and the list of jobs, with the worker behind them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from agent.aggregation import job_app as module
from agent.aggregation.avro import read_facts
from agent.aggregation.job import run_job
from agent.aggregation.job_app import job_app
from agent.model.clock import Clock
from agent.model.rng import SeededRng
from storage import aggregation_ledger
from storage.aggregation_jobs import DatabaseJobLedger
from storage.database import MEMORY, AsyncDatabase, Database, Location
from tests.aggregation.jobs import BUCKET, KEYS, NOW, ORIGIN, batch, domain_file, record

Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def running(root: Path, path: Location = MEMORY, **options: Any) -> AsyncIterator[Client]:
    """The application below a site, as sites mount it."""
    async with await AsyncDatabase.open(path, now=NOW) as database:
        given: dict[str, Any] = {"keys": KEYS, "rng": SeededRng(5), "clock": Clock.frozen(NOW), "noise": False}
        app = job_app(ledger=DatabaseJobLedger(database), root=root, **given | options)
        site = web.Application()
        site.add_subapp("/aggregation", app)
        async with TestClient(TestServer(site)) as client:
            yield client


def buckets(root: Path) -> Path:
    """Two batches of one report each, and a domain."""
    batch(root / "reports", [record(0)], "2026-01-05T08.avro")
    batch(root / "reports", [record(1, attribution_destination="https://b.test")], "2026-01-05T09.avro")
    domain_file(root / "domains", [BUCKET, 0], "campaigns.avro")
    return root


def request(job_request_id: str = "job-1", **changes: Any) -> dict[str, Any]:
    domain = {"output_domain_bucket_name": "domains", "output_domain_blob_prefix": "campaigns"}
    return {
        "job_request_id": job_request_id,
        "input_data_bucket_name": "reports",
        "input_data_blob_prefix": "2026-01-05T08",
        "output_data_bucket_name": "summaries",
        "output_data_blob_prefix": "output/summary.avro",
        "job_parameters": {"attribution_report_to": ORIGIN} | domain | changes.pop("job_parameters", {}),
    } | changes


async def create(client: Client, document: Any) -> ClientResponse:
    return await client.post("/aggregation/v1alpha/createJob", json=document)


async def get(client: Client, job_request_id: str = "job-1") -> dict[str, Any]:
    response = await client.get("/aggregation/v1alpha/getJob", params={"job_request_id": job_request_id})
    assert response.status == 200
    document: dict[str, Any] = await response.json()
    return document


async def finished(client: Client, job_request_id: str = "job-1") -> dict[str, Any]:
    async with asyncio.timeout(10):
        while (job := await get(client, job_request_id))["job_status"] != "FINISHED":
            await asyncio.sleep(0.005)
    return job


async def run(client: Client, document: dict[str, Any]) -> dict[str, Any]:
    response = await create(client, document)
    assert response.status == 202, await response.text()
    return await finished(client, document["job_request_id"])


async def test_a_created_job_is_accepted_run_and_its_summary_written_under_the_services_names(tmp_path: Path) -> None:
    async with running(buckets(tmp_path)) as client:
        response = await create(client, request())
        assert (response.status, await response.json()) == (202, {})
        job = await finished(client)
    assert {name: job[name] for name in request()} == request()
    assert (job["request_received_at"], job["request_updated_at"]) == ("2026-01-05T09:00:00Z",) * 2
    info = job["result_info"]
    assert (info["return_code"], info["finished_at"]) == ("SUCCESS", "2026-01-05T09:00:00Z")
    assert info["error_summary"] == {"error_counts": [], "error_messages": []}
    files = [path for path in (tmp_path / "summaries").rglob("*") if path.is_file()]
    assert files == [tmp_path / "summaries" / "output" / "summary-1-of-1.avro"]
    assert read_facts(files[0]) == {BUCKET: 100, 0: 0}


async def test_a_debug_run_has_its_debug_summary_in_a_folder_beside(tmp_path: Path) -> None:
    batch(buckets(tmp_path) / "reports", [record(5, debug_mode="enabled")], "debug.avro")
    debug_run = request(input_data_blob_prefix="debug", job_parameters={"debug_run": "true"})
    async with running(tmp_path) as client:
        await run(client, debug_run)
    files = {str(path.relative_to(tmp_path / "summaries")) for path in (tmp_path / "summaries").rglob("*.avro")}
    assert files == {"output/summary-1-of-1.avro", "output/debug/summary-1-of-1.avro"}


async def test_a_prefix_matches_every_file_whose_name_begins_with_it(tmp_path: Path) -> None:
    batch(buckets(tmp_path) / "reports" / "2026-01-05T10", [record(2)], "part.avro")
    (tmp_path / "reports" / "2026-01-05-empty.avro").touch()
    async with running(tmp_path) as client:
        await run(client, request(input_data_blob_prefix="2026-01-05"))
        await run(client, request("none", input_data_blob_prefix="2027", output_data_blob_prefix="none"))
        assert (await get(client, "none"))["result_info"]["return_code"] == "INPUT_DATA_READ_FAILED"
    assert read_facts(tmp_path / "summaries" / "output" / "summary-1-of-1.avro")[BUCKET] == 300


async def test_several_prefixes_make_one_job(tmp_path: Path) -> None:
    prefixes = request(input_data_blob_prefixes=["2026-01-05T08", "2026-01-05T09", "2026-01-05T0"])
    del prefixes["input_data_blob_prefix"]
    async with running(buckets(tmp_path)) as client:
        await run(client, prefixes)
    assert read_facts(tmp_path / "summaries" / "output" / "summary-1-of-1.avro")[BUCKET] == 200


async def test_a_job_id_is_taken_once(tmp_path: Path) -> None:
    async with running(buckets(tmp_path)) as client:
        responses = await asyncio.gather(*(create(client, request()) for _ in range(5)))
        assert sorted(response.status for response in responses) == [202, 409, 409, 409, 409]
        await finished(client)
        response = await create(client, request())
        assert response.status == 409
        assert (await response.json())["error"]["code"] == "job-exists"


async def test_an_unknown_job_is_not_found(tmp_path: Path) -> None:
    async with running(buckets(tmp_path)) as client:
        for parameters in ({"job_request_id": "job-9"}, {}):
            response = await client.get("/aggregation/v1alpha/getJob", params=parameters)
            assert (response.status, (await response.json())["error"]["code"]) == (404, "job-not-found")


@pytest.mark.parametrize(
    "changes",
    [
        {"job_request_id": "ä"},
        {"job_request_id": "x" * 129},
        {"input_data_bucket_name": None},
        {"input_data_blob_prefixes": ["a"]},
        {"output_data_blob_prefix": ""},
        {"job_parameters": {"debug_run": True}},
    ],
)
async def test_a_request_of_the_wrong_form_is_refused_and_tells_what_is_wrong(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    async with running(buckets(tmp_path)) as client:
        response = await create(client, request(**changes))
        assert response.status == 400
        error = (await response.json())["error"]
        assert error["code"] == "invalid-request"
        assert all(one["name"] and one["rule"] and one["fix"] for one in error["errors"])
        assert (await (await client.get("/aggregation/v1alpha/jobs")).json())["jobs"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"job"', b"[" * 5_000, b"\xff"])
async def test_a_body_that_is_no_object_is_refused(tmp_path: Path, body: bytes) -> None:
    async with running(buckets(tmp_path)) as client:
        response = await client.post("/aggregation/v1alpha/createJob", data=body)
        assert response.status == 400


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", "a\\b", "a\0b", "x" * 256, "\ud800", "out", "a\nb"])
@pytest.mark.parametrize("which", ["input_data", "output_data", "output_domain"])
async def test_a_bucket_is_a_folder_below_the_root_and_nothing_else(tmp_path: Path, name: str, which: str) -> None:
    root = buckets(tmp_path / "root")
    (root / "out").symlink_to(tmp_path)
    named = {f"{which}_bucket_name": name}
    changed = request(job_parameters=named) if which == "output_domain" else request(**named)
    if which == "output_domain" and not name:
        return  # a domain that is not named is INVALID_JOB
    async with running(root) as client:
        assert (await create(client, changed)).status == 400


@pytest.mark.parametrize(
    "prefix", ["../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a\0b", "x" * 201, "a/" * 600, "link/x", "\udc80"]
)
@pytest.mark.parametrize("which", ["input_data", "output_data", "output_domain"])
async def test_a_prefix_stays_in_its_bucket(tmp_path: Path, prefix: str, which: str) -> None:
    root = buckets(tmp_path / "root")
    for bucket in ("reports", "summaries", "domains"):
        (root / bucket).mkdir(exist_ok=True)
        (root / bucket / "link").symlink_to(tmp_path)
    named = {f"{which}_blob_prefix": prefix}
    changed = request(job_parameters=named) if which == "output_domain" else request(**named)
    async with running(root) as client:
        response = await create(client, changed)
        assert response.status == 400
        assert [one["name"] for one in (await response.json())["error"]["errors"]] == [f"{which}_blob_prefix"]
    assert {path.name for path in tmp_path.iterdir()} == {"root"}


async def test_a_prefix_that_ends_in_a_slash_is_a_folder(tmp_path: Path) -> None:
    batch(buckets(tmp_path) / "reports" / "day", [record(5, debug_mode="enabled")])
    debug_run = request(
        input_data_blob_prefix="day/", output_data_blob_prefix="day/", job_parameters={"debug_run": "true"}
    )
    async with running(tmp_path) as client:
        await run(client, debug_run)
    files = {str(path.relative_to(tmp_path)) for path in (tmp_path / "summaries").rglob("*") if path.is_file()}
    assert files == {"summaries/day/-1-of-1", "summaries/day/debug/-1-of-1"}


async def test_a_file_that_is_a_link_out_of_its_bucket_is_not_read(tmp_path: Path) -> None:
    root = buckets(tmp_path / "root")
    secret = batch(tmp_path / "elsewhere", [record(7)])
    (root / "reports" / "linked.avro").symlink_to(secret)
    (root / "reports" / "linked-to-nothing.avro").symlink_to("nowhere")
    async with running(root) as client:
        job = await run(client, request(input_data_blob_prefix="linke"))
    assert job["result_info"]["return_code"] == "INPUT_DATA_READ_FAILED"


async def test_without_a_domain_a_job_is_invalid_unless_domains_are_optional(tmp_path: Path) -> None:
    document = request()
    del document["job_parameters"]["output_domain_bucket_name"]
    del document["job_parameters"]["output_domain_blob_prefix"]
    # 90 % of the noise is far below the threshold, and so is the one report's 100.
    batch(buckets(tmp_path) / "reports", [record(n, contributions=[(1, 65_536)]) for n in range(3)], "many.avro")
    async with running(tmp_path) as client:
        assert (await run(client, document))["result_info"]["return_code"] == "INVALID_JOB"
    async with running(tmp_path, domain_optional=True) as client:
        both = {"input_data_blob_prefixes": ["many", "2026-01-05T09"]}
        optional = {k: v for k, v in document.items() if k != "input_data_blob_prefix"} | both
        assert (await run(client, optional))["result_info"]["return_code"] == "SUCCESS"
    assert read_facts(tmp_path / "summaries" / "output" / "summary-1-of-1.avro") == {1: 196_608}


async def test_the_list_tells_of_each_job_what_a_chart_needs_and_never_the_sums_unless_it_reveals(
    tmp_path: Path,
) -> None:
    async with running(buckets(tmp_path), noise=True) as client:
        await run(client, request())
        await run(client, request("job-2"))
        document = await (await client.get("/aggregation/v1alpha/jobs")).json()
        page = await (await client.get("/aggregation/v1alpha/jobs?after=1&limit=1")).json()
    assert document["schema"] == 1
    first, second = document["jobs"]
    assert page["jobs"] == [second]
    summary = first["summary"]
    assert (summary["reports"], summary["left_out"], summary["units"], summary["buckets"]) == (1, 0, 1, 2)
    assert (summary["epsilon"], summary["scale"]) == (10.0, 6553.6)
    assert [fact["bucket"] for fact in summary["facts"]] == ["0x0", "0x559"]
    for fact in summary["facts"]:
        assert set(fact) == {"bucket", "metric", "p5", "p95"}
        assert fact["metric"] - fact["p5"] == fact["p95"] - fact["metric"] == summary["interval"]
    assert second["result_info"]["return_code"] == "PRIVACY_BUDGET_EXHAUSTED"
    assert [one["job_request_id"] for one in second["exhausted"]] == ["job-1"]
    assert "summary" not in second
    async with running(tmp_path, reveal=True) as client:
        await run(client, request())
        (job,) = (await (await client.get("/aggregation/v1alpha/jobs")).json())["jobs"]
    assert [fact["unnoised_metric"] for fact in job["summary"]["facts"]] == [0, 100]


@pytest.mark.parametrize("hostile", ["\ud800", "a\0b", "x" * 100_000, "\u202e<script>"])
@pytest.mark.parametrize("name", ["attribution_report_to", "filtering_ids", "unknown\ud800"])
async def test_whatever_parameters_say_the_job_ends_and_is_told(tmp_path: Path, name: str, hostile: str) -> None:
    async with running(buckets(tmp_path)) as client:
        job = await run(client, request(job_parameters={name: hostile}))
        assert job["job_parameters"][name] == hostile
        assert job["result_info"]["return_code"] in {
            "INVALID_JOB",
            "REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD",
            "SUCCESS",  # of parameters that the service does not know
        }
        assert (await client.get("/aggregation/v1alpha/jobs")).status == 200


@pytest.mark.parametrize("query", ["job_request_id=%00", "job_request_id=%ed%a0%80", "job_request_id=%ff", "x=1"])
async def test_whatever_is_asked_for_is_answered(tmp_path: Path, query: str) -> None:
    async with running(buckets(tmp_path)) as client:
        response = await client.get(URL(f"/aggregation/v1alpha/getJob?{query}", encoded=True))
        assert response.status == 404


async def test_jobs_run_one_at_a_time_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, gate, begun = buckets(tmp_path), asyncio.Event(), asyncio.Queue[str]()

    async def held(job: Any, **named: Any) -> Any:
        begun.put_nowait(job.job_request_id)
        await gate.wait()
        return await run_job(job, **named)

    monkeypatch.setattr(module, "run_job", held)
    async with running(root) as client:
        await create(client, request("a"))
        await create(client, request("b", output_data_blob_prefix="b"))
        assert await begun.get() == "a"
        assert [(await get(client, name))["job_status"] for name in ("a", "b")] == ["IN_PROGRESS", "RECEIVED"]
        assert begun.empty()
        gate.set()
        await finished(client, "b")
        assert await begun.get() == "b"


async def test_a_restart_goes_on_with_the_jobs_that_were_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, database = buckets(tmp_path / "root"), tmp_path / "ledger.sqlite3"

    async def never(*_given: Any, **_named: Any) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patched:
        patched.setattr(module, "run_job", never)
        async with running(root, database) as client:
            await create(client, request("a"))
            await create(client, request("b", input_data_blob_prefix="2026-01-05T09", output_data_blob_prefix="b"))
    async with running(root, database) as client:
        assert [(await finished(client, name))["result_info"]["return_code"] for name in ("a", "b")] == ["SUCCESS"] * 2
    assert read_facts(root / "summaries" / "b-1-of-1") == {BUCKET: 100, 0: 0}


async def test_a_job_that_a_reset_forgot_while_it_waited_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, path, gate, begun = (
        buckets(tmp_path / "root"),
        tmp_path / "ledger.sqlite3",
        asyncio.Event(),
        asyncio.Queue[str](),
    )

    async def held(job: Any, **named: Any) -> Any:
        begun.put_nowait(job.job_request_id)
        await gate.wait()
        return await run_job(job, **named)

    monkeypatch.setattr(module, "run_job", held)
    async with running(root, path) as client:
        await create(client, request("a"))
        await create(client, request("b"))
        assert await begun.get() == "a"
        with Database.open(path, now=NOW) as database:
            database.transact("reset", aggregation_ledger.remove_all)
        await create(client, request("c", output_data_blob_prefix="c"))
        gate.set()
        await finished(client, "c")
        assert await begun.get() == "c"


async def test_a_job_that_breaks_does_not_hold_up_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    async def breaks(job: Any, **named: Any) -> Any:
        if job.job_request_id == "a":
            raise RuntimeError("a bug")
        return await run_job(job, **named)

    monkeypatch.setattr(module, "run_job", breaks)
    async with running(buckets(tmp_path)) as client:
        await create(client, request("a"))
        assert (await run(client, request("b")))["result_info"]["return_code"] == "SUCCESS"


async def test_an_output_that_cannot_be_written_is_told_as_the_service_does(tmp_path: Path) -> None:
    root = buckets(tmp_path)
    (root / "summaries").write_text("no folder")
    async with running(root) as client:
        job = await run(client, request())
        assert json.loads(json.dumps(job))["result_info"]["return_code"] == "RESULT_WRITE_ERROR"
