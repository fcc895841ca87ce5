"""The trace of a conversion: what was found, what was left out and why, what was charged, what was credited."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from agent.engines.attribution import epochs
from agent.engines.attribution.budget import Deduction, Price
from agent.engines.attribution.credit import Share
from agent.engines.attribution.facts import ConversionFacts
from agent.engines.attribution.matching import Mismatch, dialect_of, first_mismatch
from agent.model.attribution import BudgetKey, BudgetKind, Candidate, ConversionRequest
from agent.model.clock import format_instant
from agent.model.events import Check, Trace
from agent.model.limits import MICRO, AttributionLimits

NAMED = 20
"""How many impressions a trace names; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Course:
    """How one conversion went, from its facts to its shares."""

    request: ConversionRequest
    facts: ConversionFacts
    limits: AttributionLimits
    single: bool
    """Whether the lookback window lies within the present epoch."""
    deductions: Sequence[Deduction]
    shares: Sequence[Share]

    def epoch_of(self, moment: int) -> int:
        """The number of the epoch that contains ``moment``."""
        return epochs.epoch_of(moment, self.facts.epoch_start, self.limits)

    def days(self, epoch: int) -> str:
        """The first and the last day of an epoch, in UTC."""
        first, last = epochs.bounds(epoch, self.facts.epoch_start, self.limits)
        return f"{_day(first)} to {_day(last)}"


def explain(course: Course) -> Trace:
    """The checks of one conversion in their order.

    Where any impression counts, one that is left out stops nothing, so its check passes and the detail says why.
    """
    length = "one epoch" if course.single else "several epochs"
    return Trace(
        (
            _summary(course),
            *(_of_impression(one, course) for one in course.facts.recent[:NAMED]),
            Check("lookback", True, f"{course.request.lookback_days} days, {length}"),
            *(_of_deduction(deduction, course) for deduction in course.deductions),
            *_of_shares(course.request, course.shares),
        )
    )


def _summary(course: Course) -> Check:
    """What the index found, and how many each rule left out."""
    reasons = Counter(_left_out(one, course) for one in course.facts.candidates)
    left_out = [f"{count} {reason.value}" for reason, count in reasons.most_common() if reason is not None]
    detail = f"{reasons[None]} of {reasons.total()} found for {course.request.conversion_site}"
    if left_out:
        detail += f"; left out: {', '.join(left_out)}"
    if course.deductions:
        return Check("matching impressions", True, detail)
    first = "save an impression for this site first (an expired or cleared one is gone)"
    fix = f"{first}, or see below what leaves each one out"
    return Check("matching impressions", False, detail, fix)


def _of_impression(one: Candidate, course: Course) -> Check:
    rule = f"impression {one.id}"
    counts = bool(course.deductions)
    reason = _left_out(one, course)
    if reason is None:
        why = _not_credited(one, course)
        detail = f"matches: {one.impression_site}, {format_instant(one.timestamp)}"
        return Check(rule, True, detail + (f"; not credited: {why}" if why else ""))
    compared, fix = _REASONS[reason](one, course.request)
    return Check(rule, counts, f"left out, {reason.value}: {compared}", "" if counts else fix)


def _left_out(one: Candidate, course: Course) -> Mismatch | None:
    """The rule that leaves an impression out, or None where it counts."""
    facts = course.facts
    if dialect_of(one) is not course.request.dialect:
        return Mismatch.DIALECT
    if reason := first_mismatch(one, course.request, facts.now):
        return reason
    epoch = course.epoch_of(one.timestamp)
    if epoch < facts.first_epoch:
        return Mismatch.CLOSED_EPOCH
    return Mismatch.COMING_EPOCH if epoch > course.epoch_of(facts.now) else None


def _not_credited(one: Candidate, course: Course) -> str:
    """Why an impression that matches got no share; empty where it got one."""
    credited = [share.impression for share in course.shares]
    if any(one.id == other.id for other in credited):
        return ""
    epoch = course.epoch_of(one.timestamp)
    deduction = next((deduction for deduction in course.deductions if deduction.epoch == epoch), None)
    if deduction is None:
        newest = course.days(course.deductions[-1].epoch)
        return f"only the newest epoch with a match counts, {newest}"
    if not deduction.accepted:
        return f"the budget of {course.days(epoch)} refuses"
    last = credited[-1]
    if one.priority < last.priority:
        why = f"lower priority than impression {last.id}"
    elif one.timestamp < last.timestamp:
        why = f"impression {last.id} is later"
    else:
        why = f"impression {last.id} was saved first at the same time"
    size = len(course.request.credit)
    return f"{why}, and credit has only {size} share{'' if size == 1 else 's'}"


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
    Mismatch.CLOSED_EPOCH: lambda one, _: (
        f"saved {format_instant(one.timestamp)}",
        "wait for the next epoch: what was seen before a clearing never counts again",
    ),
    Mismatch.COMING_EPOCH: lambda one, _: (
        f"saved {format_instant(one.timestamp)}",
        "move the agent's clock forward: it was set back",
    ),
}


def _of_deduction(deduction: Deduction, course: Course) -> Check:
    rule = f"budget of {course.days(deduction.epoch)}"
    price = deduction.price
    asked = f"epoch {deduction.epoch}: {_epsilon(price.site)} epsilon ({price.site} micro-epsilon)"
    if course.request.policy.safety_limits and price.safety != price.site:
        asked += f", of global budget and quotas {_amount(price.safety)},"
    if deduction.accepted:
        left = (f"{_budget_name(key)} {_amount(left)}" for key, left in islice(deduction.remaining.items(), NAMED))
        return Check(rule, True, f"{asked} charged; left: {', '.join(left)}")
    short = (
        f"{_budget_name(key)} has {_amount(left)}, {_amount(_asked_of(key, price) - left)} short"
        for key, left in islice(deduction.refused_by.items(), NAMED)
    )
    fix = "measure with a smaller epsilon or value, or wait for impressions of a new epoch"
    if 0 in deduction.refused_by.values():
        fix = "wait for impressions of a new epoch: nothing is left of this one's"
    return Check(rule, False, f"{asked} asked, but {', '.join(short)}", fix)


def _asked_of(key: BudgetKey, price: Price) -> int:
    return price.site if key.kind is BudgetKind.PER_SITE else price.safety


def _budget_name(key: BudgetKey) -> str:
    match key.kind:
        case BudgetKind.PER_SITE:
            return f"budget of {key.site}"
        case BudgetKind.GLOBAL:
            return "global budget"
        case BudgetKind.IMPRESSION_SITE_QUOTA:
            return f"quota of impression site {key.site}"


def _amount(micro: int) -> str:
    return f"{_epsilon(micro)} ({micro})"


def _epsilon(micro: int) -> str:
    whole, fraction = divmod(micro, MICRO)
    return f"{whole}.{fraction:06}".rstrip("0").removesuffix(".")


def _day(instant: int) -> str:
    return format_instant(instant).partition("T")[0]


def _of_shares(request: ConversionRequest, shares: Sequence[Share]) -> Iterator[Check]:
    for share in shares[:NAMED]:
        index = share.impression.histogram_index
        detail = f"{share.amount} to bucket {index}"
        if not share.in_range:
            detail += f", dropped: the histogram has {request.histogram_size} buckets"
        fix = "" if share.in_range else f"measure with a histogramSize above {index}"
        yield Check(f"credit of impression {share.impression.id}", share.in_range, detail, fix)
