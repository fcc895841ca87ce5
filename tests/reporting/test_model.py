"""From an aggregated batch to what is shown of it."""

from __future__ import annotations

import dataclasses

import pytest

from agent.model.attribution import Dialect
from agent.model.ledger import AggregatedBatch
from agent.reporting.model import ApiSummary, BatchFacts, Campaign

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
    assert summary.campaigns == (Campaign("banner", 9, 11, 5.63, 2, 20), Campaign("video", 1, -2, 5.63, -11, 7))
    assert summary.batch == BatchFacts(reports=24, minimum_batch=20, epsilon=0.5, scale=4)


def test_a_batch_without_noise_has_no_scale() -> None:
    exact = dataclasses.replace(BATCH, noise=False)
    assert ApiSummary.of_batch(exact, true_histogram=[9, 1], labels=["banner", "video"]).batch.scale == 0


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
