"""agent.engines.aggregation.summary against the specification's section 8: which buckets come out, with what noise."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.engines.aggregation.noise import interval
from agent.engines.aggregation.summary import noise_scale, summarize
from agent.model.aggregation import AggregatedFact, JobParameters, Summary
from agent.model.rng import Rng, SeededRng

PARAMETERS = JobParameters(reporting_site="https://adtech.test")
DEBUG = replace(PARAMETERS, debug_run=True)
SUMS = {5: 300, 0: 7, 2**128 - 1: 11, 9: 140_000}
THRESHOLD_AT_10 = 140_987  # section 8, rounded down


def summary_of(
    sums: Mapping[int, int],
    domain: Collection[int] | None,
    parameters: JobParameters = PARAMETERS,
    *,
    rng: Rng | None = None,
    noise: bool = True,
    **options: Any,
) -> Summary:
    return summarize(sums, domain, parameters, rng=rng or SeededRng(1), noise=noise, **options)


def metrics(summary: Summary) -> dict[int, int]:
    return {fact.bucket: fact.metric for fact in summary.facts}


def noise_of(facts: tuple[AggregatedFact, ...]) -> dict[int, int]:
    return {fact.bucket: fact.metric - fact.unnoised_metric for fact in facts}


# Which buckets come out.


def test_with_a_domain_exactly_its_buckets_come_out_in_order() -> None:
    summary = summary_of(SUMS, [9, 4, 5, 4], noise=False)
    assert summary.facts == (
        AggregatedFact(4, 0, 0, in_domain=True, in_reports=False),
        AggregatedFact(5, 300, 300, in_domain=True, in_reports=True),
        AggregatedFact(9, 140_000, 140_000, in_domain=True, in_reports=True),
    )


def test_with_a_domain_and_no_reports_pure_noise_comes_out() -> None:
    summary = summary_of({}, range(100))
    assert list(metrics(summary)) == list(range(100))
    assert metrics(summary) == noise_of(summary.facts)
    assert len(set(metrics(summary).values())) > 90


def test_without_a_domain_every_bucket_of_the_reports_comes_out() -> None:
    summary = summary_of(SUMS | {6: 0}, None, noise=False)
    assert metrics(summary) == {0: 7, 5: 300, 6: 0, 9: 140_000, 2**128 - 1: 11}
    assert not any(fact.in_domain for fact in summary.facts)
    assert all(fact.in_reports for fact in summary.facts)


def test_with_an_empty_domain_nothing_comes_out() -> None:
    assert summary_of(SUMS, []).facts == ()


def test_with_thresholding_buckets_outside_the_domain_must_reach_the_threshold() -> None:
    sums = {1: THRESHOLD_AT_10, 2: THRESHOLD_AT_10 + 1, 3: 5, 4: THRESHOLD_AT_10 + 1, 5: 10**9}
    assert list(metrics(summary_of(sums, None, noise=False, thresholding=True))) == [2, 4, 5]
    assert list(metrics(summary_of(sums, [3, 4, 8], noise=False, thresholding=True))) == [2, 3, 4, 5, 8]


@pytest.mark.parametrize(("threshold", "passes"), [(100_000.00005, True), (100_000.00015, False)])
def test_the_threshold_has_a_tolerance_of_a_ten_thousandth(threshold: float, passes: bool) -> None:
    # The epsilon whose threshold 65536 / epsilon * (epsilon + ln 100000) this is.
    parameters = replace(PARAMETERS, debug_privacy_epsilon=65_536 * math.log(100_000) / (threshold - 65_536))
    summary = summary_of({1: 100_000}, None, parameters, noise=False, thresholding=True)
    assert bool(summary.facts) is passes


def test_it_is_the_noised_value_that_must_reach_the_threshold() -> None:
    at_the_threshold = dict.fromkeys(range(1_000), THRESHOLD_AT_10)
    published = metrics(summary_of(at_the_threshold, None, thresholding=True))
    assert 400 < len(published) < 600
    assert all(metric > THRESHOLD_AT_10 for metric in published.values())
    everything = metrics(summary_of(at_the_threshold, None))
    assert published == {bucket: metric for bucket, metric in everything.items() if metric > THRESHOLD_AT_10}


# The debug summary.


def test_only_a_debug_run_has_debug_facts() -> None:
    assert summary_of(SUMS, [5]).debug_facts == ()


def test_the_debug_facts_are_domain_and_reports_together_with_where_each_is() -> None:
    summary = summary_of(SUMS, [4, 5], DEBUG, noise=False)
    assert [(fact.bucket, fact.unnoised_metric, fact.in_domain, fact.in_reports) for fact in summary.debug_facts] == [
        (0, 7, False, True),
        (4, 0, True, False),
        (5, 300, True, True),
        (9, 140_000, False, True),
        (2**128 - 1, 11, False, True),
    ]
    assert list(metrics(summary)) == [4, 5]


def test_the_debug_facts_of_what_is_published_are_those_that_are_published() -> None:
    for domain, thresholding in (([4, 5], False), ([4, 5], True), (None, True), (None, False)):
        summary = summary_of(SUMS, domain, DEBUG, thresholding=thresholding)
        debug = {fact.bucket: fact for fact in summary.debug_facts}
        assert [debug[fact.bucket] for fact in summary.facts] == list(summary.facts)
        assert list(debug) == sorted(SUMS.keys() | set(domain or ()))


def test_what_is_dropped_has_noise_in_the_debug_facts_too() -> None:
    dropped = summary_of(dict.fromkeys(range(100), 5), [1_000], DEBUG).debug_facts[:100]
    assert len(set(noise_of(dropped).values())) > 90


def test_a_debug_run_of_a_seed_publishes_the_same() -> None:
    assert summary_of(SUMS, [4, 5, 9], DEBUG).facts == summary_of(SUMS, [4, 5, 9]).facts


# The noise.


@pytest.mark.parametrize(
    ("epsilon", "scale", "deviation"),
    [(64.0, Fraction(1_024), 1_448), (10.0, Fraction(32_768, 5), 9_268.2), (1.0, Fraction(65_536), 92_682)],
)
def test_scale_and_standard_deviation_are_those_of_the_service(
    epsilon: float, scale: Fraction, deviation: float
) -> None:
    assert noise_scale(epsilon) == scale
    summary = summary_of(SUMS, [5], replace(PARAMETERS, debug_privacy_epsilon=epsilon))
    assert (summary.epsilon, summary.scale) == (epsilon, float(scale))
    assert summary.standard_deviation == pytest.approx(deviation, abs=0.5)
    assert summary.interval == interval(scale)


def test_epsilon_counts_as_the_decimal_that_is_written() -> None:
    assert noise_scale(0.1) == 655_360
    assert noise_scale(0.3) == Fraction(655_360, 3)
    assert noise_scale(1e-12) == 65_536 * 10**12


def test_nine_draws_of_ten_lie_within_the_interval() -> None:
    summary = summary_of({}, range(20_000))
    inside = sum(abs(fact.metric) <= summary.interval for fact in summary.facts)
    assert abs(inside / 20_000 - 0.9) < 4 * math.sqrt(0.09 / 20_000)


def test_noise_off_adds_nothing_and_says_so() -> None:
    summary = summary_of(SUMS, SUMS, noise=False)
    assert metrics(summary) == SUMS
    assert (summary.epsilon, summary.scale, summary.standard_deviation, summary.interval) == (10.0, 0.0, 0.0, 0)


def test_each_bucket_has_a_draw_of_its_own() -> None:
    noise = list(noise_of(summary_of(dict.fromkeys(range(0, 20_000, 2), 50), range(20_000)).facts).values())
    # Neighbours, one of which the reports have and one not: their correlation is 0, with error 1 / sqrt(n).
    products = sum(one * other for one, other in zip(noise[::2], noise[1::2], strict=True))
    squares = sum(value**2 for value in noise) / 2
    assert abs(products / squares) < 4 / math.sqrt(10_000)
    for half in (noise[::2], noise[1::2]):
        assert math.sqrt(sum(value**2 for value in half) / len(half)) == pytest.approx(9_268.2, rel=0.05)


def test_sums_are_never_clamped() -> None:
    assert metrics(summary_of({1: 2**62, 2: 0}, [1, 2], noise=False)) == {1: 2**62, 2: 0}
    around_zero = metrics(summary_of({}, range(100))).values()
    assert min(around_zero) < 0 < max(around_zero)


@given(st.permutations(range(12)), st.permutations([3, 4, 5, 20]))
def test_a_seed_repeats_whatever_the_order_of_buckets(buckets: list[int], reports: list[int]) -> None:
    summary = summary_of({bucket: 10 * bucket for bucket in reports}, buckets, DEBUG, rng=SeededRng(7))
    expected = summary_of({3: 30, 4: 40, 5: 50, 20: 200}, range(12), DEBUG, rng=SeededRng(7))
    assert summary == expected


def test_other_seeds_give_other_noise() -> None:
    assert metrics(summary_of(SUMS, [1], rng=SeededRng(1))) != metrics(summary_of(SUMS, [1], rng=SeededRng(2)))


def test_two_summaries_of_one_source_have_noise_of_their_own() -> None:
    rng = SeededRng(1)
    first, second = (metrics(summary_of({}, range(100), rng=rng)) for _ in range(2))
    assert sum(first[bucket] == second[bucket] for bucket in first) < 5
