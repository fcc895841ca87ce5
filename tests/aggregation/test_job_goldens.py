"""Whole jobs over what Chromium sealed: sums, budget and refusals."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

from agent.aggregation.job import Job, run_job
from agent.aggregation.outputs import Output
from agent.model.aggregation import BudgetUnit, ErrorCounter, ReturnCode
from agent.model.clock import DAY, SECOND, Clock
from agent.model.rng import SeededRng
from storage.aggregation_jobs import DatabaseJobLedger
from storage.database import MEMORY, AsyncDatabase
from tests.conformance_data import conformance_file


def goldens() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each sealed golden with its shared_info."""
    lines = conformance_file("payload/goldens.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [case for case in map(json.loads, lines) if case["kind"] == "encrypted_report"]
    assert cases
    return [(case, json.loads(case["report"]["shared_info"])) for case in cases]


async def test_each_golden_is_one_job_that_gives_its_sums_spends_its_key_once_and_the_oldest_version_is_refused(
    tmp_path: Path,
) -> None:
    for position, (case, info) in enumerate(goldens()):
        folder = tmp_path / str(position)
        folder.mkdir()
        (folder / "report.json").write_text(json.dumps(case["report"]))
        contributions = case["contributions_non_null"]
        ids = sorted({one.get("id", 0) for one in contributions}) or [0]
        parameters = {"attribution_report_to": info["reporting_origin"], "filtering_ids": ",".join(map(str, ids))}
        keys = {case["key_id"]: base64.b64decode(case["private_key_b64"])}
        clock = Clock.frozen(int(info["scheduled_report_time"]) * SECOND + DAY)
        async with await AsyncDatabase.open(MEMORY, now=clock.now()) as database:
            ledger = DatabaseJobLedger(database)

            def job(name: str, folder: Path = folder, parameters: dict[str, str] = parameters) -> Job:
                inputs, output = (folder / "report.json",), Output(folder / name)
                return Job(job_request_id=name, inputs=inputs, output=output, parameters=parameters)

            given: dict[str, Any] = {"keys": keys, "rng": SeededRng(1), "clock": clock, "noise": False}
            first = await run_job(job("first"), ledger=ledger, **given)
            if info["version"] == "":
                assert first.result_info.return_code is ReturnCode.REPORTS_WITH_ERRORS_EXCEEDED_THRESHOLD
                assert first.result_info.error_counts[ErrorCounter.DECRYPTION_ERROR] == 1
                assert first.spent == ()
                continue
            expected: Counter[int] = Counter()
            for one in contributions:
                expected[int(one["bucket"], 16)] += one["value"]
            assert first.summary is not None, case["name"]
            assert {fact.bucket: fact.metric for fact in first.summary.facts} == expected
            key = case["budget_key"]
            hour = key["scheduled_report_time_hour"] * SECOND
            spent = {one.unit for one in first.spent}
            assert len(spent) == len(ids)
            if key["filtering_id"] in ids:
                assert BudgetUnit(key["sha256"], hour, info["reporting_origin"]) in spent
            again = await run_job(job("again"), ledger=ledger, **given)
            assert again.result_info.return_code is ReturnCode.PRIVACY_BUDGET_EXHAUSTED
            assert {one.unit for one in again.exhausted} == spent
