"""Other people's headers: the WICG validator's verdicts, and those of real Chromium 143."""

from __future__ import annotations

import dataclasses
import json
import math
import runpy
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest

from agent.engines.attribution_reporting.header_check import HeaderCheck, HeaderKind, check_header, limits_when_stored
from agent.engines.attribution_reporting.json_node import Path
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import Issue, SourceType
from tests.conformance_data import conformance_file

FILES = ("header_cases.jsonl", "header_corpus.jsonl")

DIFFERENCES: Mapping[str | int, str] = {
    497: "Chromium takes integers with a leading plus",
    509: "Chromium takes integers with a leading plus",
    520: "Chromium takes more than 32 hexadecimal digits where the value fits 128 bits",
    585: "Chromium skips a byte order mark, and then misses the destination",
    614: "Chromium refuses JSON with lone surrogates",
    638: "Chromium refuses JSON that nests more than 200 levels",
    644: "the validator takes the unknown field `constructor` for a known one; Chromium ignores it",
}
"""Cases, by id, in which Chromium decides otherwise than the validator, and we follow Chromium."""

WARNING_DIFFERENCES: Mapping[str | int, str] = {
    258: "the validator takes an IPv6 address for a public suffix",
    950: "Chromium takes more than 32 hexadecimal digits where the value fits 128 bits",
    "source-127": "the validator does not compare values with the budget after another problem",
}
"""Cases, by id, in which we warn of other places than the validator, beside those of DIFFERENCES."""

LOCALHOST = "http://localhost"
"""As a destination: to the validator a public suffix, which it warns of a second time in the same place."""

CAPTURED_COORDINATORS = ("https://coordinator.test", "https://coordinator2.test")
"""Those of the captured Chromium."""


def cases(name: str) -> Iterator[dict[str, Any]]:
    for line in conformance_file(f"attribution-reporting/{name}").read_text("utf-8").splitlines():
        yield json.loads(line)


def limits_of(case: Mapping[str, Any]) -> AttributionReportingLimits:
    values = case.get("vsv") or {}
    changed: dict[str, Any] = {}
    if "aggregationCoordinatorOrigins" in values:
        changed["aggregation_coordinator_origins"] = tuple(values["aggregationCoordinatorOrigins"])
    if "maxTriggerStateCardinality" in values:
        changed["max_trigger_state_cardinality"] = values["maxTriggerStateCardinality"]
    for name, limit in (
        ("maxEventLevelChannelCapacityPerSource", "max_event_level_channel_capacity"),
        ("maxEventLevelAttributionScopesChannelCapacityPerSource", "max_event_level_channel_capacity_scopes"),
    ):
        for kind, most in values.get(name, {}).items():
            changed[f"{limit}_{kind}"] = math.inf if most is None else most
    return dataclasses.replace(AttributionReportingLimits(), **changed)


def source_type_of(case: Mapping[str, Any]) -> SourceType:
    return SourceType(case.get("source_type") or SourceType.NAVIGATION)


def checked(case: Mapping[str, Any]) -> HeaderCheck:
    value = case["value"].encode("utf-8", "surrogatepass")
    return check_header(HeaderKind(case["header"]), value, source_type_of(case), limits_of(case))


def verdict(result: HeaderCheck) -> tuple[bool, list[Path | None]]:
    return result.accept, ordered([issue.path for issue in result.errors])


def expected_verdict(case: Mapping[str, Any]) -> tuple[bool, list[Path | None]]:
    # Where parsing went well, the errors are about storage.
    return case["parse_ok"], [] if case["parse_ok"] else ordered([as_path(path) for path in case["error_paths"]])


def as_path(path: list[str | int] | None) -> Path | None:
    return None if path is None else tuple(path)


def ordered(paths: list[Path | None]) -> list[Path | None]:
    return sorted(paths, key=repr)


