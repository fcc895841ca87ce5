from __future__ import annotations

from collections import Counter
from dataclasses import replace

from agent.engines.aggregation.explained_reports import counted, left_out_checks, shown
from agent.model.aggregation import ErrorCounter, LeftOut, Partial

WRONG = ErrorCounter.NUM_REPORTS_WITH_ERRORS


def left_out(position: int, *errors: ErrorCounter, mistake: str = "") -> LeftOut:
    return LeftOut(f"batch.avro[{position}]", f"id-{position}", errors, "does not open", mistake)


def test_the_first_reports_of_each_counter_are_named_with_place_id_and_why() -> None:
    reports = [left_out(position, ErrorCounter.DECRYPTION_ERROR) for position in range(5)]
    partial = Partial(9, Counter({ErrorCounter.DECRYPTION_ERROR: 7, WRONG: 7}), reports)
    (check,) = left_out_checks(partial)
    assert (check.rule, check.passed) == ("DECRYPTION_ERROR", False)
    assert check.detail == (
        "7 reports left out, does not open: batch.avro[0] (id-0), batch.avro[1] (id-1), batch.avro[2] (id-2);"
        " and 4 more"
    )


def test_reports_that_are_left_out_for_different_reasons_are_told_with_theirs() -> None:
    reports = [left_out(0, ErrorCounter.INVALID_REPORT_ID), left_out(1, ErrorCounter.INVALID_REPORT_ID)]
    reports[0] = replace(reports[0], detail="report_id is 'x'", report_id=None)
    (check,) = left_out_checks(Partial(9, Counter({ErrorCounter.INVALID_REPORT_ID: 2, WRONG: 2}), reports))
    assert check.detail == "2 reports left out: batch.avro[0] report_id is 'x'; batch.avro[1] (id-1) does not open"


def test_a_report_that_fails_several_checks_is_named_under_each() -> None:
    both = (ErrorCounter.REQUIRED_SHAREDINFO_FIELD_INVALID, ErrorCounter.UNSUPPORTED_SHAREDINFO_VERSION)
    partial = Partial(9, Counter({**dict.fromkeys(both, 1), WRONG: 1}), [left_out(3, *both)])
    assert [check.rule for check in left_out_checks(partial)] == list(both)
    assert all("batch.avro[3]" in check.detail for check in left_out_checks(partial))


def test_a_known_mistake_is_the_fix_and_the_counter_s_own_otherwise() -> None:
    errors = Counter({ErrorCounter.DECRYPTION_ERROR: 2, WRONG: 2})
    plain = left_out(0, ErrorCounter.DECRYPTION_ERROR)
    (check,) = left_out_checks(Partial(9, errors, [plain]))
    assert check.fix == "take payload, key_id and shared_info as they stand in the report"
    named = left_out(1, ErrorCounter.DECRYPTION_ERROR, mistake="the payload is still base64 text; decode it")
    (check,) = left_out_checks(Partial(9, errors, [plain, named]))
    assert check.fix == "the payload is still base64 text; decode it"


def test_where_no_report_is_of_the_job_s_origin_the_one_that_they_share_is_named() -> None:
    mismatch = ErrorCounter.ATTRIBUTION_REPORT_TO_MISMATCH
    reports = [replace(left_out(position, mismatch), reporting_origin="https://other.test") for position in range(2)]
    (check,) = left_out_checks(Partial(2, Counter({mismatch: 2, WRONG: 2}), reports))
    assert check.fix == "no report is of this origin: write attribution_report_to=https://other.test"
    (check,) = left_out_checks(Partial(3, Counter({mismatch: 2, WRONG: 2}), reports))
    assert "other.test" not in check.fix
    reports[1] = replace(reports[1], reporting_origin="https://third.test")
    (check,) = left_out_checks(Partial(2, Counter({mismatch: 2, WRONG: 2}), reports))
    assert "other.test" not in check.fix


def test_every_counter_of_a_report_has_a_way_out() -> None:
    for counter in set(ErrorCounter) - {WRONG, ErrorCounter.INTERNAL_ERROR}:
        (check,) = left_out_checks(Partial(1, Counter({counter: 1, WRONG: 1})))
        assert check.fix, counter


def test_what_somebody_else_wrote_is_cut_to_a_line() -> None:
    error = ErrorCounter.INVALID_REPORT_ID
    reports = [replace(left_out(0, error), report_id="x" * 10**6)]
    (check,) = left_out_checks(Partial(1, Counter({error: 1, WRONG: 1}), reports))
    assert len(check.detail) < 200


def test_nothing_left_out_is_nothing_told() -> None:
    assert list(left_out_checks(Partial(9))) == []


def test_one_is_no_plural() -> None:
    assert (counted(1, "report"), counted(1200, "report"), counted(0, "report")) == (
        "1 report",
        "1,200 reports",
        "0 reports",
    )


def test_what_a_report_says_stays_on_its_line_and_steers_no_terminal() -> None:
    told = replace(left_out(0, ErrorCounter.INVALID_REPORT_ID), report_id="x\n  ok    privacy budget\x1b[2J")
    (check,) = left_out_checks(Partial(1, Counter({ErrorCounter.INVALID_REPORT_ID: 1, WRONG: 1}), [told]))
    assert check.detail.isprintable()
    assert r"(x\n  ok    privacy budget\x1b[2J)" in check.detail


def test_a_text_is_cut_and_letters_of_any_script_stay() -> None:
    assert shown("https://三.test/é") == "https://三.test/é"
    assert shown("x" * 80) == "x" * 80
    assert shown("x" * 81) == "x" * 80 + "..."
