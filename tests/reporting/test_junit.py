"""Results as JUnit XML."""

from __future__ import annotations

from pathlib import Path

import junitparser
import pytest

from agent.reporting.journey_results import Failure, JourneyResult, Outcome, StepResult
from agent.reporting.junit import junit_xml, write_junit

STEPS = (StepResult(4, "open x", Outcome.PASSED, time=1_767_603_600_000), StepResult(5, "click y", Outcome.FAILED))
RESULTS = (
    JourneyResult("Good", "a/good.yaml", Outcome.PASSED, seconds=1.5, seed=7),
    JourneyResult("Wrong", "b.yaml", Outcome.FAILED, STEPS, 2, failure=Failure("no y", "no y\nmore"), line=5),
    JourneyResult("Down", "c.yaml", Outcome.ERROR, failure=Failure("down", "down", 3)),
)


def test_other_programs_read_each_journey_as_a_test_case(tmp_path: Path) -> None:
    (suite,) = junitparser.JUnitXml.fromfile(str(write_junit(RESULTS, tmp_path / "deep" / "junit.xml")))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped, suite.time) == (3, 1, 1, 0, 3.5)
    good, wrong, down = suite
    assert (good.name, good.classname, good.time, good.is_passed) == ("Good", "a.good", 1.5, True)
    (failure,) = wrong.result
    assert isinstance(failure, junitparser.Failure)
    assert (failure.message, failure.text) == ("b.yaml:5: no y", "no y\nmore")
    assert isinstance(down.result[0], junitparser.Error)


def test_the_steps_and_the_seed_stand_in_the_output() -> None:
    text = junit_xml(RESULTS).decode()
    assert "seed 7" in text
    assert "passed  b.yaml:4  open x  2026-01-05T09:00:00+00:00\nfailed  b.yaml:5  click y" in text


def test_text_of_a_site_is_text_in_the_file_and_what_xml_cannot_hold_is_replaced() -> None:
    hostile = JourneyResult("x", "x.yaml", Outcome.FAILED, failure=Failure("</failure>\x00]]>\ud800", "\x1b<b>"))
    (suite,) = junitparser.JUnitXml.fromstring(junit_xml([hostile]))
    (case,) = suite
    assert case.result[0].message == "x.yaml: </failure>\ufffd]]>\ufffd"
    assert case.result[0].text == "\ufffd<b>"


@pytest.mark.parametrize("file", [".", "..", "/", "a/../..", ".hidden", "bundle"])
def test_a_folder_of_any_name_is_a_case(file: str) -> None:
    (suite,) = junitparser.JUnitXml.fromstring(junit_xml([JourneyResult("x", file, Outcome.PASSED)]))
    assert [case.name for case in suite] == ["x"]
    assert all(case.classname for case in suite)
