"""Validation of options after WebIDL conversion: the first failing check, in the order of the specification, wins.

Current draft, sections 3 and 4; seed, sections 1 and 7. Members are keyed as the page writes them; an absent optional
member is a missing key. Everything here holds while the API is disabled, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agent.model.attribution import (
    AggregationService,
    CallContext,
    ConversionRequest,
    Dialect,
    ImpressionRequest,
    Policy,
)
from agent.model.errors import PageException
from agent.model.limits import MAX_EPSILON, AttributionLimits
from agent.model.site import is_localhost, parse_a_site

DEFAULT_LIFETIME_DAYS = 30
SAVE_IMPRESSION = "save-impression"
MEASURE_CONVERSION = "measure-conversion"


class _Refused(Exception):  # noqa: N818 - it carries a refusal out of nested checks and never leaves this module
    def __init__(self, exception: PageException) -> None:
        self.exception = exception


def policy_of(dialect: Dialect, limits: AttributionLimits) -> Policy:
    """What a dialect means where the two differ."""
    if dialect is Dialect.CURRENT:
        return Policy()
    return Policy(newest_epoch_only=True, charge_epsilon=True, safety_limits=limits.level1_safety_limits)


def impression_request(
    dialect: Dialect, context: CallContext, options: Mapping[str, Any], limits: AttributionLimits
) -> ImpressionRequest | PageException:
    """The normal form of a ``saveImpression`` call, or what the page sees thrown."""
    try:
        if dialect is Dialect.CURRENT:
            return _current_impression(context, options, limits)
        return _level1_impression(context, options, limits)
    except _Refused as refused:
        return refused.exception


def conversion_request(
    dialect: Dialect,
    context: CallContext,
    options: Mapping[str, Any],
    limits: AttributionLimits,
    services: Sequence[AggregationService],
) -> ConversionRequest | PageException:
    """The normal form of a ``measureConversion`` call, or what the page sees its promise rejected with."""
    try:
        if dialect is Dialect.CURRENT:
            return _current_conversion(context, options, limits, services)
        return _level1_conversion(context, options, limits, services)
    except _Refused as refused:
        return refused.exception


def _current_impression(
    context: CallContext, options: Mapping[str, Any], limits: AttributionLimits
) -> ImpressionRequest:
    _check_context(context, SAVE_IMPRESSION, limits)
    index = options["histogramIndex"]
    if index >= limits.max_histogram_size:
        raise _range(f"histogramIndex must be less than {limits.max_histogram_size}")
    lifetime = _days(options, "lifetimeDays", DEFAULT_LIFETIME_DAYS, limits)
    sites = _sites(options, "conversionSites", limits.max_conversion_sites_per_impression, limits)
    callers = _sites(options, "conversionCallers", limits.max_conversion_callers_per_impression, limits)
    return ImpressionRequest(
        dialect=Dialect.CURRENT,
        key=options.get("matchValue", 0),
        impression_site=context.top_level_site,
        intermediary_site=context.intermediary_site,
        conversion_sites=tuple(sorted(set(sites))),
        conversion_callers=tuple(sorted(set(callers))),
        lifetime_days=lifetime,
        histogram_index=index,
        priority=options.get("priority", 0),
    )


def _level1_impression(
    context: CallContext, options: Mapping[str, Any], limits: AttributionLimits
) -> ImpressionRequest:
    lifetime = _days(options, "lifetimeDays", DEFAULT_LIFETIME_DAYS, limits)
    return ImpressionRequest(
        dialect=Dialect.LEVEL1_2024,
        key=options["ad"],
        impression_site=context.top_level_site,
        intermediary_site=None,  # the seed does not know who called
        conversion_sites=(_site(options["conversionSite"], "conversionSite", limits),),
        conversion_callers=(),
        lifetime_days=lifetime,
        histogram_index=options["histogramIndex"],
        priority=0,
    )


def _current_conversion(
    context: CallContext,
    options: Mapping[str, Any],
    limits: AttributionLimits,
    services: Sequence[AggregationService],
) -> ConversionRequest:
    _check_context(context, MEASURE_CONVERSION, limits)
    url = options["aggregationService"]
    service = next((one for one in services if one.url == url), None)
    if service is None:
        raise _unknown_service("aggregationService", url)
    epsilon = _epsilon(options)
    size = _histogram_size(options, service, limits)
    value, max_value = options.get("value", 1), options.get("maxValue", 1)
    if value == 0:
        raise _range("value must be greater than 0")
    if value > max_value:
        raise _range(f"value must not be greater than maxValue ({max_value})")
    credit = _credit(options, limits)
    lookback = _days(options, "lookbackDays", limits.max_lookback_days, limits)
    keys = _at_most(options, "matchValues", limits.max_match_values)
    sites = _sites(options, "impressionSites", limits.max_impression_sites_for_conversion, limits)
    callers = _sites(options, "impressionCallers", limits.max_impression_callers_for_conversion, limits)
    return ConversionRequest(
        dialect=Dialect.CURRENT,
        policy=policy_of(Dialect.CURRENT, limits),
        conversion_site=context.top_level_site,
        intermediary_site=context.intermediary_site,
        service=service,
        epsilon=epsilon,
        histogram_size=size,
        lookback_days=lookback,
        keys=tuple(keys),
        impression_sites=sites,
        impression_callers=callers,
        credit=credit,
        value=value,
        max_value=max_value,
    )


def _level1_conversion(
    context: CallContext,
    options: Mapping[str, Any],
    limits: AttributionLimits,
    services: Sequence[AggregationService],
) -> ConversionRequest:
    name = options["aggregator"]
    service = next((one for one in services if one.name == name), None)
    if service is None:
        raise _unknown_service("aggregator", name)
    epsilon = _epsilon(options)
    size = _histogram_size(options, service, limits)
    value = options.get("value", 1)
    lookback = _days(options, "lookbackDays", limits.max_lookback_days, limits)
    ads = _at_most(options, "ads", limits.max_ads_for_conversion)
    sites = _sites(options, "impressionSites", limits.max_impression_sites_for_conversion, limits)
    return ConversionRequest(
        dialect=Dialect.LEVEL1_2024,
        policy=policy_of(Dialect.LEVEL1_2024, limits),
        conversion_site=context.top_level_site,
        intermediary_site=context.intermediary_site,  # names the collector; no seed impression asks who measures
        service=service,
        epsilon=epsilon,
        histogram_size=size,
        lookback_days=lookback,
        keys=tuple(ads),
        impression_sites=sites,
        impression_callers=(),
        credit=(1.0,),
        value=value,
        max_value=limits.value_cap,
    )


def _check_context(context: CallContext, feature: str, limits: AttributionLimits) -> None:
    for site in (context.top_level_site, context.intermediary_site):
        if site is not None and is_localhost(site) and not limits.allow_localhost:
            raise _Refused(_dom("SyntaxError", f"{site} is not a site that attribution is available to"))
    if not context.allowed:
        raise _Refused(_dom("NotAllowedError", f"The {feature} feature is not allowed by permissions policy"))
    if not context.activated:
        raise _Refused(_dom("NotAllowedError", "A user activation of this page is needed first"))


def _epsilon(options: Mapping[str, Any]) -> float:
    epsilon = float(options.get("epsilon", 1.0))
    if epsilon <= 0:
        raise _range("epsilon must be greater than 0")
    if epsilon > MAX_EPSILON:
        raise _range(f"epsilon must not be greater than {MAX_EPSILON}")
    return epsilon


def _histogram_size(options: Mapping[str, Any], service: AggregationService, limits: AttributionLimits) -> int:
    size = int(options["histogramSize"])
    largest = limits.max_histogram_size
    if service.max_histogram_size is not None:
        largest = min(largest, service.max_histogram_size)
    if size == 0:
        raise _range("histogramSize must be greater than 0")
    if size > largest:
        raise _range(f"histogramSize must not be greater than {largest}")
    return size


def _credit(options: Mapping[str, Any], limits: AttributionLimits) -> tuple[float, ...]:
    credit = tuple(map(float, options.get("credit", (1.0,))))
    if not credit:
        raise _range("credit must not be empty")
    if any(share <= 0 for share in credit):
        raise _range("every item of credit must be greater than 0")
    if len(credit) > limits.max_credit_size:
        raise _range(f"credit must not have more than {limits.max_credit_size} items")
    return credit


def _days(options: Mapping[str, Any], member: str, absent: int, limits: AttributionLimits) -> int:
    days = int(options.get(member, absent))
    if days == 0:
        raise _range(f"{member} must be greater than 0")
    return min(days, limits.max_lookback_days)


def _at_most(options: Mapping[str, Any], member: str, most: int) -> Sequence[Any]:
    values: Sequence[Any] = options.get(member, ())
    if len(values) > most:
        raise _range(f"{member} must not have more than {most} items")
    return values


def _sites(options: Mapping[str, Any], member: str, most: int, limits: AttributionLimits) -> tuple[str, ...]:
    return tuple(_site(text, member, limits) for text in _at_most(options, member, most))


def _site(text: str, member: str, limits: AttributionLimits) -> str:
    site = parse_a_site(text, limits.allow_localhost)
    if site is None:
        raise _Refused(_dom("SyntaxError", f"{member}: {_shown(text)} is not a site (a host such as shop.example)"))
    return site


def _unknown_service(member: str, text: str) -> _Refused:
    return _Refused(PageException("ReferenceError", f"{member} {_shown(text)} is not among aggregationServices"))


def _range(message: str) -> _Refused:
    return _Refused(PageException("RangeError", message))


def _dom(name: str, message: str) -> PageException:
    return PageException(name, message, is_dom_exception=True)


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= 100 else text[:100] + "...")
