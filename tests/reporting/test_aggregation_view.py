from __future__ import annotations

from agent.model.aggregation import ReturnCode
from agent.reporting.aggregation_view import MEANINGS, count, counts_in_words, left_out_in_words
from tests.reporting.summaries import rows, view


def test_every_code_that_a_job_can_end_in_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ReturnCode)


def test_the_interval_is_laid_around_the_noised_sum() -> None:
    first, second = rows()
    assert (first.p5, first.p95, first.told_from_zero) == (1_200, 1_400, True)
    assert (second.p5, second.p95, second.told_from_zero) == (-140, 60, False)


def test_the_true_sum_is_there_where_it_may_be_shown() -> None:
    assert [row.true for row in rows()] == [None, None]
    assert [row.true for row in rows(reveal=True)] == [1_234, 0]
    assert not view().revealed
    assert view(reveal=True).revealed


def test_a_bucket_without_a_name_is_its_number() -> None:
    assert [row.label for row in rows()] == ["5", "sales: Summer"]


def test_an_amount_has_two_decimals_and_a_small_one_two_digits() -> None:
    plain, named = rows()
    assert plain.scaled(100) == ""
    assert (named.scaled(-40), named.scaled(1_600_000)) == ("-2.50 EUR", "100,000.00 EUR")
    assert named.scaled(1) == "0.062 EUR"


def test_the_line_under_a_summary() -> None:
    assert counts_in_words(view()) == (
        "1,234 reports counted, epsilon 10, noise of scale 6,553.6 (standard deviation 9,268), 2 budget units spent"
    )
    assert counts_in_words(view(scale=0.0, counted=1, units=1)) == (
        "1 report counted, epsilon 10, noise off, 1 budget unit spent"
    )


def test_why_no_budget_was_spent_is_told() -> None:
    assert counts_in_words(view(units=0)).endswith(", no budget spent")
    assert counts_in_words(view(units=0, debug_run=True)).endswith(", no budget spent (a debug run)")
    assert counts_in_words(view(units=0, clear_text=True)).endswith(", no budget spent (clear text)")


def test_reports_that_are_not_in_the_sums_are_counted() -> None:
    assert left_out_in_words(view()) == "1 report left out; 1 report came twice and counted once"
    assert left_out_in_words(view(left_out_total=0, duplicates=2)) == "2 reports came twice and counted once"
    assert left_out_in_words(view(left_out_total=0, duplicates=0)) == ""


def test_things_are_counted_in_one_or_many() -> None:
    assert (count(0, "report"), count(1, "report"), count(1_000, "report")) == (
        "0 reports",
        "1 report",
        "1,000 reports",
    )
