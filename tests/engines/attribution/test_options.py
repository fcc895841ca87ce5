from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.engines.attribution.options import conversion_request, impression_request
from agent.model.attribution import AggregationService, CallContext, ConversionRequest, ImpressionRequest, Policy
from agent.model.errors import PageException
from agent.model.limits import AttributionLimits
from tests.attribution_world import CURRENT, SEED

LIMITS = AttributionLimits(max_histogram_size=10)
SERVICES = (
    AggregationService("one", "https://one.test"),
    AggregationService("small", "https://small.test", max_histogram_size=3),
)
HERE = CallContext("news.test", "ads.test")
LOCAL = CallContext("localhost")
FORBIDDEN = CallContext("news.test", allowed=False)
INACTIVE = CallContext("news.test", activated=False)


def save(context: CallContext = HERE, **options: Any) -> ImpressionRequest | PageException:
    return impression_request(CURRENT, context, {"histogramIndex": 0, **options}, LIMITS)


def measure(context: CallContext = HERE, **options: Any) -> ConversionRequest | PageException:
    whole = {"aggregationService": "https://one.test", "histogramSize": 4, **options}
    return conversion_request(CURRENT, context, whole, LIMITS, SERVICES)


def seed_save(**options: Any) -> ImpressionRequest | PageException:
    whole = {"ad": "a", "conversionSite": "shop.test", "histogramIndex": 0, **options}
    return impression_request(SEED, HERE, whole, LIMITS)


def seed_measure(**options: Any) -> ConversionRequest | PageException:
    return conversion_request(SEED, HERE, {"aggregator": "one", "histogramSize": 4, **options}, LIMITS, SERVICES)


def thrown(result: object, name: str, text: str = "") -> None:
    assert isinstance(result, PageException), result
    assert result.name == name
    assert result.is_dom_exception == (name in ("SyntaxError", "NotAllowedError"))
    assert text in result.message


def many(count: int) -> list[str]:
    return ["a.test"] * count


def test_defaults_of_save_impression() -> None:
    assert save() == ImpressionRequest(CURRENT, 0, "news.test", "ads.test", (), (), 30, 0, 0)


def test_defaults_of_measure_conversion() -> None:
    assert measure() == ConversionRequest(
        CURRENT, Policy(), "news.test", "ads.test", SERVICES[0], 1.0, 4, 30, (), (), (), (1.0,), 1, 1
    )


def test_sites_are_reduced_sorted_and_not_repeated() -> None:
    request = save(conversionSites=["z.b.test", "a.test", "b.test"], conversionCallers=["Y.test", "y.test"])
    assert isinstance(request, ImpressionRequest)
    assert (request.conversion_sites, request.conversion_callers) == (("a.test", "b.test"), ("y.test",))


CHECKS_OF_SAVE: list[tuple[str, dict[str, Any], CallContext | None]] = [
    ("SyntaxError", {}, LOCAL),
    ("NotAllowedError", {}, FORBIDDEN),
    ("RangeError", {"histogramIndex": 10}, None),
    ("RangeError", {"lifetimeDays": 0}, None),
    ("RangeError", {"conversionSites": many(6)}, None),
    ("SyntaxError", {"conversionSites": [":"]}, None),
    ("RangeError", {"conversionCallers": many(11)}, None),
    ("SyntaxError", {"conversionCallers": ["localhost"]}, None),
]
CHECKS_OF_MEASURE: list[tuple[str, dict[str, Any], CallContext | None]] = [
    ("SyntaxError", {}, LOCAL),
    ("NotAllowedError", {}, FORBIDDEN),
    ("ReferenceError", {"aggregationService": "https://one.test/"}, None),
    ("RangeError", {"epsilon": 0.0}, None),
    ("RangeError", {"histogramSize": 11}, None),
    ("RangeError", {"value": 0}, None),
    ("RangeError", {"credit": []}, None),
    ("RangeError", {"lookbackDays": 0}, None),
    ("RangeError", {"matchValues": [1] * 31}, None),
    ("SyntaxError", {"impressionSites": ["com"]}, None),
    ("RangeError", {"impressionCallers": many(11)}, None),
]


@pytest.mark.parametrize("first", range(len(CHECKS_OF_SAVE)))
def test_the_first_failing_check_of_save_impression_wins(first: int) -> None:
    failing: dict[str, Any] = {}
    context = HERE
    for _, options, where in reversed(CHECKS_OF_SAVE[first:]):
        failing |= options
        context = where or context
    thrown(save(context, **failing), CHECKS_OF_SAVE[first][0], next(iter(CHECKS_OF_SAVE[first][1]), ""))


@pytest.mark.parametrize("first", range(len(CHECKS_OF_MEASURE)))
def test_the_first_failing_check_of_measure_conversion_wins(first: int) -> None:
    failing: dict[str, Any] = {}
    context = HERE
    for _, options, where in reversed(CHECKS_OF_MEASURE[first:]):
        failing |= options
        context = where or context
    thrown(measure(context, **failing), CHECKS_OF_MEASURE[first][0], next(iter(CHECKS_OF_MEASURE[first][1]), ""))


def test_activation_is_checked_after_the_policy() -> None:
    thrown(save(INACTIVE, histogramIndex=10), "NotAllowedError", "activation")
    thrown(measure(replace(INACTIVE, allowed=False)), "NotAllowedError", "permissions policy")


