"""Headers of others, what they say of them, and what we say: the validator of WICG, captures of real Chromium."""

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

from agent.engines.attribution_reporting.header_check import HeaderCheck, HeaderKind, check_header
from agent.engines.attribution_reporting.json_node import Path
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import SourceType
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


def chromium_s_verdicts(kind: str) -> Mapping[str, bool]:
    """Whether real Chromium 143 accepted each of its captured headers, by name."""
    folder = conformance_file("real-chromium/goldens/chromium143")
    accepted: dict[str, bool] = {}
    for golden in sorted(folder.glob(f"ara__validate_{kind.lower()}_*.json")):
        captured = json.loads(golden.read_text("utf-8"))["notes"]["verdicts"]
        accepted |= {name: found["verdict"] == "accepted" for name, found in captured.items()}
    return accepted


def captured_checks(kind: str) -> Mapping[str, HeaderCheck]:
    """What we say of each captured header of which real Chromium's verdict is known."""
    sent = captured_headers()[kind]
    limits = AttributionReportingLimits(aggregation_coordinator_origins=CAPTURED_COORDINATORS)
    header = HeaderKind.SOURCE if kind == "SOURCES" else HeaderKind.TRIGGER
    names = chromium_s_verdicts(kind)
    return {name: check_header(header, sent[name].encode(), SourceType.EVENT, limits) for name in names}
