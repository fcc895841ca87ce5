"""Bodies of Private Aggregation's reports, rebuilt from what Chromium's own say (private-aggregation section 5)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.crypto.public_keys import CoordinatorKey
from agent.delivery.assembly import sealed_private_aggregation_body
from agent.delivery.sender import Attempt, Outcome
from agent.model.attribution_reporting.reports import Contribution
from agent.model.interfaces import NoAnswer
from agent.model.private_aggregation import DebugDetails, PrivateAggregationApi, PrivateAggregationContent
from agent.model.rng import SeededRng
from tests.conformance_data import conformance_file
from tests.delivery.private_aggregation_reports import CONTENT, DEBUG_COPY, private_aggregation_report
from tests.delivery.test_assembly import KEYS, assembler

PADDING = Contribution(0, 0)
GOLDENS = "payload/goldens.jsonl"
CAPTURES = "real-chromium/goldens/chromium143"
SEALED = "<sealed>"


def key(name: str) -> CoordinatorKey:
    return CoordinatorKey(name, KEYS["k0"].public_key)


def opened(body: dict[str, Any]) -> bytes:
    (entry,) = body["aggregation_service_payloads"]
    plain = open_payload(base64.b64decode(entry["payload"]), body["shared_info"], KEYS["k0"].private_key)
    assert plain is not None
    return plain


def data_of(cleartext: bytes) -> tuple[Contribution, ...]:
    payload = read_payload(cleartext)
    assert isinstance(payload, Payload)
    return payload.data


def without_padding(data: Sequence[Contribution]) -> tuple[Contribution, ...]:
    count = len(data)
    while count and data[count - 1] == PADDING:
        count -= 1
    return tuple(data[:count])


def content_of(body: dict[str, Any], data: Sequence[Contribution], id_bytes: int) -> PrivateAggregationContent:
    """What a report that looks like ``body``, with these entries in its payload, says."""
    info = json.loads(body["shared_info"])
    debug_key = body.get("debug_key")
    return PrivateAggregationContent(
        api=PrivateAggregationApi(info["api"]),
        reporting_origin=info["reporting_origin"],
        report_id=info["report_id"],
        scheduled_report_time=int(info["scheduled_report_time"]) * 1_000 + 999,
        coordinator=body["aggregation_coordinator_origin"],
        max_contributions=len(data),
        contributions=without_padding(data),
        filtering_id_max_bytes=id_bytes,
        context_id=body.get("context_id"),
        debug=DebugDetails("debug_mode" in info, None if debug_key is None else int(debug_key)),
    )


def with_payload_hidden(body: bytes) -> str:
    (entry,) = json.loads(body)["aggregation_service_payloads"]
    return body.decode().replace(entry["payload"], SEALED)


def chromium_goldens() -> Iterator[dict[str, Any]]:
    for line in conformance_file(GOLDENS).read_text().splitlines():
        golden = json.loads(line)
        if golden["name"].startswith("private_aggregation_report_goldens/latest/"):
            yield golden


def test_chromiums_golden_reports_are_rebuilt_byte_for_byte_but_for_the_sealing() -> None:
    goldens = list(chromium_goldens())
    assert {golden["payload_len"] for golden in goldens} >= {895, 1035, 4176, 41077}
    for golden in goldens:
        clear = base64.b64decode(golden["cleartext_cbor_b64"])
        id_bytes = (len(clear) - 26 - _array_head(golden["n_contributions_padded"])) // golden["n_contributions_padded"]
        content = content_of(golden["report"], data_of(clear), id_bytes - 40)
        body = sealed_private_aggregation_body(content, key(golden["key_id"]), SeededRng(1))
        chromiums = json.dumps(golden["report"], separators=(",", ":"), ensure_ascii=False)
        assert with_payload_hidden(body) == with_payload_hidden(chromiums.encode())
        assert opened(json.loads(body)) == clear
        (entry,) = json.loads(body)["aggregation_service_payloads"]
        assert len(base64.b64decode(entry["payload"])) == golden["payload_len"]


def _array_head(count: int) -> int:
    return 1 if count <= 23 else 2 if count <= 255 else 3


def captured() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(conformance_file(CAPTURES).glob("pa__*.json")):
        for request in json.loads(file.read_text())["requests"]:
            if "/.well-known/private-aggregation/" in request["url"]:
                yield file.stem, request


def test_every_captured_report_is_rebuilt_byte_for_byte_but_for_the_sealing() -> None:
    requests = list(captured())
    assert len(requests) > 30
    for name, request in requests:
        (entry,) = request["json"]["aggregation_service_payloads"]
        told = entry["_decrypted"]
        real = [Contribution(int(one["bucket"]), one["value"], one["id"]) for one in told["real_contributions"]]
        data = [*real, *[PADDING] * told["contributions_null"]]
        content = content_of(request["json"], data, told["contribution_widths"]["id"])
        body = sealed_private_aggregation_body(content, key(entry["key_id"]), SeededRng(1))
        assert with_payload_hidden(body) == with_payload_hidden(request["raw_body"].encode()), name
        (ours,) = json.loads(body)["aggregation_service_payloads"]
        assert len(base64.b64decode(ours["payload"])) == entry["_payload_length"], name


@pytest.mark.parametrize(
    ("number", "id_bytes", "length"),
    [(20, 1, 895), (20, 3, 935), (20, 8, 1035), (100, 1, 4176), (1, 1, 116), (1000, 1, 41077)],
)
@pytest.mark.parametrize("contributions", [(), (Contribution(2**128 - 1, 2**31 - 1, 255),)])
def test_the_length_of_a_payload_tells_the_number_of_entries_and_the_width_of_ids_alone(
    number: int, id_bytes: int, length: int, contributions: tuple[Contribution, ...]
) -> None:
    content = replace(CONTENT, max_contributions=number, filtering_id_max_bytes=id_bytes, contributions=contributions)
    body = json.loads(sealed_private_aggregation_body(content, key("k"), SeededRng(1)))
    assert len(base64.b64decode(body["aggregation_service_payloads"][0]["payload"])) == length
    assert data_of(opened(body)) == (*contributions, *[PADDING] * (number - len(contributions)))


def test_a_debug_copy_is_sealed_anew_and_otherwise_equal() -> None:
    rng = SeededRng(1)
    report, copy = (
        json.loads(sealed_private_aggregation_body(content, key("k"), rng))
        for content in (replace(DEBUG_COPY, debug_copy=False), DEBUG_COPY)
    )
    assert opened(report) == opened(copy)
    payloads = [body["aggregation_service_payloads"][0].pop("payload") for body in (report, copy)]
    assert payloads[0] != payloads[1]
    assert report == copy
    (entry,) = report["aggregation_service_payloads"]
    assert data_of(base64.b64decode(entry["debug_cleartext_payload"]))[0] == Contribution(1369, 128)


@pytest.mark.parametrize("content", [CONTENT, DEBUG_COPY])
async def test_a_report_names_the_key_that_it_was_sealed_to(content: PrivateAggregationContent) -> None:
    body = await assembler().assemble(private_aggregation_report(content))
    assert isinstance(body, bytes)
    (entry,) = json.loads(body)["aggregation_service_payloads"]
    info = json.loads(body)["shared_info"]
    assert open_payload(base64.b64decode(entry["payload"]), info, KEYS[entry["key_id"]].private_key) is not None


async def test_without_a_key_the_attempt_has_failed() -> None:
    failed = await assembler(NoAnswer(mapped=True, detail="connection refused")).assemble(private_aggregation_report())
    assert isinstance(failed, Attempt)
    assert (failed.outcome, failed.rule) == (Outcome.FAILED, "a key of the coordinator")