@pytest.mark.parametrize("name", FILES)
def test_every_header_is_judged_as_the_validator_does_or_the_table_says_why_not(name: str) -> None:
    different = {
        case["id"]: (verdict(checked(case)), expected_verdict(case))
        for case in cases(name)
        if case["id"] not in DIFFERENCES and verdict(checked(case)) != expected_verdict(case)
    }
    assert different == {}


def test_every_difference_of_the_table_is_one() -> None:
    judged = {case["id"]: case for name in FILES for case in cases(name)}
    equal = [id_ for id_ in DIFFERENCES if verdict(checked(judged[id_])) == expected_verdict(judged[id_])]
    assert equal == []


def test_every_accepted_header_has_the_validator_s_normal_form() -> None:
    accepted = [case for case in cases("header_cases.jsonl") if case["accept"]]
    assert accepted
    different = {
        case["id"]: (checked(case).normalized, case.get("normalized"))
        for case in accepted
        if checked(case).normalized != case.get("normalized")
    }
    assert different == {}


@pytest.mark.parametrize("name", FILES)
def test_sources_that_parse_meet_the_limits_of_storage_as_the_validator_says(name: str) -> None:
    different = {}
    for case in cases(name):
        source = checked(case).source
        if source is not None and case["id"] not in DIFFERENCES:
            findings = limits_when_stored(source, source_type_of(case), limits_of(case))
            if all(finding.check.passed for finding in findings) is not case["accept"]:
                different[case["id"]] = [finding.check for finding in findings]
    assert different == {}


@pytest.mark.parametrize("name", FILES)
def test_warnings_stand_where_the_validator_s_do(name: str) -> None:
    for case in cases(name):
        if case["id"] not in DIFFERENCES:
            given = case["warning_paths"] if "warning_paths" in case else [each["path"] for each in case["warnings"]]
            expected = {as_path(path) for path in given}
            told = {issue.path for issue in checked(case).warnings}
            assert (told == expected) is (case["id"] not in WARNING_DIFFERENCES), (case["id"], told, expected)


def captured_headers() -> Mapping[str, Mapping[str, str]]:
    """The headers of the captured scenarios, by kind and name, as the scenarios sent them."""
    scenario = ModuleType("oracle.scenario")
    scenario.__dict__.update(scenario=lambda _: lambda function: function, gif=None)
    modules = {"oracle": ModuleType("oracle"), "oracle.scenario": scenario}
    script = conformance_file("real-chromium/scenarios/ara_validation.py")
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        defined = runpy.run_path(str(script))
    return {
        kind: {name: header if isinstance(header, str) else _sent(header) for name, header in defined[kind].items()}
        for kind in ("SOURCES", "TRIGGERS")
    }


def _sent(header: Mapping[str, Any]) -> str:
    return json.dumps({**header, "debug_reporting": header.get("debug_reporting", True)})


@pytest.mark.parametrize("kind", ["SOURCES", "TRIGGERS"])
def test_real_chromium_gives_the_same_verdicts(kind: str) -> None:
    headers = captured_headers()[kind]
    limits = AttributionReportingLimits(aggregation_coordinator_origins=CAPTURED_COORDINATORS)
    header = HeaderKind.SOURCE if kind == "SOURCES" else HeaderKind.TRIGGER
    folder = conformance_file("real-chromium/goldens/chromium143")
    verdicts: dict[str, str] = {}
    for golden in sorted(folder.glob(f"ara__validate_{kind.lower()}_*.json")):
        captured = json.loads(golden.read_text("utf-8"))["notes"]["verdicts"]
        verdicts |= {name: found["verdict"] for name, found in captured.items()}
    assert verdicts
    different: dict[str, tuple[str, tuple[Issue, ...]]] = {}
    for name, found in verdicts.items():
        result = check_header(header, headers[name].encode(), SourceType.EVENT, limits)
        if result.accept is not (found == "accepted"):
            different[name] = (found, result.errors)
    assert different == {}
