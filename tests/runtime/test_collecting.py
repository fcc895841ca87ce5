"""A collector as scripts have it."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from agent.aggregation.collector import ATTRIBUTION_PATHS, PRIVATE_AGGREGATION_PATHS
from agent.aggregation.report_files import plan_shards, read_records
from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.model.attribution_reporting.limits import COORDINATORS
from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import Clock
from agent.model.errors import HostEnvironmentError, UsageError
from agent.model.reports import ReportKind
from agent.runtime import open_collector
from tests.aggregation.collected import AGGREGATE, NOW, element, sealed_report
from tests.conformance_data import REPOSITORY
from tests.runtime.test_outgoing_attribution import HOST, agent_with, aggregatable

HOUR_OF_REPORT, NEXT_HOUR = "2027-01-15T08:00Z", "2027-01-15T09:00Z"


async def test_the_example_of_the_readme_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    (example,) = [block for block in blocks if "open_collector" in block]
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {
        "open_collector": open_collector,
        "path": AGGREGATE,
        "content_type": "application/json",
        "body": sealed_report(),
    }
    exec(example, names)  # noqa: S102 - the README is ours
    main: Callable[[], Coroutine[Any, Any, None]] = names["main"]
    await main()
    told = re.findall(r"print\(.*\)  # (.+)", example)
    assert capsys.readouterr().out.splitlines() == told
    assert len(told) == 2
    assert Path(told[1]).is_file()


async def test_what_is_kept_in_a_file_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    file = tmp_path / "collected.sqlite3"
    for _ in range(2):
        async with open_collector(file, clock=Clock.frozen(NOW)) as collector:
            assert (await collector.receive(AGGREGATE, "application/json", sealed_report())).document["stored"] == 1
            (kept,) = await collector.store.page(after=0, limit=9)
            assert (kept.body, kept.received) == (sealed_report(), NOW)


async def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("no database " * 100)
    with pytest.raises(HostEnvironmentError):
        async with open_collector(tmp_path / "notes"):
            pass


async def test_an_application_takes_reports_at_every_path_and_keeps_its_own(tmp_path: Path) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="the site's own")

    site = web.Application()
    site.router.add_get("/", page)
    async with open_collector() as collector:
        collector.add_to(site)
        async with TestClient(TestServer(site)) as client:
            for path in (*ATTRIBUTION_PATHS, *PRIVATE_AGGREGATION_PATHS):
                assert (await client.post(path, data=b"{}")).status == 400
            assert (await client.post(AGGREGATE, json={"x": "y" * (1 << 20)})).status == 413
            assert (await client.post(AGGREGATE, data=sealed_report())).status == 200
            assert (await client.get(AGGREGATE)).status == 405
            assert await (await client.get("/")).text() == "the site's own"
        export = await collector.export_json(tmp_path, "aggregatable")
        assert export.records == 1


async def test_a_batch_is_selected_by_times_as_text_or_in_milliseconds(tmp_path: Path) -> None:
    async with open_collector(clock=Clock.frozen(NOW)) as collector:
        await collector.receive(AGGREGATE, "application/json", sealed_report())
        ranges: list[tuple[dict[str, Any], int]] = [
            ({"from_time": HOUR_OF_REPORT, "until_time": NEXT_HOUR}, 1),
            ({"until_time": HOUR_OF_REPORT}, 0),
            ({"from_time": NOW}, 1),
            ({"from_time": NEXT_HOUR}, 0),
        ]
        for number, (bounds, expected) in enumerate(ranges):
            for export in (collector.export_avro, collector.export_json):
                folder = tmp_path / f"{export.__name__}-{number}"
                assert (await export(folder, "aggregatable", **bounds)).records == expected


@pytest.mark.parametrize(
    ("kind", "more"), [("histogram", {}), ("aggregatable", {"from_time": "noon"}), ("aggregatable", {"until_time": 1})]
)
async def test_a_selection_that_is_none_is_told(tmp_path: Path, kind: str, more: dict[str, Any]) -> None:
    async with open_collector() as collector:
        for export in (collector.export_avro, collector.export_json):
            with pytest.raises(UsageError):
                await export(tmp_path, kind, **more)
    assert list(tmp_path.iterdir()) == []


async def test_what_an_agent_sends_is_exported_as_records_that_its_own_keys_open(tmp_path: Path) -> None:
    async with open_collector() as collector, agent_with(":memory:", aggregatable(COORDINATORS[0])) as agent:
        agent.map(HOST, collector.app)
        await agent.clock.advance(0)
        private_keys = agent.service_keys.private_keys()
        await collector.export_avro(tmp_path, ReportKind.AGGREGATABLE)
    (shard,) = plan_shards([tmp_path / "aggregatable"])
    (record,) = read_records(shard)
    plaintext = open_payload(record.payload, record.shared_info, private_keys[record.key_id])
    assert plaintext is not None
    opened = read_payload(plaintext)
    assert isinstance(opened, Payload)
    assert Contribution(0, 0) in opened.data


async def test_hostile_reports_do_not_keep_a_batch_from_being_made(tmp_path: Path) -> None:
    async with open_collector() as collector:
        for body in (sealed_report("a", element(b"forged")), sealed_report("a", {"key_id": "k", "payload": "!"})):
            assert (await collector.receive(AGGREGATE, "application/json", body)).status == 200
        assert (await collector.receive(AGGREGATE, "application/json", sealed_report("a"))).status == 200
        export = await collector.export_avro(tmp_path, "aggregatable")
    assert (export.records, export.left_out) == (2, 1)
