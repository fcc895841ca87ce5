"""Bodies, made just before they are sent."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.crypto.keys import KeyPair, generate_key
from agent.delivery.assembly import Assembler
from agent.delivery.public_keys import PublicKeys
from agent.delivery.sender import Attempt, Outcome
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.reports import AggregatableContent, Contribution
from agent.model.clock import Clock
from agent.model.interfaces import Fetched, NoAnswer
from agent.model.reports import ReportKind
from agent.model.rng import SeededRng
from tests.conformance_data import conformance_file
from tests.delivery.attribution_reports import AGGREGATABLE, EVENT_LEVEL, NOW, attribution_report
from tests.delivery.test_sender import report as conversion_report

KEYS = {f"k{number}": generate_key(SeededRng(number)) for number in range(3)}
PADDING = Contribution(0, 0)
NEEDS_KEY = "a key of the coordinator"


def served(keys: dict[str, bytes]) -> Fetched:
    entries = [{"id": name, "key": base64.b64encode(key).decode()} for name, key in keys.items()]
    return Fetched(200, (), json.dumps({"keys": entries}).encode())


def assembler(answer: Fetched | NoAnswer | None = None) -> Assembler:
    given = answer or served({name: pair.public_key for name, pair in KEYS.items()})

    async def fetch(url: str, headers: Sequence[tuple[str, str]], limit: int) -> Fetched | NoAnswer:
        del url, headers, limit
        return given

    limits = AttributionReportingLimits()
    return Assembler(PublicKeys(fetch, Clock.frozen(), "Test/1"), limits, SeededRng(1))


async def body_of(content: AggregatableContent, by: Assembler | None = None) -> dict[str, Any]:
    report = replace(attribution_report(ReportKind.AGGREGATABLE), content=content)
    body = await (by or assembler()).assemble(report)
    assert isinstance(body, bytes)
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def opened(body: dict[str, Any]) -> bytes:
    (payload,) = body["aggregation_service_payloads"]
    key: KeyPair = KEYS[payload["key_id"]]
    plaintext = open_payload(base64.b64decode(payload["payload"]), body["shared_info"], key.private_key)
    assert plaintext is not None
    return plaintext


def contributions(body: dict[str, Any]) -> tuple[Contribution, ...]:
    payload = read_payload(opened(body))
    assert isinstance(payload, Payload)
    return payload.data


async def test_a_conversion_report_leaves_as_it_was_sealed() -> None:
    report = conversion_report()
    assert await assembler().assemble(report) == report.body


async def test_an_event_level_report_is_the_recorded_text_of_chromium() -> None:
    file = conformance_file("real-chromium/goldens/chromium143/ara__event_no_debug_keys.json")
    requests = json.loads(file.read_text())["requests"]
    (recorded,) = (r for r in requests if r["url"].endswith("attribution-reporting/report-event-attribution"))
    sent = recorded["json"]
    content = replace(
        EVENT_LEVEL,
        destinations=(sent["attribution_destination"],),
        randomized_trigger_rate=sent["randomized_trigger_rate"],
        report_id=sent["report_id"],
        report_time=int(sent["scheduled_report_time"]) * 1_000 + 999,
        source_event_id=int(sent["source_event_id"]),
        trigger_data=int(sent["trigger_data"]),
    )
    report = replace(attribution_report(), content=content)
    assert await assembler().assemble(report) == recorded["raw_body"].encode()


async def test_a_verbose_report_is_the_list_of_its_items() -> None:
    body = await assembler().assemble(attribution_report(ReportKind.VERBOSE_DEBUG))
    assert body == b'[{"body":{"source_event_id":"1"},"type":"source-success"}]'


async def test_an_aggregatable_report_is_sealed_to_a_key_that_it_names_and_padded_to_twenty() -> None:
    body = await body_of(AGGREGATABLE)
    assert list(body) == ["aggregation_coordinator_origin", "aggregation_service_payloads", "shared_info"]
    assert list(body["aggregation_service_payloads"][0]) == ["key_id", "payload"]
    assert body["aggregation_coordinator_origin"] == "https://coordinator.test"
    assert body["shared_info"] == (
        '{"api":"attribution-reporting","attribution_destination":"https://shop.test",'
        '"report_id":"00000000-0000-4000-8000-000000000001","reporting_origin":"https://reporter.test",'
        f'"scheduled_report_time":"{NOW // 1_000}","version":"1.0"}}'
    )
    assert contributions(body) == (*AGGREGATABLE.contributions, *[PADDING] * 18)
    assert len(body["aggregation_service_payloads"][0]["payload"]) == 1_196


@pytest.mark.parametrize(("id_bytes", "plain"), [(1, 847), (2, 867), (4, 907), (8, 987)])
async def test_the_length_of_a_payload_tells_the_width_of_its_ids_alone(id_bytes: int, plain: int) -> None:
    null = replace(AGGREGATABLE, contributions=(), filtering_id_max_bytes=id_bytes)
    real = replace(AGGREGATABLE, filtering_id_max_bytes=id_bytes)
    assert [len(opened(await body_of(content))) for content in (null, real)] == [plain, plain]


async def test_a_debug_report_shows_its_clear_text_and_its_copy_is_sealed_anew() -> None:
    content = replace(AGGREGATABLE, source_debug_key=1, trigger_debug_key=2)
    by = assembler()
    body, copy = await body_of(content, by), await body_of(replace(content, debug_copy=True), by)
    for one in (body, copy):
        (payload,) = one["aggregation_service_payloads"]
        assert base64.b64decode(payload["debug_cleartext_payload"]) == opened(one)
        assert (one["source_debug_key"], one["trigger_debug_key"]) == ("1", "2")
        assert '"debug_mode":"enabled"' in one["shared_info"]
    assert body["shared_info"] == copy["shared_info"]
    assert opened(body) == opened(copy)
    assert body["aggregation_service_payloads"][0]["payload"] != copy["aggregation_service_payloads"][0]["payload"]


async def test_an_aggregatable_debug_report_has_two_entries_and_ids_of_one_byte() -> None:
    debug = replace(
        AGGREGATABLE, aggregatable_debug=True, contributions=(Contribution(7, 8),), filtering_id_max_bytes=8
    )
    body = await body_of(debug)
    assert json.loads(body["shared_info"])["api"] == "attribution-reporting-debug"
    assert contributions(body) == (Contribution(7, 8), PADDING)
    assert len(opened(body)) == 109


async def test_each_key_of_a_set_is_drawn_alike() -> None:
    by = assembler()
    drawn = Counter(
        [(await body_of(AGGREGATABLE, by))["aggregation_service_payloads"][0]["key_id"] for _ in range(300)]
    )
    assert set(drawn) == set(KEYS)
    # Chi-square with 2 degrees of freedom; 13.8 is exceeded once in a thousand.
    assert sum((count - 100) ** 2 / 100 for count in drawn.values()) < 13.8


@pytest.mark.parametrize(
    ("answer", "attempt"),
    [
        (
            NoAnswer(mapped=True, detail="connection refused"),
            Attempt(Outcome.FAILED, "connection refused", transient=True, rule=NEEDS_KEY),
        ),
        (Fetched(200, (), b"{}"), Attempt(Outcome.FAILED, "bad key set", transient=True, rule=NEEDS_KEY)),
        (served({"low order": bytes(32)}), Attempt(Outcome.FAILED, "key 'low order'", transient=True, rule=NEEDS_KEY)),
        (
            NoAnswer(mapped=False, detail=""),
            Attempt(Outcome.NOT_MAPPED, "not sent: host not mapped (coordinator.test)", waits_for="coordinator.test"),
        ),
    ],
)
async def test_without_a_usable_key_the_attempt_has_failed_for_now(
    answer: Fetched | NoAnswer, attempt: Attempt
) -> None:
    failed = await assembler(answer).assemble(attribution_report(ReportKind.AGGREGATABLE))
    assert isinstance(failed, Attempt)
    assert attempt.detail in failed.detail
    assert replace(failed, detail="") == replace(attempt, detail="")
