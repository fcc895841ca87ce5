"""Sealed payloads, budget keys and batches: what Chromium sealed and the aggregation service answers."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from agent.aggregation.avro import Record, write_reports
from agent.aggregation.report_files import plan_shards
from agent.aggregation.shards import ShardTask, process_shard
from agent.crypto.aggregatable_payload import encode_payload, open_payload
from agent.engines.aggregation.budget_units import budget_units, shared_id
from agent.engines.aggregation.shared_info import parse_shared_info
from agent.engines.aggregation.summary import summarize
from agent.model.aggregation import JobParameters
from agent.model.attribution_reporting.reports import Contribution
from agent.model.rng import SeededRng
from tests.conformance.coverage_rows import AGGREGATION_SERVICE, CHROMIUM_PAYLOADS, REAL_SERVICE, VECTORS, Row, row
from tests.conformance_data import conformance_file

Case = Mapping[str, Any]
_DAY = 86_400_000


def payload_rows() -> Iterator[Row]:
    """What this family's judges say."""
    goldens = _cases("goldens.jsonl")
    sealed = [case for case in goldens if case["kind"] == "encrypted_report"]
    current = [case for case in sealed if json.loads(case["report"]["shared_info"])["version"]]
    vectors = [case for case in goldens if case["kind"] == "budget_key_vector"]
    batches = [case for case in goldens if case["kind"] == "plaintext_batch"]
    yield row(AGGREGATION_SERVICE, "Payloads of every version open", CHROMIUM_PAYLOADS, map(opens, sealed))
    yield row(AGGREGATION_SERVICE, "Jobs give the exact sums", CHROMIUM_PAYLOADS, map(adds_up, current))
    yield row(AGGREGATION_SERVICE, "Budget keys", CHROMIUM_PAYLOADS, map(spends_its_key, current))
    yield row(AGGREGATION_SERVICE, "Budget keys", REAL_SERVICE, map(has_its_shared_id, vectors))
    yield row(AGGREGATION_SERVICE, "Summaries of batches in clear text", REAL_SERVICE, map(gives_its_summary, batches))
    units = [case for case in goldens if case["kind"] == "budget_units_of_batch"]
    yield row(AGGREGATION_SERVICE, "Budget units of batches", REAL_SERVICE, map(spends_its_units, units))
    yield row(AGGREGATION_SERVICE, "Payloads", VECTORS, map(is_its_vector, _cases("vectors.jsonl")))


def opens(case: Case) -> bool:
    """Whether a sealed report opens to the clear text that was sealed."""
    plaintext = open_payload(_sealed(case), case["report"]["shared_info"], _private_key(case))
    return plaintext == base64.b64decode(case["cleartext_cbor_b64"])


def adds_up(case: Case) -> bool:
    """Whether a job over a sealed report gives its contributions, and nothing is left out."""
    info = json.loads(case["report"]["shared_info"])
    expected: Counter[int] = Counter()
    for one in case["contributions_non_null"]:
        expected[int(one["bucket"], 16)] += one["value"]
    ids = frozenset(one.get("id", 0) for one in case["contributions_non_null"]) or frozenset({0})
    parameters = JobParameters(attribution_report_to=info["reporting_origin"], filtering_ids=ids)
    now = int(info["scheduled_report_time"]) * 1000 + _DAY
    with TemporaryDirectory() as folder:
        path = Path(folder, "report.json")
        path.write_text(json.dumps(case["report"]), encoding="utf-8")
        (shard,) = plan_shards([path])
        partial = process_shard(shard, ShardTask(parameters, now, {case["key_id"]: _private_key(case)}))
    return partial.sums == expected and not partial.errors


def spends_its_key(case: Case) -> bool:
    """Whether a sealed report spends the budget key that the service computes for it."""
    key = case["budget_key"]
    info = parse_shared_info(case["report"]["shared_info"])
    units = () if info is None else budget_units(info, frozenset({key["filtering_id"]}))
    return [(unit.shared_id, unit.hour) for unit in units] == [
        (key["sha256"], key["scheduled_report_time_hour"] * 1000)
    ]


def has_its_shared_id(case: Case) -> bool:
    """Whether a shared_info has the id that the service computes."""
    info = parse_shared_info(json.dumps(case["shared_info"]))
    return info is not None and shared_id(info, case["filtering_id"]) == case["sha256"]


def gives_its_summary(case: Case) -> bool:
    """Whether a batch in clear text gives the summary of the service, without noise."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "batch.avro")
        records = [
            Record(base64.b64decode(one["payload_b64"]), one["key_id"], one["shared_info"]) for one in case["reports"]
        ]
        write_reports(path, records)
        (shard,) = plan_shards([path])
        parameters = JobParameters(attribution_report_to="https://any.test")
        partial = process_shard(shard, ShardTask(parameters, 0, clear_text=True))
    domain = None if case["skip_domain"] else [int(bucket, 16) for bucket in case["domain_hex"]]
    summary = summarize(partial.sums, domain, parameters, rng=SeededRng(1), noise=False)
    found = {fact.bucket: fact.metric for fact in summary.facts}
    return found == {int(bucket, 16): metric for bucket, metric in case["expected_summary"].items()}


def spends_its_units(case: Case) -> bool:
    """Whether the reports of a batch spend the units that the service computes."""
    infos = [info for text in case["shared_infos"] if (info := parse_shared_info(text)) is not None]
    ids = frozenset(case["filtering_ids"])
    found = {(unit.shared_id, unit.hour // 1000) for info in infos for unit in budget_units(info, ids)}
    return bool(found == {(unit, hour) for unit, hour in case["budget_units"]})


def is_its_vector(case: Case) -> bool:
    """Whether a payload is encoded, or opened, to the bytes of a vector."""
    if "contributions" not in case:
        opened = open_payload(
            base64.b64decode(case["payload_b64"]), case["shared_info"], bytes.fromhex(case["skR_hex"])
        )
        return bool(opened == base64.b64decode(case["plaintext_b64"]))
    real = [Contribution(int(one["bucket"], 16), one["value"], int(one["id"])) for one in case["contributions"]]
    plaintext = encode_payload(real, id_bytes=case["id_bytes"], length=case["max"])
    return [len(plaintext), hashlib.sha256(plaintext).hexdigest()] == [case["expected_length"], case["sha256"]]


def _cases(name: str) -> list[dict[str, Any]]:
    lines = conformance_file(f"payload/{name}").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _sealed(case: Case) -> bytes:
    (payload,) = case["report"]["aggregation_service_payloads"]
    return base64.b64decode(payload["payload"])


def _private_key(case: Case) -> bytes:
    return base64.b64decode(case["private_key_b64"])
