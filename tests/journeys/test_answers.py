"""A job's sums become purchases, euros and browsers, each beside the truth."""

from __future__ import annotations

import pytest

from agent.journeys.answers import job_summary, sums_of
from agent.journeys.measurement import Answer, Batch
from agent.model.attribution_reporting.reports import AggregatableContent, Contribution
from agent.model.reports import Report, ReportKind
from sites.questions import ATTRIBUTION_REPORTING, PRIVATE_AGGREGATION, Question


def answer(question: Question, metrics: dict[int, int]) -> Answer:
    filled = {int(bucket, 16): 0 for bucket in question.meanings} | metrics
    return Answer(Batch(question, "batch.avro", 32), "job-1", {"return_code": "SUCCESS"}, filled)


def test_sums_are_scaled_to_what_they_stand_for_one_part_for_each_unit() -> None:
    summary = job_summary(
        answer(ATTRIBUTION_REPORTING, {0x559: 8 * 32_768 - 3_277, 0xA85: 104 * 32 + 3_200}),
        {0x559: 8 * 32_768, 0xA85: 104 * 32},
        units=9,
    )
    assert (summary.api, summary.reports, summary.epsilon, summary.units) == ("Attribution Reporting", 32, 10, 9)
    counts, prices = summary.parts
    assert (counts.unit.name, prices.unit.name) == ("purchases", "euros")
    assert (len(counts.rows), len(prices.rows)) == (4, 6)
    banner, lamp = counts.rows[0], prices.rows[0]
    assert (banner.label, banner.bucket, banner.true) == ("Front page banner", "0x559", 8)
    assert banner.noised == pytest.approx(7.9, abs=0.001)
    assert (lamp.label, lamp.true, lamp.noised) == ("region 5, Heron desk lamp", 104, 204)


def test_the_noise_is_a_fifth_of_a_purchase_and_205_euros() -> None:
    counts, prices = job_summary(answer(ATTRIBUTION_REPORTING, {}), {}, units=1).parts
    # 65,536 / 10 = 6,553.6, at 32,768 for a purchase and 32 for a euro; the deviation is that times root 2.
    assert [counts.scale, prices.scale] == pytest.approx([0.2, 204.8])
    assert counts.standard_deviation == pytest.approx(0.2 * 2**0.5, rel=1e-6)
    assert prices.standard_deviation == pytest.approx(204.8 * 2**0.5, rel=1e-6)


def test_with_epsilon_2_the_noise_is_two_browsers() -> None:
    (browsers,) = job_summary(answer(PRIVATE_AGGREGATION, {1234: 12 * 16_384}), {1234: 11 * 16_384}, units=1).parts
    assert (browsers.unit.name, browsers.scale) == ("browsers", 2)
    poster = next(row for row in browsers.rows if row.bucket == "0x4d2")
    assert (poster.true, poster.noised) == (11, 12)


def test_the_interval_holds_nine_tenths_of_the_noise() -> None:
    # P(|X| > w) = 2 p^(w+1) / (1 + p) with p = e^(-1/b): 10 % at w = b ln 10, 2.3026 scales, for so large a b.
    (browsers,) = job_summary(answer(PRIVATE_AGGREGATION, {}), {}, units=1).parts
    for row in browsers.rows:
        assert [row.p5, row.p95] == pytest.approx([-2 * 2.3026, 2 * 2.3026], rel=1e-3)


def test_the_truth_is_what_the_reports_hold_in_clear_null_reports_too() -> None:
    def report(*contributions: Contribution) -> Report:
        content = AggregatableContent(
            reporting_origin="https://adtech.test",
            report_id="1",
            attribution_destination="https://shop.test",
            report_time=0,
            coordinator="https://coordinator.test",
            contributions=contributions,
        )
        return Report("1", ReportKind.AGGREGATABLE, 0, content)

    reports = [report(Contribution(0x559, 5), Contribution(0xA85, 1)), report(Contribution(0x559, 7)), report()]
    assert sums_of(reports) == {0x559: 12, 0xA85: 1}
