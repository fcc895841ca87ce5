"""The page of a summary: complete in itself, the same for the same summary, and safe against what it shows."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.reporting.aggregation_page import MAX_ROWS, pictures, render_page, write_page
from agent.reporting.aggregation_view import Row, SummaryView
from tests.reporting.summaries import rows, view
from tests.sites.markup import Page


def cells(shown: SummaryView) -> list[str]:
    """The text of each row of each table."""
    return [re.sub(r"\s+", " ", row.text).strip() for row in Page(render_page(shown)).all("tr")]


def words(shown: SummaryView) -> str:
    return " ".join(Page(render_page(shown)).all("body")[0].text.split())


def test_the_page_is_written_into_a_folder_that_is_made(tmp_path: Path) -> None:
    path = write_page(view(), tmp_path / "new" / "page.html")
    assert path.read_text("utf-8") == render_page(view())
    assert path.read_bytes() == write_page(view(), tmp_path / "again.html").read_bytes()


def test_what_utf_8_cannot_say_keeps_no_page_from_being_written(tmp_path: Path) -> None:
    path = write_page(view(parameters={"attribution_report_to": "\ud800\udcff"}), tmp_path / "page.html")
    assert r"\ud800\udcff" in path.read_text("utf-8")


def test_it_runs_no_script_and_loads_nothing() -> None:
    source = render_page(view(reveal=True, parameters={}))
    page = Page(source)
    assert not page.all("script")
    assert not page.all("link")
    assert not [element for element in page.elements if "src" in element.attributes]
    assert not re.findall(r"url\(|@import|https?://", source)


def test_the_policy_allows_this_style_and_nothing_else() -> None:
    page = Page(render_page(view()))
    digest = base64.b64encode(hashlib.sha256(page.all("style")[0].text.encode()).digest()).decode()
    policies = [meta.attributes["content"] for meta in page.all("meta") if "http-equiv" in meta.attributes]
    assert policies == [f"default-src 'none'; style-src 'sha256-{digest}'"]


def test_each_bucket_has_its_numbers_and_a_picture_that_says_them() -> None:
    told = cells(view())
    assert any(re.fullmatch(r"5 ?0x5 ?1,300 ?1,200 to 1,400 ?", row) for row in told)
    assert any("sales: Summer" in row and "-140 to 60" in row and "-2.50 EUR" in row for row in told)
    labels = [svg.attributes["aria-label"] for svg in Page(render_page(view())).all("svg") if "role" in svg.attributes]
    assert labels == ["1,300, between 1,200 and 1,400", "-40, between -140 and 60"]


def test_the_true_sum_is_there_only_where_it_is_revealed() -> None:
    assert "1,234 " not in " ".join(cells(view()))
    revealed = view(reveal=True)
    assert any("1,234" in row for row in cells(revealed))
    assert "true sum, which only this test bench can show" in words(revealed)
    assert "true sum, which only this test bench can show" not in words(view())


def test_a_summary_without_noise_says_so() -> None:
    quiet = words(view(scale=0.0, rows=(Row(1, None, 5, 5, 5, None),)))
    assert "Noise was off" in quiet
    assert "90 % interval" not in quiet


def test_parameters_counters_and_remarks_are_told() -> None:
    told = cells(view())
    assert "attribution_report_tohttps://adtech.test" in told
    assert "INVALID_REPORT_ID1" in told
    remark = words(view())
    assert "1 report left out: <img src=x>" in remark
    assert "give it one" in remark
    assert "2026-01-05 09:00:00+00:00" in remark


def test_what_is_shown_cannot_become_markup() -> None:
    source = render_page(view(job_request_id="<img src=x>", parameters={"a": "<img src=x>"}))
    assert "<img" not in source
    assert source.count("&lt;img") >= 4


@pytest.mark.parametrize(("debug_run", "clear_text"), [(True, False), (False, True)])
def test_jobs_that_spend_nothing_are_told_apart(debug_run: bool, clear_text: bool) -> None:
    told = words(view(debug_run=debug_run, clear_text=clear_text))
    assert ("This was a debug run" in told) is debug_run
    assert ("The reports were not sealed" in told) is clear_text


def test_a_summary_of_many_buckets_is_cut_and_says_where_the_rest_is() -> None:
    many = view(rows=tuple(Row(number, None, 1, 0, 2, None) for number in range(MAX_ROWS + 7)))
    assert "The first 1,000 buckets are shown; 7 more are in output.csv" in words(many)


def test_all_buckets_are_gone_through_at_most_once_however_many_rows_are_shown() -> None:
    class Counted(tuple[Row, ...]):
        """Rows that count how often they are gone through."""

        __slots__ = ()
        times = 0

        def __iter__(self) -> Iterator[Row]:
            Counted.times += 1
            return super().__iter__()

    render_page(view(rows=Counted(Row(number, None, 1, 0, 2, 1) for number in range(50))))
    assert Counted.times <= 1


def test_a_summary_without_buckets_has_a_page() -> None:
    assert Page(render_page(view(rows=()))).all("h1")[0].text.startswith("0 buckets from 1,234 reports")


def test_all_pictures_are_on_one_scale_that_holds_every_interval() -> None:
    first, second = pictures(rows(reveal=True))
    assert first.zero == second.zero
    assert second.error_from < second.zero < second.error_to < first.error_from < first.error_to
    assert (second.error_from, first.error_to) == (4, 256)
    assert second.noised_x + second.noised_width == pytest.approx(second.zero, abs=0.2)
    assert first.true_x == first.zero