def test_lengths_are_checked_before_the_sites_are_parsed_and_before_they_are_merged() -> None:
    thrown(save(conversionSites=[":"] * 6), "RangeError")
    thrown(save(conversionSites=["a.test"] * 6), "RangeError")
    thrown(measure(impressionSites=[":"] * 31), "RangeError")


@pytest.mark.parametrize("epsilon", [0.0, -1.0, 4294.000001])
def test_epsilon_lies_above_0_and_at_most_at_4294(epsilon: float) -> None:
    thrown(measure(epsilon=epsilon), "RangeError", "epsilon")
    thrown(seed_measure(epsilon=epsilon), "RangeError", "epsilon")


def test_the_largest_epsilon_is_allowed() -> None:
    assert isinstance(measure(epsilon=4294.0), ConversionRequest)


def test_histogram_size_has_three_bounds() -> None:
    thrown(measure(histogramSize=0), "RangeError", "histogramSize")
    thrown(measure(aggregationService="https://small.test"), "RangeError", "not be greater than 3")
    assert isinstance(measure(aggregationService="https://small.test", histogramSize=3), ConversionRequest)
    assert isinstance(measure(histogramSize=10), ConversionRequest)


def test_value_must_not_exceed_max_value() -> None:
    thrown(measure(value=2), "RangeError", "maxValue")
    assert isinstance(measure(value=2, maxValue=2), ConversionRequest)


@pytest.mark.parametrize("credit", [[0], [1, -1], [1] * 11])
def test_credit_has_one_to_max_positive_items(credit: list[float]) -> None:
    thrown(measure(credit=credit), "RangeError", "credit")


def test_lifetime_and_lookback_are_clamped() -> None:
    saved, measured = save(lifetimeDays=10**15), measure(lookbackDays=10**15)
    assert isinstance(saved, ImpressionRequest)
    assert isinstance(measured, ConversionRequest)
    assert (saved.lifetime_days, measured.lookback_days) == (30, 30)


def test_a_localhost_intermediary_is_refused_unless_the_switch_is_on() -> None:
    framed = CallContext("news.test", "a.localhost")
    thrown(save(framed), "SyntaxError")
    allowed = replace(LIMITS, allow_localhost=True)
    options = {"histogramIndex": 0, "conversionSites": ["localhost"]}
    request = impression_request(CURRENT, LOCAL, options, allowed)
    assert isinstance(request, ImpressionRequest)
    assert (request.impression_site, request.conversion_sites) == ("localhost", ("localhost",))


def test_the_seed_knows_no_caller_policy_activation_or_maximum_index() -> None:
    options = {"ad": "a", "conversionSite": "www.shop.test", "histogramIndex": 2**32 - 1}
    context = CallContext("localhost", "ads.test", allowed=False, activated=False)
    assert impression_request(SEED, context, options, LIMITS) == ImpressionRequest(
        SEED, "a", "localhost", None, ("shop.test",), (), 30, 2**32 - 1, 0
    )


def test_the_seed_checks_the_lifetime_before_the_site() -> None:
    thrown(seed_save(lifetimeDays=0, conversionSite=":"), "RangeError", "lifetimeDays")
    thrown(seed_save(conversionSite="localhost"), "SyntaxError", "conversionSite")


def test_the_seed_checks_service_epsilon_size_lookback_lists_in_this_order() -> None:
    failing: list[tuple[str, dict[str, Any]]] = [
        ("ReferenceError", {"aggregator": "https://one.test"}),
        ("RangeError", {"epsilon": -1.0}),
        ("RangeError", {"histogramSize": 0}),
        ("RangeError", {"lookbackDays": 0}),
        ("RangeError", {"ads": ["a"] * 31}),
        ("SyntaxError", {"impressionSites": ["com"]}),
    ]
    for first, (name, options) in enumerate(failing):
        together = {member: value for _, each in failing[first:] for member, value in each.items()}
        thrown(seed_measure(**together), name, next(iter(options)))


def test_the_seed_allows_value_0_and_pays_no_safety_limit_unless_switched_on() -> None:
    request = seed_measure(value=0)
    assert isinstance(request, ConversionRequest)
    assert (request.value, request.credit) == (0, (1.0,))
    assert request.policy == Policy(newest_epoch_only=True, charge_epsilon=True, safety_limits=False)
    options = {"aggregator": "one", "histogramSize": 4}
    limited = conversion_request(SEED, HERE, options, replace(LIMITS, level1_safety_limits=True), SERVICES)
    assert isinstance(limited, ConversionRequest)
    assert limited.policy.safety_limits


@pytest.mark.parametrize(("caller", "collector"), [("ads.test", "ads.test"), (None, "shop.test")])
def test_the_seed_s_collector_is_the_calling_site(caller: str | None, collector: str) -> None:
    options = {"aggregator": "one", "histogramSize": 4}
    request = conversion_request(SEED, CallContext("shop.test", caller), options, LIMITS, SERVICES)
    assert isinstance(request, ConversionRequest)
    assert (request.conversion_site, request.caller) == ("shop.test", collector)


def test_messages_of_refusals_are_ascii_whatever_the_page_sent() -> None:
    refused = measure(aggregationService="\ud800é" * 200)
    assert isinstance(refused, PageException)
    assert refused.message.isascii()
    assert len(refused.message) < 2000
