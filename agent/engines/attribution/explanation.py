"""The trace of a conversion: what was found, what was left out and why, what was charged, what was credited."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from agent.engines.attribution.budget import Deduction
from agent.engines.attribution.credit import Share
from agent.engines.attribution.matching import Mismatch, dialect_of, first_mismatch
from agent.model.attribution import BudgetKey, Candidate, ConversionRequest
from agent.model.clock import format_instant
from agent.model.events import Check, Trace

NAMED = 20
"""How many impressions a trace names; the rest is counted."""


def explain(
    request: ConversionRequest,
    now: int,
    candidates: Sequence[Candidate],
    recent: Sequence[Candidate],
    matched: Sequence[Candidate],
    single: bool,
    deductions: Sequence[Deduction],
    shares: Sequence[Share],
) -> Trace:
    """The checks of one conversion in their order.

    Where any impression counts, one that is left out stops nothing, so its check passes and the detail says why.
    """
    checks = [_summary(request, now, candidates, matched, deductions)]
    counts = {one.id for one in matched} if deductions else set()
    checks.extend(_of_impression(one, request, now, counts) for one in recent[:NAMED])
    checks.append(
        Check("lookback", True, f"{request.lookback_days} days, {'one epoch' if single else 'several epochs'}")
    )
    checks.extend(map(_of_deduction, deductions))
    checks.extend(_of_shares(request, shares))
    return Trace(tuple(checks))


def _summary(
    request: ConversionRequest,
    now: int,
    candidates: Sequence[Candidate],
    matched: Sequence[Candidate],
    deductions: Sequence[Deduction],
) -> Check:
    """What the index found, and how many each rule left out."""
    detail = f"{len(matched)} of {len(candidates)} found for {request.conversion_site}"
    if len(matched) < len(candidates):
        reasons = Counter(first_mismatch(one, request, now) for one in candidates)
        left_out = [f"{count} by {reason.value}" for reason, count in reasons.most_common() if reason is not None]
        detail += "; left out: " + ", ".join(left_out)
    if matched and not deductions:
        detail += f"; all in an {Mismatch.EPOCH.value}"
    fix = "" if deductions else "save an impression for this site first, or see below what leaves each one out"
    return Check("matching impressions", bool(deductions), detail, fix)


def _of_impression(one: Candidate, request: ConversionRequest, now: int, counts: set[int]) -> Check:
    rule = f"impression {one.id}"
    if dialect_of(one) is not request.dialect:
        reason: Mismatch | None = Mismatch.DIALECT
    else:
        reason = first_mismatch(one, request, now)
    if reason is None and (one.id in counts or not counts):
        closed = "" if counts else f", but in an {Mismatch.EPOCH.value}"
        return Check(rule, bool(counts), f"matches{closed}: {one.impression_site}, {format_instant(one.timestamp)}")
    if reason is None:
        reason = Mismatch.EPOCH
    compared, fix = _REASONS[reason](one, request)
    return Check(rule, bool(counts), f"left out by {reason.value}: {compared}", "" if counts else fix)


def _list(values: Sequence[str] | Sequence[int]) -> str:
    return json.dumps(list(values[:10])) + (f" and {len(values) - 10} more" if len(values) > 10 else "")


_REASONS: dict[Mismatch, Callable[[Candidate, ConversionRequest], tuple[str, str]]] = {
    Mismatch.DIALECT: lambda one, request: (
        f"saved through {dialect_of(one).value}, measured through {request.dialect.value}",
        "save and measure through the same object of navigator",
    ),
    Mismatch.EXPIRED: lambda one, _: (f"lived until {format_instant(one.expires)}", "save it with more lifetimeDays"),
    Mismatch.LOOKBACK: lambda one, request: (
        f"saved {format_instant(one.timestamp)}, lookback {request.lookback_days} days",
        "measure with more lookbackDays",
    ),
    Mismatch.CONVERSION_SITE: lambda one, request: (
        f"{request.conversion_site} is not in {_list(one.conversion_sites)}",
        f"save it for the conversion site {request.conversion_site}",
    ),
    Mismatch.CONVERSION_CALLER: lambda one, request: (
        f"{request.caller} is not in {_list(one.conversion_callers)}",
        f"save it with {request.caller} among conversionCallers",
    ),
    Mismatch.KEY: lambda one, request: (
        f"{json.dumps(one.key)} is not in {_list(request.keys)}",
        "measure with this value, or with an empty list for any",
    ),
    Mismatch.IMPRESSION_SITE: lambda one, request: (
        f"{one.impression_site} is not in {_list(request.impression_sites)}",
        "measure with this site among impressionSites, or with an empty list for any",
    ),
    Mismatch.IMPRESSION_CALLER: lambda one, request: (
        f"{one.intermediary_site or one.impression_site} is not in {_list(request.impression_callers)}",
        "measure with this site among impressionCallers, or with an empty list for any",
    ),
    Mismatch.EPOCH: lambda one, _: (
        f"saved {format_instant(one.timestamp)}",
        "wait for the next epoch: what was seen before a clearing never counts again",
    ),
}


def _of_deduction(deduction: Deduction) -> Check:
    rule = f"budget of epoch {deduction.epoch}"
    if deduction.accepted:
        paid = (f"{_budget_name(key)} {left}" for key, left in islice(deduction.remaining.items(), NAMED))
        return Check(rule, True, f"{deduction.price.site} micro-epsilon charged; left: {', '.join(paid)}")
    short = ", ".join(f"{_budget_name(key)} has {left}" for key, left in deduction.refused_by.items())
    return Check(
        rule,
        False,
        f"{deduction.price.site} micro-epsilon asked ({deduction.price.safety} of global budget and quotas): {short}",
        "measure with a smaller epsilon or value, or wait for impressions of a new epoch",
    )


def _budget_name(key: BudgetKey) -> str:
    return f"{key.kind.value.replace('_', ' ')} {key.site}".strip()


def _of_shares(request: ConversionRequest, shares: Sequence[Share]) -> Iterator[Check]:
    for share in shares[:NAMED]:
        index = share.impression.histogram_index
        detail = f"{share.amount} to bucket {index}"
        if not share.in_range:
            detail += f", dropped: the histogram has {request.histogram_size} buckets"
        fix = "" if share.in_range else f"measure with a histogramSize above {index}"
        yield Check(f"credit of impression {share.impression.id}", share.in_range, detail, fix)
