"""Other projects' cases of W3C Attribution: e2e stories, recorded sequences, site and header parsing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.engines.attribution import headers
from agent.journeys.story import run_story
from agent.journeys.story_files import default_config, run_file
from agent.model.attribution import Policy
from agent.model.site import parse_a_site
from tests.conformance_data import FOLDER, conformance_file

PUBLISHED_REFERENCE = Policy(single_draw=False, global_budget=False)
"""The two known defects of the reference that the cases were recorded with."""
RECORDED = ("fuzz_cases.jsonl", "fuzz_cases_ext.jsonl", "handmade_cases.jsonl")
E2E = sorted(path.name for path in (FOLDER / "attribution" / "e2e").glob("*.json") if path.name != "CONFIG.json")


def lines(name: str) -> Iterator[dict[str, Any]]:
    for line in conformance_file(f"attribution/{name}").read_text("utf-8").splitlines():
        yield json.loads(line)


@pytest.mark.parametrize("name", E2E or ["basic.json"])
def test_an_e2e_story_gives_what_it_expects(name: str) -> None:
    (result,) = run_file(str(conformance_file(f"attribution/e2e/{name}")))
    assert result.results
    assert result.mismatches == []


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_case_gives_its_expectation_with_its_overlays(name: str) -> None:
    results = list(run_file(str(conformance_file(f"attribution/{name}"))))
    assert results
    assert {result.id: result.mismatches for result in results if result.mismatches} == {}


@pytest.mark.parametrize("name", RECORDED)
def test_with_both_known_defects_the_engine_equals_the_published_reference(name: str) -> None:
    default = default_config(Path(conformance_file(f"attribution/{name}")).parent)
    mismatches = {}
    for case in lines(name):
        published = {key: value for key, value in case.items() if key not in ("spec", "reuse")}
        result = run_story(published, default, policy=PUBLISHED_REFERENCE)
        if result.mismatches:
            mismatches[case["id"]] = result.mismatches
    assert mismatches == {}


def test_the_known_defects_show_in_every_case_that_has_an_overlay() -> None:
    default = default_config(conformance_file("attribution/handmade_cases.jsonl").parent)
    overlaid = [case for name in RECORDED for case in lines(name) if "spec" in case or "reuse" in case]
    assert overlaid
    for case in overlaid:
        assert run_story(case, default, policy=PUBLISHED_REFERENCE).mismatches, case["id"]


def test_sites_parse_as_the_draft_says() -> None:
    cases = list(lines("site_parsing.jsonl"))
    assert cases
    wrong = {
        case["input"]: parse_a_site(case["input"]) for case in cases if parse_a_site(case["input"]) != case["draft"]
    }
    assert wrong == {}


def test_header_fields_parse_as_the_draft_says() -> None:
    cases = list(lines("header_cases.jsonl"))
    assert cases
    for case in cases:
        expected = case.get("draft", case["result"])
        if case["header"] == headers.SAVE_IMPRESSION:
            result: object = headers.parse_save_impression(case["value"])
        else:
            field = headers.parse_measure_conversion(case["value"], "https://base.example/page")
            result = None if field is None else field.options
            assert field is None or field.report_url == case["reportUrl"]
        assert (result or {"error": True}) == expected, case["value"]
