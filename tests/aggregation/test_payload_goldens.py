"""The whole way of a report, from its file to the summary, held to what Chromium sealed and the service answers."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agent.aggregation.avro import Record, write_reports
from agent.aggregation.report_files import plan_shards, read_records
from agent.aggregation.shards import ShardTask, process_shard
from agent.crypto.aggregatable_payload import open_payload
from agent.engines.aggregation.summary import summarize
from agent.model.aggregation import BudgetUnit, ErrorCounter, JobParameters, Partial
from agent.model.rng import SeededRng
from tests.conformance_data import conformance_file

HOUR = 3_600_000


def cases(kind: str) -> list[dict[str, Any]]:
    lines = conformance_file("payload/goldens.jsonl").read_text(encoding="utf-8").splitlines()
    found = [case for case in map(json.loads, lines) if case["kind"] == kind]
    assert found
    return found


def of(case: dict[str, Any]) -> Any:
    """shared_info of a sealed golden, parsed."""
    return json.loads(case["report"]["shared_info"])


def ids_in(case: dict[str, Any]) -> frozenset[int]:
    """The filtering ids of a golden's contributions; 0 for a null report."""
    return frozenset(one.get("id", 0) for one in case["contributions_non_null"]) or frozenset({0})


def run(path: Path, job: ShardTask) -> Partial:
    """A job over one file."""
    (shard,) = plan_shards([path])
    return process_shard(shard, job)


def of_one_golden(folder: Path, case: dict[str, Any], filtering_ids: frozenset[int]) -> Partial:
    """A job over one golden, as it was received, on the day of its report."""
    path = folder / "report.json"
    path.write_text(json.dumps(case["report"]), encoding="utf-8")
    info = of(case)
    parameters = JobParameters(attribution_report_to=info["reporting_origin"], filtering_ids=filtering_ids)
    now = int(info["scheduled_report_time"]) * 1000 + 24 * HOUR
    return run(path, ShardTask(parameters, now, {case["key_id"]: base64.b64decode(case["private_key_b64"])}))


def test_every_golden_gives_its_exact_sums_in_a_job_of_its_own(tmp_path: Path) -> None:
    opened = 0
    for case in cases("encrypted_report"):
        if of(case)["version"] == "":
            continue
        partial = of_one_golden(tmp_path, case, ids_in(case))
        expected: Counter[int] = Counter()
        for one in case["contributions_non_null"]:
            expected[int(one["bucket"], 16)] += one["value"]
        assert partial.sums == expected, case["name"]
        assert (partial.errors, partial.left_out, partial.reports, partial.unqueried) == (Counter(), [], 1, 0)
        opened += 1
    assert opened


def test_every_golden_spends_its_budget_key_for_each_id_that_is_queried(tmp_path: Path) -> None:
    checked = 0
    for case in cases("encrypted_report"):
        info = of(case)
        if info["version"] == "":
            continue
        key = case["budget_key"]
        unit = BudgetUnit(key["sha256"], key["scheduled_report_time_hour"] * 1000, info["reporting_origin"])
        spent = of_one_golden(tmp_path, case, frozenset({key["filtering_id"]})).units
        assert spent == {unit: 1}, case["name"]
        checked += 1
    assert checked


def test_the_clear_text_of_every_golden_is_what_chromium_sealed(tmp_path: Path) -> None:
    for case in cases("encrypted_report"):
        path = tmp_path / "report.json"
        path.write_text(json.dumps(case["report"]), encoding="utf-8")
        (record,) = read_records(*plan_shards([path]))
        plaintext = open_payload(record.payload, record.shared_info, base64.b64decode(case["private_key_b64"]))
        assert plaintext == base64.b64decode(case["cleartext_cbor_b64"]), case["name"]


def test_a_golden_of_the_oldest_version_does_not_open(tmp_path: Path) -> None:
    oldest = [case for case in cases("encrypted_report") if of(case)["version"] == ""]
    assert oldest
    for case in oldest:
        partial = of_one_golden(tmp_path, case, frozenset({0}))
        assert partial.errors == Counter([ErrorCounter.DECRYPTION_ERROR, ErrorCounter.NUM_REPORTS_WITH_ERRORS])
        assert (partial.sums, partial.units) == ({}, {})
        assert 'version is ""' in partial.left_out[0].mistake


def test_of_two_goldens_in_one_batch_the_first_counts_for_all_have_one_report_id(tmp_path: Path) -> None:
    api = "attribution-reporting"
    alike = [case for case in cases("encrypted_report") if of(case)["version"] == "1.0" and of(case)["api"] == api]
    first, second = alike[:2]
    path = tmp_path / "both.json"
    path.write_text(json.dumps([first["report"], second["report"]]), encoding="utf-8")
    info = of(first)
    parameters = JobParameters(attribution_report_to=info["reporting_origin"], filtering_ids=ids_in(first))
    now = int(info["scheduled_report_time"]) * 1000
    partial = run(path, ShardTask(parameters, now, {first["key_id"]: base64.b64decode(first["private_key_b64"])}))
    assert (partial.reports, partial.duplicates) == (2, 1)
    assert partial.sums == of_one_golden(tmp_path, first, ids_in(first)).sums


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    return tmp_path / "batch.avro"


def test_every_batch_in_clear_text_gives_its_summary(batch: Path) -> None:
    for case in cases("plaintext_batch"):
        records = [
            Record(base64.b64decode(one["payload_b64"]), one["key_id"], one["shared_info"]) for one in case["reports"]
        ]
        write_reports(batch, records)
        parameters = JobParameters(attribution_report_to="https://any.test")
        partial = run(batch, ShardTask(parameters, 0, clear_text=True))
        assert (partial.reports, partial.errors) == (case["avro_records"], Counter()), case["name"]
        domain = None if case["skip_domain"] else [int(bucket, 16) for bucket in case["domain_hex"]]
        summary = summarize(partial.sums, domain, parameters, rng=SeededRng(1), noise=False)
        found = {fact.bucket: fact.metric for fact in summary.facts}
        assert found == {int(bucket, 16): metric for bucket, metric in case["expected_summary"].items()}, case["name"]


def test_every_batch_spends_the_budget_units_that_the_service_computes(batch: Path) -> None:
    for case in cases("budget_units_of_batch"):
        empty = bytes.fromhex("a2646461746180696f7065726174696f6e69686973746f6772616d")
        write_reports(batch, [Record(empty, "", info) for info in case["shared_infos"]])
        parameters = JobParameters(attribution_report_to="x", filtering_ids=frozenset(case["filtering_ids"]))
        partial = run(batch, ShardTask(parameters, 0, clear_text=True))
        assert partial.errors == Counter()
        found = [[unit.shared_id, unit.hour // 1000] for unit in partial.units]
        assert sorted(found) == sorted(case["budget_units"]), case["name"]
