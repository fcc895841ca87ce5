"""Attribution Reporting: registration headers, and Chromium's interop stories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent.engines.attribution_reporting.header_check import HeaderKind
from agent.journeys.interop_config import DEFAULT_CONFIG_NAME
from agent.journeys.story_files import run_file
from tests.conformance.coverage_rows import (
    ATTRIBUTION_REPORTING,
    CHROMIUM_HEADERS,
    INTEROP_STORIES,
    VALIDATOR,
    Row,
    grouped,
    row,
)
from tests.conformance.header_verdicts import (
    DIFFERENCES,
    FILES,
    captured_checks,
    cases,
    checked,
    chromium_s_verdicts,
    expected_verdict,
    verdict,
)
from tests.conformance_data import conformance_file

HEADERS: Mapping[HeaderKind, str] = {
    HeaderKind.SOURCE: "`Attribution-Reporting-Register-Source`",
    HeaderKind.TRIGGER: "`Attribution-Reporting-Register-Trigger`",
    HeaderKind.OS: "`Attribution-Reporting-Register-OS-Source` and `-Trigger`",
    HeaderKind.INFO: "`Attribution-Reporting-Info`",
    HeaderKind.ELIGIBLE: "`Attribution-Reporting-Eligible`",
}
CAPTURED = {"SOURCES": HeaderKind.SOURCE, "TRIGGERS": HeaderKind.TRIGGER}
FEATURES: Mapping[str, str] = {
    "": "Sources, triggers and their event-level reports",
    "aggregatable_": "Aggregatable reports",
    "aggregatable_debug_": "Debug reports",
    "aggregation_": "Aggregatable reports",
    "basic_aggregatable": "Aggregatable reports",
    "null_": "Aggregatable reports",
    "max_aggregatable_": "Aggregatable reports",
    "lookback_": "Aggregatable reports",
    "attribution_scopes_": "Attribution scopes",
    "basic_disconnected": "Retries",
    "basic_retry": "Retries",
    "navigation_retry_": "Retries",
    "destination_rate_": "Storage and rate limits",
    "source_destination_": "Storage and rate limits",
    "source_storage_": "Storage and rate limits",
    "event_level_storage_": "Storage and rate limits",
    "event_level_attribution_rate_": "Storage and rate limits",
    "rate_": "Storage and rate limits",
    "success_debug_": "Debug reports",
    "verbose_": "Debug reports",
    "os_debug_": "Debug reports",
    "parse_failures": "Headers that do not parse",
    "aggregatable_named_budgets_parsing": "Headers that do not parse",
    "attribution_scopes_parsing": "Headers that do not parse",
    "header_presence": "Headers that do not parse",
    "destination_validation": "Headers that do not parse",
    "filter_data_validation": "Headers that do not parse",
}
"""Beginning of an interop story's name, and its feature."""


def attribution_reporting_rows() -> Iterator[Row]:
    """What this family's judges say, but for the captures in a browser."""
    folder = conformance_file("attribution-reporting/interop")
    names = sorted(path.name for path in folder.glob("*.json") if path.name != DEFAULT_CONFIG_NAME)
    for feature, files in grouped(names, FEATURES):
        results = [result for name in files for result in run_file(str(folder / name))]
        yield row(ATTRIBUTION_REPORTING, feature, INTEROP_STORIES, [not result.mismatches for result in results])
    judged = [case for name in FILES for case in cases(name)]
    for kind, feature in HEADERS.items():
        of_kind = [case for case in judged if case["header"] == kind]
        wrong = [case["id"] for case in of_kind if verdict(checked(case)) != expected_verdict(case)]
        reasons = dict.fromkeys(DIFFERENCES[id_] for id_ in wrong if id_ in DIFFERENCES)
        deliberate = sum(id_ in DIFFERENCES for id_ in wrong)
        total = len(of_kind)
        why = "; ".join(reasons)
        yield Row(ATTRIBUTION_REPORTING, feature, VALIDATOR, total - len(wrong), total, deliberate, why)
    for kind_name, kind in CAPTURED.items():
        theirs, ours = chromium_s_verdicts(kind_name), captured_checks(kind_name)
        verdicts = [ours[name].accept is accepted for name, accepted in theirs.items()]
        yield row(ATTRIBUTION_REPORTING, HEADERS[kind], CHROMIUM_HEADERS, verdicts)
