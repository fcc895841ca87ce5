"""W3C Attribution: stories, recorded sequences, header fields and sites."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from agent.engines.attribution import headers
from agent.journeys.story import expectations
from agent.journeys.story_files import run_file
from agent.model.site import parse_a_site
from tests.conformance.coverage_rows import ATTRIBUTION, W3C_REFERENCE, W3C_STORIES, Row, grouped, row
from tests.conformance_data import conformance_file

RECORDED = {
    "fuzz_cases.jsonl": "random sequences",
    "fuzz_cases_ext.jsonl": "random sequences",
    "handmade_cases.jsonl": "corner cases",
}
"""Recorded event sequences, and what they are."""
FEATURES: Mapping[str, str] = {
    "impression-": "Impressions and what they may name",
    "save-impression-": "Impressions and what they may name",
    "expiry": "Impressions and what they may name",
    "": "Conversions and which impressions match",
    "multi-touch-": "Credit among impressions",
    "credit-": "Credit among impressions",
    "priority": "Credit among impressions",
    "single-epoch-": "Privacy budgets",
    "multi-epoch-": "Privacy budgets",
    "simulate-": "Privacy budgets",
    "clear-": "Forgetting and switching off",
    "forget-": "Forgetting and switching off",
    "api-": "Forgetting and switching off",
}
"""Beginning of an e2e story's name, and its feature."""
EVENTS: Mapping[str, str] = {
    "saveImpression": "`saveImpression()`",
    "measureConversion": "`measureConversion()`",
    "clear": "Forgetting and switching off",
    "enable": "Forgetting and switching off",
    "disable": "Forgetting and switching off",
}
"""Beginning of an event's name, and its feature."""


def attribution_rows() -> Iterator[Row]:
    """What this family's judges say."""
    yield from _stories()
    yield from _recorded()
    fields = list(_lines("header_cases.jsonl"))
    for name in (headers.SAVE_IMPRESSION, headers.MEASURE_CONVERSION):
        verdicts = [field_parses_as_expected(case) for case in fields if case["header"] == name]
        yield row(ATTRIBUTION, f"`{name}`", W3C_REFERENCE, verdicts)
    sites = [parse_a_site(case["input"]) == case["draft"] for case in _lines("site_parsing.jsonl")]
    yield row(ATTRIBUTION, "Sites", W3C_REFERENCE, sites)


def field_parses_as_expected(case: Mapping[str, Any]) -> bool:
    """Whether a response field's value gives what the draft says, the reference where the draft says nothing."""
    expected = case.get("draft", case["result"])
    if case["header"] == headers.SAVE_IMPRESSION:
        result: object = headers.parse_save_impression(case["value"])
    else:
        field = headers.parse_measure_conversion(case["value"], "https://base.example/page")
        if field is not None and field.report_url != case["reportUrl"]:
            return False
        result = None if field is None else field.options
    return bool((result or {"error": True}) == expected)


def _stories() -> Iterator[Row]:
    folder = conformance_file("attribution/e2e")
    names = sorted(path.name for path in folder.glob("*.json") if path.name != "CONFIG.json")
    for feature, files in grouped(names, FEATURES):
        results = [result for name in files for result in run_file(str(folder / name))]
        yield row(ATTRIBUTION, feature, W3C_STORIES, [not result.mismatches for result in results])


def _recorded() -> Iterator[Row]:
    """One row for each kind of event: every event of a sequence is a case, since each changes what follows."""
    counts: dict[str, Counter[tuple[str, bool]]] = {}
    for name, what in RECORDED.items():
        cases = {case["id"]: case for case in _lines(name)}
        for result in run_file(str(conformance_file(f"attribution/{name}"))):
            case = cases[result.id]
            wrong = {mismatch.event for mismatch in result.mismatches}
            for position in expectations(case):
                ((feature, _),) = grouped([case["events"][position]["event"]], EVENTS)
                counts.setdefault(what, Counter())[feature, position not in wrong] += 1
    for what, counter in counts.items():
        for feature in dict.fromkeys(EVENTS.values()):
            good, bad = counter[feature, True], counter[feature, False]
            if good + bad:
                yield Row(ATTRIBUTION, f"{feature}, calls in {what}", W3C_REFERENCE, good, good + bad)


def _lines(name: str) -> Iterator[dict[str, Any]]:
    for line in conformance_file(f"attribution/{name}").read_text("utf-8").splitlines():
        yield json.loads(line)
