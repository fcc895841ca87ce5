"""Chromium's own reports through the collector: what is exported opens with their published key."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from agent.aggregation.collected_batches import export_avro, export_json
from agent.aggregation.collector import Collector
from agent.aggregation.report_files import plan_shards, read_records
from agent.crypto.aggregatable_payload import open_payload
from agent.model.attribution_reporting.collected import Selection
from agent.model.clock import Clock
from agent.model.reports import ReportKind
from storage.collected_attribution_reports import DatabaseAttributionCollection
from storage.database import MEMORY, AsyncDatabase
from tests.aggregation.collected import AGGREGATE, NOW, WELL_KNOWN
from tests.conformance_data import conformance_file

PATHS = {
    "attribution-reporting": AGGREGATE,
    "attribution-reporting-debug": f"{WELL_KNOWN}/debug/report-aggregate-debug",
    "shared-storage": "/.well-known/private-aggregation/report-shared-storage",
    "protected-audience": "/.well-known/private-aggregation/report-protected-audience",
}


@pytest.fixture(scope="module")
def goldens() -> list[dict[str, Any]]:
    cases = map(json.loads, conformance_file("payload/goldens.jsonl").read_text().splitlines())
    return [case for case in cases if case["kind"] == "encrypted_report"]


@pytest.mark.parametrize("export", [export_avro, export_json])
async def test_every_golden_is_kept_though_all_share_one_report_id_and_opens_from_its_batch(
    goldens: list[dict[str, Any]], tmp_path: Path, export: Any
) -> None:
    async with await AsyncDatabase.open(MEMORY, now=NOW) as database:
        shelf = DatabaseAttributionCollection(database)
        collector = Collector(shelf, Clock.frozen(NOW))
        for golden in goldens:
            # The oldest version has no api; there was only one.
            path = PATHS[json.loads(golden["report"]["shared_info"]).get("api", "attribution-reporting")]
            answer = await collector.receive(path, "application/json", json.dumps(golden["report"]).encode())
            assert answer.status == 200
        for kind in (ReportKind.AGGREGATABLE, ReportKind.AGGREGATE_DEBUG, ReportKind.PRIVATE_AGGREGATION):
            assert (await export(shelf, tmp_path, Selection(kind))).left_out == 0
    key = base64.b64decode(goldens[0]["private_key_b64"])
    shards = plan_shards([folder for folder in tmp_path.iterdir() if not folder.name.endswith("clear-text")])
    records = [record for shard in shards for record in read_records(shard)]
    assert {record.key_id for record in records} == {"example_id"}
    opened = [open_payload(record.payload, record.shared_info, key) for record in records]
    assert None not in opened
    expected = {base64.b64decode(golden["cleartext_cbor_b64"]) for golden in goldens}
    assert set(opened) == expected
    assert len(opened) == len(goldens) > 0
