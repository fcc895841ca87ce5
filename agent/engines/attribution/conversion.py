"""measureConversion: which epochs pay, and what the histogram holds.

Current draft, sections 5 and 7; seed, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.engines.attribution import credit, epochs
from agent.engines.attribution.budget import Deduction, deduct, price_of
from agent.engines.attribution.credit import Share
from agent.engines.attribution.explanation import Course, explain
from agent.engines.attribution.facts import ConversionFacts
from agent.engines.attribution.matching import matching
from agent.model.attribution import AttributionVerdict, BudgetKey, Candidate, ConversionRequest
from agent.model.events import Trace
from agent.model.limits import AttributionLimits
from agent.model.rng import Rng


@dataclass(frozen=True, slots=True)
class ConversionDecision:
    """What a conversion gives and changes."""

    verdict: AttributionVerdict
    histogram: tuple[int, ...]
    shares: tuple[Share, ...]
    deductions: tuple[Deduction, ...]
    """Every epoch that was asked to pay, oldest first."""
    trace: Trace

    @property
    def budgets(self) -> dict[BudgetKey, int]:
        """The per-site and global budgets that changed, as they are to be stored."""
        return {key: left for deduction in self.deductions for key, left in deduction.budgets.items()}

    @property
    def quotas(self) -> dict[int, Mapping[str, int]]:
        """The quotas that changed, by epoch and impression site, as they are to be stored."""
        return {deduction.epoch: deduction.quotas for deduction in self.deductions}


def decide(
    request: ConversionRequest, facts: ConversionFacts, limits: AttributionLimits, rng: Rng, *, explained: bool = True
) -> ConversionDecision:
    """Attribute one conversion; ``explained`` false leaves the trace empty, for runs that nobody asks why."""
    present = epochs.epoch_of(facts.now, facts.epoch_start, limits)
    matched = matching(facts.candidates, request, facts.now)
    by_epoch: dict[int, list[Candidate]] = {}
    start, period = facts.epoch_start, epochs.period(limits)
    for one in matched:
        by_epoch.setdefault((one.timestamp - start) // period, []).append(one)
    usable = [epoch for epoch in sorted(by_epoch) if facts.first_epoch <= epoch <= present]
    if request.policy.newest_epoch_only:
        usable = usable[-1:]

    # A lookback window inside the present epoch is charged for what is attributed, not for what could be.
    single = epochs.epoch_of(facts.now - request.lookback, facts.epoch_start, limits) == present
    by_attributed = single and not request.policy.charge_epsilon
    shares: tuple[Share, ...] = ()
    if by_attributed and present in by_epoch:
        shares = credit.divide(by_epoch[present], request, rng)
    price = price_of(request, credit.attributed(shares) if by_attributed else None)
    quotas = {epoch: {one.impression_site: one.quota for one in by_epoch[epoch]} for epoch in usable}
    deductions = tuple(deduct(request, epoch, quotas[epoch], price, facts.charged, limits) for epoch in usable)
    paid = [one for deduction in deductions if deduction.accepted for one in by_epoch[deduction.epoch]]
    if not paid:
        shares = ()
    elif not (by_attributed and request.policy.single_draw):
        shares = credit.divide(paid, request, rng)
    trace = Trace()
    if explained:
        trace = explain(Course(request, facts, limits, single, deductions, shares))
    return ConversionDecision(
        verdict=_verdict(request, deductions, shares),
        histogram=credit.histogram(shares, request.histogram_size),
        shares=shares,
        deductions=deductions,
        trace=trace,
    )


def _verdict(
    request: ConversionRequest, deductions: Sequence[Deduction], shares: Sequence[Share]
) -> AttributionVerdict:
    if not deductions:
        return AttributionVerdict.NO_MATCHING_IMPRESSION
    if not shares:
        return AttributionVerdict.BUDGET_EXHAUSTED
    if request.value and not credit.attributed(shares):
        return AttributionVerdict.INDEX_TOO_LARGE
    return AttributionVerdict.ATTRIBUTED
