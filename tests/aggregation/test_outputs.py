"""The files of a job: names, contents, and how they come into being."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import fastavro
import pytest

from agent.aggregation import outputs
from agent.aggregation.job_documents import JobOutcome, read_outcome
from agent.aggregation.outputs import Output, write_outputs
from agent.engines.aggregation.key_structure import BucketName
from agent.model.aggregation import (
    AggregatedFact,
    BudgetUnit,
    ErrorCounter,
    LeftOut,
    Partial,
    ResultInfo,
    ReturnCode,
    SpentUnit,
    StoredJob,
    Summary,
)
from agent.model.events import Check, Event, Trace

NOW = 1_767_603_600_000
JOB = StoredJob("job-1", {"job_parameters": {"debug_run": "true"}}, NOW + 250)
FACTS = (
    AggregatedFact(0, -5, 0, in_domain=True, in_reports=False),
    AggregatedFact(2**128 - 1, 110, 100, in_domain=True, in_reports=True),
)
SUMMARY = Summary(FACTS, (*FACTS, AggregatedFact(9, 3, 1, in_domain=False, in_reports=True)), 10.0, 6553.6, 9268.2, 20)
UNIT = BudgetUnit("ab" * 32, NOW, "https://adtech.test")
PARTIAL = Partial(
    reports=12,
    errors=Counter({ErrorCounter.NUM_REPORTS_WITH_ERRORS: 1, ErrorCounter.DECRYPTION_ERROR: 1}),
    left_out=[LeftOut("a.avro[3]", None, (ErrorCounter.DECRYPTION_ERROR,), "no key opens it", "cut off", "https://a")],
    duplicates=2,
    units={UNIT: 9},
    made_of={UNIT: "attribution-reporting, https://shop.test"},
    unqueried=4,
    unqueried_id=2**64 - 1,
)
OUTCOME = JobOutcome(
    result_info=ResultInfo(ReturnCode.SUCCESS_WITH_ERRORS, "done", PARTIAL.errors, ("one",), NOW),
    event=Event("aggregation-job", NOW, "SUCCESS", "s", data={"n": 1}, trace=Trace((Check("a", passed=False),))),
    partial=PARTIAL,
    summary=SUMMARY,
    consumed={UNIT: 9},
    exhausted=(SpentUnit(UNIT, "job-0", 5),),
    dump="{}",
    seed=2**70,
    run="r",
)


def unnamed(_bucket: int) -> BucketName | None:
    return None


def named(bucket: int) -> BucketName | None:
    if bucket == 0:
        return BucketName("spring, DE", "reach", (("campaign", "spring"), ("country", "DE")), 2.0, "EUR")
    return BucketName("all", "total", (("total", "all"),)) if bucket == 9 else None


def facts(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        return [dict(record) for record in fastavro.reader(file) if isinstance(record, dict)]


def test_an_outcome_comes_back_from_plain_json_as_it_was() -> None:
    document = json.loads(json.dumps(OUTCOME.document()))
    assert read_outcome(document) == OUTCOME
    refused = JobOutcome(result_info=OUTCOME.result_info, event=OUTCOME.event, consumed={})
    assert read_outcome(json.loads(json.dumps(refused.document()))) == refused


def test_a_summary_is_the_services_avro_with_leading_zeros_removed(tmp_path: Path) -> None:
    write_outputs(Output(tmp_path), JOB, OUTCOME, unnamed)
    assert facts(tmp_path / "output.avro") == [{"bucket": b"", "metric": -5}, {"bucket": b"\xff" * 16, "metric": 110}]
    assert facts(tmp_path / "debug_output.avro")[1:] == [
        {"bucket": b"\xff" * 16, "unnoised_metric": 100, "noise": 10, "annotations": ["in_domain", "in_reports"]},
        {"bucket": b"\t", "unnoised_metric": 1, "noise": 2, "annotations": ["in_reports"]},
    ]


def test_json_and_csv_have_hexadecimal_decimal_names_and_the_interval(tmp_path: Path) -> None:
    write_outputs(Output(tmp_path), JOB, OUTCOME, named)
    document = json.loads((tmp_path / "output.json").read_text())
    assert (document["epsilon"], document["scale"], document["standard_deviation"]) == (10.0, 6553.6, 9268.2)
    first, second = document["facts"]
    assert first == {
        "bucket": "0x0",
        "bucket_decimal": "0",
        "name": "spring, DE",
        "dimensions": {"campaign": "spring", "country": "DE"},
        "scaled": -2.5,
        "unit": "EUR",
        "metric": -5,
        "p5": -25,
        "p95": 15,
    }
    largest = {"bucket": f"0x{'f' * 32}", "bucket_decimal": str(2**128 - 1), "metric": 110, "p5": 90, "p95": 130}
    assert second == largest
    with (tmp_path / "output.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    head = ["bucket", "bucket_decimal", "name", "campaign", "country", "metric", "p5", "p95", "scaled", "unit"]
    assert list(rows[0]) == head
    assert rows[0] == {**{k: str(v) for k, v in first.items() if k != "dimensions"}, **first["dimensions"]}
    assert {name: value for name, value in rows[1].items() if value} == {k: str(v) for k, v in largest.items()}


def test_no_name_is_a_formula_in_a_spreadsheet_or_hides_a_column_of_the_summary(tmp_path: Path) -> None:
    def formula(_bucket: int) -> BucketName:
        return BucketName("=1+1", "s", (("@dimension", "+2"), ("metric", "-3")), 1.0, "\tEUR")

    write_outputs(Output(tmp_path), JOB, OUTCOME, formula)
    with (tmp_path / "output.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["name"], row["'@dimension"], row["metric (dimension)"]) == ("'=1+1", "'+2", "'-3")
    assert (row["unit"], row["metric"], row["p5"]) == ("'\tEUR", "-5", "-25")
    assert json.loads((tmp_path / "output.json").read_text())["facts"][0]["name"] == "=1+1"


def test_sums_without_noise_are_in_debug_files_alone(tmp_path: Path) -> None:
    write_outputs(Output(tmp_path), JOB, OUTCOME, unnamed)
    texts = {path.name: path.read_text("latin-1") for path in tmp_path.iterdir()}
    assert {name for name, text in texts.items() if "unnoised" in text} == {
        "debug_output.avro",
        "debug_output.json",
        "debug_output.csv",
    }


def test_the_sidecar_tells_parameters_noise_reports_and_the_units_spent(tmp_path: Path) -> None:
    write_outputs(Output(tmp_path, formats=()), JOB, OUTCOME, unnamed)
    document = json.loads((tmp_path / "job.json").read_text())
    assert document["request"] == JOB.request
    assert document["created"] == "2026-01-05T09:00:00.250Z"
    assert document["noise"] == {
        "on": True,
        "seed": 2**70,
        "epsilon": 10.0,
        "l1_sensitivity": 65_536,
        "scale": 6553.6,
        "standard_deviation": 9268.2,
        "p5": -20,
        "p95": 20,
    }
    reports = document["reports"]
    assert (reports["read"], reports["counted"], reports["duplicates"], reports["left_out"]) == (12, 9, 2, 1)
    assert reports["first_left_out"][0]["errors"] == ["DECRYPTION_ERROR"]
    spent = {"shared_id": "ab" * 32, "hour": "2026-01-05T09:00:00Z", "reporting_origin": UNIT[2], "reports": 9}
    assert document["budget_units_spent"] == [spent]


def test_result_info_counts_with_the_total_last(tmp_path: Path) -> None:
    assert {name.value for name in outputs._DESCRIPTIONS} == {name.value for name in ErrorCounter}
    write_outputs(Output(tmp_path), JOB, OUTCOME, unnamed)
    document = json.loads((tmp_path / "result_info.json").read_text())
    assert (document["return_code"], document["return_message"]) == ("SUCCESS_WITH_ERRORS", "done")
    assert document["finished_at"] == "2026-01-05T09:00:00Z"
    summary = document["error_summary"]
    assert summary["error_messages"] == ["one"]
    assert [(one["category"], one["count"]) for one in summary["error_counts"]] == [
        ("DECRYPTION_ERROR", 1),
        ("NUM_REPORTS_WITH_ERRORS", 1),
    ]


@pytest.mark.parametrize(
    ("prefix", "total", "names"),
    [
        ("out", 1, ["out-1-of-1"]),
        ("day/summary.avro", 1, ["day/summary-1-of-1.avro"]),
        ("s", 10, [f"s-{number:02}-of-10" for number in range(1, 11)]),
    ],
)
def test_shards_are_numbered_as_wide_as_their_total(prefix: str, total: int, names: list[str]) -> None:
    assert outputs.shard_names(prefix, total) == names


def test_a_large_summary_is_split_into_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "SHARD_FACTS", 2)
    written = write_outputs(Output(tmp_path, "a/s.avro", sharded=True), JOB, OUTCOME, unnamed)
    names = ["s-1-of-1.avro", "debug/s-1-of-2.avro", "debug/s-2-of-2.avro"]
    dump = "privacy_budget_exhausted_debugging_information_2026-01-05T09:00:00.250Z.json"
    assert [str(path.relative_to(tmp_path / "a")) for path in written] == [dump, *names]
    assert len(facts(tmp_path / "a" / names[1]) + facts(tmp_path / "a" / names[2])) == 3


def test_two_writings_of_an_outcome_are_equal_byte_for_byte(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_outputs(Output(tmp_path / folder), JOB, read_outcome(json.loads(json.dumps(OUTCOME.document()))), named)
    assert len(list((tmp_path / "one").iterdir())) == 9
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
