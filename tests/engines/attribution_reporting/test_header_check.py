"""The issue's sentences on bad input, as far as they are about parsing."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.engines.attribution_reporting.header_check import HeaderCheck, HeaderKind, check_header
from agent.engines.attribution_reporting.json_node import MOST_PATH_TEXT, MOST_PROBLEMS
from agent.model.attribution_reporting.registrations import SourceType
from tests.engines.attribution_reporting.headers import LIMITS

MEGABYTE = 1_000_000
MOST_SECONDS = 20
"""For a header of 1 MB: about a second on an idle core, and the machines of tests are seldom idle."""
MOST_MEMORY_PER_BYTE = 200

FIELDS = (
    "destination", "source_event_id", "priority", "expiry", "aggregatable_report_window", "trigger_data_matching",
    "event_level_epsilon", "event_report_window", "event_report_windows", "start_time", "end_times", "trigger_data",
    "max_event_level_reports", "filter_data", "aggregation_keys", "attribution_scopes", "limit", "values",
    "max_event_states", "debug_key", "debug_reporting", "aggregatable_debug_reporting", "budget", "debug_data",
    "types", "value", "key_piece", "named_budgets", "name", "destination_limit_priority", "event_trigger_data",
    "deduplication_key", "filters", "not_filters", "_lookback_window", "source_type", "aggregatable_trigger_data",
    "source_keys", "aggregatable_values", "filtering_id", "aggregatable_filtering_id_max_bytes",
    "aggregatable_deduplication_keys", "aggregatable_source_registration_time", "trigger_context_id",
    "aggregation_coordinator_origin", "a",
)  # fmt: skip
WORDS = ("", "0", "1", "-1", "+5", "0x1", "0xg", "exact", "include", "https://a.test", "http://[", "é", "unspecified")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=30)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=8),
    max_leaves=40,
)
HEADERS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=12)
KINDS = st.sampled_from(HeaderKind)
SOURCE_TYPES = st.sampled_from(SourceType)


def assert_told(checked: HeaderCheck) -> None:
    """A refused header has at least one error with a message, an accepted one none."""
    assert checked.accept is not bool(checked.errors)
    assert all(issue.message for issue in (*checked.errors, *checked.warnings))
    json.dumps(checked.normalized).encode()


@given(KINDS, SOURCE_TYPES, st.binary() | st.text().map(str.encode))
def test_a_bad_header_never_throws_it_is_refused_with_paths(
    kind: HeaderKind, source_type: SourceType, value: bytes
) -> None:
    assert_told(check_header(kind, value, source_type, LIMITS))


@settings(max_examples=200)
@given(st.sampled_from([HeaderKind.SOURCE, HeaderKind.TRIGGER]), SOURCE_TYPES, HEADERS)
def test_fields_of_any_type_never_throw_and_each_path_leads_to_a_place_of_the_header(
    kind: HeaderKind, source_type: SourceType, header: dict[str, Any]
) -> None:
    text = json.dumps({"destination": "https://a.test"} | header)
    checked = check_header(kind, text.encode(), source_type, LIMITS)
    assert_told(checked)
    for issue in checked.errors:
        if issue.path:
            place = json.loads(text)
            for step in issue.path[:-1]:
                place = place[step]
            assert isinstance(place, dict if isinstance(issue.path[-1], str) else list)


def _repeated(opening: str, part: str, closing: str, size: int) -> bytes:
    return (opening + part * ((size - len(opening) - len(closing)) // len(part)) + closing).encode()


def _numbered(opening: str, part: str, closing: str, size: int) -> bytes:
    return (opening + ",".join(part % number for number in range(size // (len(part) + 4))) + closing).encode()


JSON_HEADERS = (HeaderKind.SOURCE, HeaderKind.TRIGGER)
STRUCTURED_FIELDS = (HeaderKind.ELIGIBLE, HeaderKind.INFO, HeaderKind.OS)
HUGE: dict[str, tuple[Callable[[str, str, str, int], bytes], str, str, str, tuple[HeaderKind, ...]]] = {
    "lists in lists": (_repeated, "", "[", "", JSON_HEADERS),
    "objects in objects": (_repeated, "", '{"a":', "", JSON_HEADERS),
    "an endless string": (_repeated, '"', '\\"', "[" * 201, JSON_HEADERS),
    "surrogate pairs": (_repeated, '{"x":"', "\\ud83d\\ude00", '"}', JSON_HEADERS),
    "a long number": (_repeated, '{"destination":"https://a.test","expiry":', "9", "}", JSON_HEADERS),
    "digits in a string": (_repeated, '{"destination":"https://a.test","expiry":"', "9", '"}', JSON_HEADERS),
    "zeros": (_repeated, '{"destination":"https://a.test","aggregation_keys":{"a":"0x', "0", '"}}', JSON_HEADERS),
    "wrong entries": (_repeated, '{"event_trigger_data":[', "0,", "0]}", JSON_HEADERS),
    "empty filters": (_repeated, '{"filters":[', "{},", "{}]}", JSON_HEADERS),
    "filters": (_repeated, '{"filters":[', '{"a":["b"]},', "{}]}", JSON_HEADERS),
    "filter data": (_numbered, '{"destination":"https://a.test","filter_data":{"a":[', '"%d"', "]}}", JSON_HEADERS),
    "values": (_numbered, '{"aggregatable_values":{', '"%d":1', "}}", JSON_HEADERS),
    "destinations": (_numbered, '{"destination":[', '"https://a%d.test"', "]}", JSON_HEADERS),
    "a host of many labels": (_repeated, '{"destination":"https://', "a.", 'test"}', JSON_HEADERS),
    "a host of many accents": (_repeated, '{"destination":"https://', "é", '.test"}', JSON_HEADERS),
    "unknown fields": (_numbered, "{", '"%d":1', "}", JSON_HEADERS),
    "debug types": (
        _numbered,
        '{"aggregatable_debug_reporting":{"key_piece":"0x1","debug_data":[{"types":[',
        '"%d"',
        "]}]}}",
        JSON_HEADERS,
    ),
    "a long path": (_repeated, '{"filters":{"' + "k" * 300_000 + '":[', "1,", "1]}}", JSON_HEADERS),
    "one member many times": (_repeated, "", "a, ", "a", STRUCTURED_FIELDS),
    "many members": (_numbered, "", "k%d", "", STRUCTURED_FIELDS),
    "parameters": (_repeated, '"https://a.test"', ";a", "", STRUCTURED_FIELDS),
    "an inner list": (_repeated, "a=(", "1 ", ")", STRUCTURED_FIELDS),
}
"""How each is written, and which headers it may be."""


@pytest.mark.parametrize("name", HUGE)
def test_1_mb_headers_take_no_quadratic_step(name: str) -> None:
    write, opening, part, closing, kinds = HUGE[name]
    header = write(opening, part, closing, MEGABYTE)
    assert len(header) > 0.4 * MEGABYTE
    for kind in kinds:
        began = time.process_time()
        checked = check_header(kind, header, SourceType.EVENT, LIMITS)
        assert time.process_time() - began < MOST_SECONDS
        assert_told(checked)
        assert len(checked.errors) <= MOST_PROBLEMS
        assert len(checked.warnings) <= MOST_PROBLEMS
        issues = (*checked.errors, *checked.warnings)
        assert all(len(issue.message) < 1_000 for issue in issues)
        path_text = sum(len(step) for issue in issues for step in issue.path or () if isinstance(step, str))
        assert path_text <= len(header) + MOST_PATH_TEXT


@pytest.mark.parametrize("name", ["wrong entries", "values", "filters", "debug types", "lists in lists"])
def test_1_mb_headers_take_bounded_memory(name: str) -> None:
    write, opening, part, closing, _ = HUGE[name]
    header = write(opening, part, closing, MEGABYTE // 10)  # watching the memory is slow, and a tenth shows the share
    tracemalloc.start()
    try:
        check_header(HeaderKind.TRIGGER, header, SourceType.EVENT, LIMITS)
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY_PER_BYTE * len(header)
    finally:
        tracemalloc.stop()
