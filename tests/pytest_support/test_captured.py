from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from agent.crypto.aggregatable_payload import encode_payload, seal_payload
from agent.crypto.keys import KeyRing, generate_key
from agent.engines.attribution_reporting import report_bodies as attribution_bodies
from agent.engines.private_aggregation import report_bodies as private_bodies
from agent.model.attribution_reporting.reports import Contribution
from agent.model.errors import UsageError
from agent.model.private_aggregation import DebugDetails
from agent.model.reports import ReportKind
from agent.model.rng import SeededRng
from agent.pytest_support.captured import MEMBERS, CapturedReport, candidate_of, check_members, kind_of, opened
from tests.engines.attribution_reporting.test_report_bodies import BOTH_KEYS, EVENT, HISTOGRAM
from tests.engines.private_aggregation.test_report_bodies import CONTENT

URL = "https://adtech.test/.well-known/attribution-reporting/report-event-attribution"
KEY = generate_key(SeededRng(1))
KEYS = KeyRing(KEY)
INFO = json.dumps(
    {"api": "attribution-reporting", "attribution_destination": "https://shop.test", "report_id": "abcdefgh-1"}
)


def sealed(*contributions: Contribution, key_id: str = KEY.id.hex(), shared_info: str = INFO) -> dict[str, Any]:
    """The JSON of an aggregatable report, padded to four contributions."""
    plaintext = encode_payload(list(contributions), id_bytes=1, length=4)
    payload = base64.b64encode(seal_payload(plaintext, INFO, KEY.public_key, SeededRng(2))).decode()
    return {"shared_info": shared_info, "aggregation_service_payloads": [{"key_id": key_id, "payload": payload}]}


def captured(body: Any, kind: ReportKind = ReportKind.EVENT_LEVEL) -> CapturedReport:
    return CapturedReport(kind, URL, body, b"", 0, opened(body, KEYS))


def test_members_of_the_json_are_attributes() -> None:
    report = captured({"trigger_data": "2", "source_event_id": "123", "randomized_trigger_rate": 0.0024})
    assert (report.trigger_data, report.randomized_trigger_rate) == ("2", 0.0024)
    assert report.event_id == "123", "the name that expectations of an agent have for it"
    with pytest.raises(AttributeError, match="has no 'bucket'; it has trigger_data"):
        _ = report.bucket


def test_what_is_under_the_seal_is_there_without_padding() -> None:
    report = captured(sealed(Contribution(1369, 52), Contribution(7, 1, 3)), ReportKind.AGGREGATABLE)
    assert report.contributions == (Contribution(1369, 52), Contribution(7, 1, 3))
    assert (report.bucket, report.value, report.filtering_id) == ((1369, 7), (52, 1), (0, 3))
    assert (report.destination, report.null) == ("https://shop.test", False)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"aggregation_service_payloads": []},
        {"aggregation_service_payloads": [{"key_id": "zz", "payload": ""}], "shared_info": ""},
        sealed(Contribution(1, 1), key_id="00" * 16),
        sealed(Contribution(1, 1), shared_info='{"other": 1}'),
    ],
)
def test_what_does_not_open_has_no_contributions_and_is_not_called_null(body: Any) -> None:
    assert opened(body, KEYS) is None
    members = captured(body, ReportKind.AGGREGATABLE).members
    assert not members.get("bucket")
    assert members.get("null") is None, "nobody can say whether it contributes nothing"


def test_a_null_report_says_so() -> None:
    assert captured(sealed(), ReportKind.AGGREGATABLE).null


def test_a_verbose_debug_report_has_the_types_of_its_items() -> None:
    report = captured([{"type": "source-success", "body": {}}, {"type": "other"}], ReportKind.VERBOSE_DEBUG)
    assert report.items == ("source-success", "other")


def test_a_candidate_is_explained_by_its_report_id() -> None:
    assert candidate_of(captured({"report_id": "12345678-9"})).explains == "report:12345678-9"
    assert candidate_of(captured(sealed(), ReportKind.AGGREGATABLE)).explains == "report:abcdefgh-1"
    assert candidate_of(captured([], ReportKind.VERBOSE_DEBUG)).explains == ""


def full_report(kind: ReportKind) -> CapturedReport:
    """A report as the engines write it, with every member that is optional."""
    if kind is ReportKind.EVENT_LEVEL:
        return captured(json.loads(attribution_bodies.event_level_json(replace(EVENT, **BOTH_KEYS))), kind)
    if kind is ReportKind.VERBOSE_DEBUG:
        return captured([], kind)
    if kind is ReportKind.AGGREGATABLE:
        content = replace(HISTOGRAM, **BOTH_KEYS, trigger_context_id="x", source_registration_time=0)
        info = attribution_bodies.shared_info(content)
        return captured(json.loads(attribution_bodies.aggregatable_json(content, info, payload=b"x", key_id="x")), kind)
    details = replace(CONTENT, context_id="x", debug=DebugDetails(enabled=True, key=1))
    info = private_bodies.shared_info(details)
    return captured(
        json.loads(private_bodies.report_json(details, info, payload=b"x", key_id="x", cleartext=b"x")), kind
    )


@pytest.mark.parametrize(
    "kind",
    [
        ReportKind.EVENT_LEVEL,
        ReportKind.AGGREGATABLE,
        ReportKind.PRIVATE_AGGREGATION,
        ReportKind.VERBOSE_DEBUG,
    ],
)
def test_the_members_that_may_be_expected_are_those_that_the_engines_write(kind: ReportKind) -> None:
    assert set(full_report(kind).members) == set(MEMBERS[kind])


def test_a_member_that_no_such_report_has_is_told_with_the_nearest() -> None:
    check_members(ReportKind.EVENT_LEVEL, ["trigger_data", "event_id"])
    with pytest.raises(UsageError, match="event-level reports have no member 'triger_data'") as refused:
        check_members(ReportKind.EVENT_LEVEL, ["triger_data"])
    assert refused.value.fix == "write trigger_data"
    with pytest.raises(UsageError, match="aggregatable reports have no member 'trigger_data'"):
        check_members(ReportKind.AGGREGATABLE, ["trigger_data"])


def test_a_kind_that_no_reporting_origin_gets_is_told_with_the_nearest() -> None:
    assert kind_of("event-level") is kind_of(ReportKind.EVENT_LEVEL) is ReportKind.EVENT_LEVEL
    with pytest.raises(UsageError, match="gets no attribution-conversion reports"):
        kind_of(ReportKind.ATTRIBUTION_CONVERSION)
    with pytest.raises(UsageError, match="gets no event_level reports") as refused:
        kind_of("event_level")
    assert refused.value.fix == "write event-level"
