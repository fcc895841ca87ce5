from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from agent.crypto.aggregatable_payload import encode_payload, seal_payload
from agent.crypto.keys import KeyRing, generate_key
from agent.model.attribution_reporting.reports import Contribution
from agent.model.reports import ReportKind
from agent.model.rng import SeededRng
from agent.pytest_support.captured import CapturedReport, candidate_of, opened

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
def test_what_does_not_open_has_no_contributions(body: Any) -> None:
    assert opened(body, KEYS) == ()


def test_a_null_report_says_so() -> None:
    assert captured(sealed(), ReportKind.AGGREGATABLE).null


def test_a_verbose_debug_report_has_the_types_of_its_items() -> None:
    report = captured([{"type": "source-success", "body": {}}, {"type": "other"}], ReportKind.VERBOSE_DEBUG)
    assert report.items == ("source-success", "other")


def test_a_candidate_is_explained_by_its_report_id() -> None:
    assert candidate_of(captured({"report_id": "12345678-9"})).explains == "report:12345678-9"
    assert candidate_of(captured(sealed(), ReportKind.AGGREGATABLE)).explains == "report:abcdefgh-1"
    assert candidate_of(captured([], ReportKind.VERBOSE_DEBUG)).explains == ""
