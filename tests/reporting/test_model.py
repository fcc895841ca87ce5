"""From an aggregated batch to what is shown of it."""

from __future__ import annotations

import dataclasses

import pytest

from agent.model.attribution import Dialect
from agent.model.ledger import AggregatedBatch
from agent.reporting.model import BROWSERS, ApiSummary, SummaryPart, SummaryRow

BATCH = AggregatedBatch(
    time=0,
    dialect=Dialect.CURRENT,
    service="https://aggregator.test",
    collector="shop.test",
    budget_source="shop.test",
    reports=24,
    minimum_batch=20,
    epsilon=0.5,
    scale=4,
    standard_deviation=5.63,
    noise=True,
    histogram=(11, -2),
    p5=(2, -11),
    p95=(20, 7),
)


def test_a_summary_pairs_each_bucket_with_its_label_and_true_sum() -> None:
    summary = ApiSummary.of_batch(BATCH, true_histogram=[9, 1], labels=["banner", "video"])
    (part,) = summary.parts
    assert part.rows == (SummaryRow("banner", 9, 11, 2, 20), SummaryRow("video", 1, -2, -11, 7))
    assert (part.unit.name, part.scale, part.standard_deviation) == ("purchases", 4, 5.63)
    assert (summary.reports, summary.minimum_batch, summary.epsilon, summary.units) == (24, 20, 0.5, None)


def test_a_batch_without_noise_has_no_scale() -> None:
    exact = dataclasses.replace(BATCH, noise=False)
    assert ApiSummary.of_batch(exact, true_histogram=[9, 1], labels=["banner", "video"]).parts[0].scale == 0


@pytest.mark.parametrize(("true", "labels"), [([1], ["a", "b"]), ([1, 2], ["a"]), ([1, 2, 3], ["a", "b", "c"])])
def test_lengths_that_differ_are_a_value_error(true: list[int], labels: list[str]) -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        ApiSummary.of_batch(BATCH, true_histogram=true, labels=labels)


@pytest.mark.parametrize(
    ("dialect", "name"),
    [(Dialect.CURRENT, "navigator.attribution"), (Dialect.LEVEL1_2024, "navigator.privateAttribution")],
)
def test_an_api_is_called_what_a_page_calls_it(dialect: Dialect, name: str) -> None:
    assert ApiSummary.of_batch(dataclasses.replace(BATCH, dialect=dialect), [0, 0], ["a", "b"]).api == name


@pytest.mark.parametrize(
    ("decimals", "value", "text"),
    [(0, 9.5, "10"), (1, 9.449, "9.4"), (1, -0.04, "0.0"), (0, -3, "-3"), (0, 1338, "1,338")],
)
def test_a_number_is_shown_with_the_decimals_of_its_part_and_no_zero_is_negative(
    decimals: int, value: float, text: str
) -> None:
    assert SummaryPart(BROWSERS, 2, 2.8, (), decimals).text(value) == text


@pytest.mark.parametrize(("decimals", "text"), [(0, "-2 to 4"), (1, "-1.2 to 3.4"), (2, "-1.12 to 3.31")])
def test_an_interval_is_rounded_outwards(decimals: int, text: str) -> None:
    row = SummaryRow("c", 1, 1, -1.111, 3.302)
    assert SummaryPart(BROWSERS, 2, 2.8, (row,), decimals).interval(row) == text
