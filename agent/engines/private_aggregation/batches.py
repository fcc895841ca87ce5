"""What becomes of a batch of contributions: a report, a null report, or nothing (section 3)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from agent.engines.attribution_reporting.chance import RngChance
from agent.engines.private_aggregation.budget import BudgetUse, Window, afforded, room, windows
from agent.engines.private_aggregation.contributions import Merged, merge, sorted_for_payload, triggered
from agent.engines.private_aggregation.error_events import error_events
from agent.engines.private_aggregation.scheduling import (
    contribution_limit,
    reasons_for_a_report,
    scheduled_report_time,
)
from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import format_instant
from agent.model.events import Check, Trace
from agent.model.private_aggregation import (
    Batch,
    BatchVerdict,
    DebugDetails,
    PrivateAggregationApi,
    PrivateAggregationContent,
)
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.rng import Rng

Entries = tuple[Contribution, ...]
_SHOWN = 5
"""How many of the dropped buckets the trace names."""


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What a decision depends on beyond the batch itself."""

    trustworthy: bool = True
    """Whether the reporting origin is potentially trustworthy."""
    enabled: bool = True
    enrolled: bool = True
    debug_mode_allowed: bool = True
    use: BudgetUse = field(default_factory=dict)
    """What the reporting origin's site spent with the batch's API, in the minutes that count at least."""
    pending_reports: int = 0
    """How many reports of the reporting origin are stored and not sent yet."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a batch."""

    verdict: BatchVerdict
    trace: Trace
    report: PrivateAggregationContent | None = None
    """To be sent at its ``scheduled_report_time``."""
    debug_copy: PrivateAggregationContent | None = None
    """To be sent at once."""
    spent: int = 0
    """What the site's budget pays, in the minute of the decision."""


def decide(batch: Batch, facts: BatchFacts, limits: PrivateAggregationLimits, *, now: int, rng: Rng) -> Decision:
    """What becomes of ``batch``, complete at ``now`` (milliseconds); it draws for batches that make a report alone."""
    return _Course(batch, facts, limits, now, rng).decide()


@dataclass(frozen=True, slots=True)
class _Course:
    batch: Batch
    facts: BatchFacts
    limits: PrivateAggregationLimits
    now: int
    rng: Rng
    checks: list[Check] = field(default_factory=list)

    def decide(self) -> Decision:
        if (refusal := self._refusal()) is not None:
            return self._nothing(refusal)
        config, limits = self.batch.config, self.limits
        debug, reasons = self._debug_details(), reasons_for_a_report(self.batch.api, config, limits)
        length = contribution_limit(self.batch.api, config, limits)
        merged = self._merged(length)
        if limits.error_reporting:
            entries = self._with_error_events(merged, length, deterministic=bool(reasons))
        else:
            entries = self._all_or_none(merged)
            if entries == ():
                debug = DebugDetails()
        if not entries and not self._null_report(reasons):
            return self._nothing(BatchVerdict.EMPTY if entries is not None else BatchVerdict.INSUFFICIENT_BUDGET)
        return self._report(entries or (), debug, length)

    def _refusal(self) -> BatchVerdict | None:
        """Why nothing leaves, whatever was contributed; None where something may."""
        facts, origin = self.facts, self.batch.reporting_origin
        why_not, fix = "Private Aggregation is switched off", "switch it on, in a profile not private"
        if not self._allowed("enabled", facts.enabled, why_not, fix):
            return BatchVerdict.DISABLED
        why_not, fix = f"{origin} is not potentially trustworthy", "serve it over https, or from localhost"
        if not self._allowed("trustworthy reporting origin", facts.trustworthy, why_not, fix):
            return BatchVerdict.NOT_TRUSTWORTHY
        why_not, fix = f"the site of {origin} is not among the enrolled sites", "add it to enrolled_sites"
        if not self._allowed("enrolled", facts.enrolled, why_not, fix):
            return BatchVerdict.NOT_ENROLLED
        return None

    def _debug_details(self) -> DebugDetails:
        if not self.batch.debug.enabled:
            return DebugDetails()
        why_not = f"not under {self.batch.top_level_origin}: it is as if it had not been enabled"
        fix = "allow third-party cookies, or set debug_mode_allowed"
        allowed = self._allowed("debug mode allowed", self.facts.debug_mode_allowed, why_not, fix)
        return self.batch.debug if allowed else DebugDetails()

    def _merged(self, length: int) -> Merged:
        calls = self.batch.contributions
        merged = merge(calls, length)
        counted = _many(len(calls), "call")
        if merged.zeros:
            counted += f", {merged.zeros:,} of them with value 0"
        if merged.contributions:
            pairs = _many(len(merged.contributions), "pair")
            counted += f": {pairs} of bucket and filteringId, sum {merged.total:,}"
        self._check("contributions", bool(merged.contributions), counted, "contribute a value above 0")
        if merged.dropped:
            buckets = list(dict.fromkeys(str(one.bucket) for one in merged.dropped))
            named = ", ".join(buckets[:_SHOWN]) + (", ..." if len(buckets) > _SHOWN else "")
            detail = f"{_many(len(merged.dropped), 'call')} after the first {length:,} pairs dropped: buckets {named}"
            self._check(f"at most {length:,} contributions", False, detail, "use fewer buckets, or maxContributions")
        return merged

    def _all_or_none(self, merged: Merged) -> Entries | None:
        """The payload's entries; None where the budget refuses them."""
        if not merged.contributions:
            return ()
        return sorted_for_payload(merged.contributions) if self._fits(merged.total) else None

    def _with_error_events(self, merged: Merged, length: int, *, deterministic: bool) -> Entries | None:
        """The same where errors are reported: entries in call order, each paid for by itself."""
        left = room(self._budgets())
        events = error_events(
            self.batch,
            merged,
            self.limits,
            room=left,
            pending_reports=self.facts.pending_reports,
            deterministic=deterministic,
        )
        extra = triggered(self.batch.conditional, events)
        told = f"{', '.join(sorted(events))}; {_many(len(extra), 'contribution')} for them"
        self._check("error events", passed=True, detail=told)
        wanted = merge((*extra, *merged.contributions), length)
        if not wanted.contributions or self._fits(wanted.total):
            return wanted.contributions
        kept = afforded(wanted.contributions, left)
        detail = f"{len(kept):,} of {_many(len(wanted.contributions), 'pair')}, each by itself"
        fix = "see the budgets above: contribute smaller values, or wait"
        self._check("what the budgets afford", bool(kept), detail, fix)
        return kept or None

    def _null_report(self, reasons: Collection[str]) -> bool:
        """Whether a report without contributions leaves."""
        fix = ""
        if reasons:
            detail = f"one leaves in any case, for its {', '.join(reasons)}"
        elif self.batch.api is PrivateAggregationApi.SHARED_STORAGE:
            detail = "neither contextId, filteringIdMaxBytes nor maxContributions asks for one"
            fix = "name a contextId, if a report has to leave in any case"
        else:
            detail = f"never with {self.batch.api}"
        return self._check("null report", bool(reasons), detail, fix)

    def _fits(self, total: int) -> bool:
        """Whether every budget affords ``total``."""
        fits = [self._fits_into(window, total) for window in self._budgets()]
        return all(fits)

    def _fits_into(self, window: Window, total: int) -> bool:
        over = total - window.left
        detail = f"{window.budget:,} - {window.spent:,} = {window.left:,} left, {total:,} wanted"
        if over > 0:
            detail += f": {over:,} too many"
        fix = f"contribute smaller values, or wait: what was spent counts for {window.name}"
        if total > window.budget:
            fix = f"contribute at most {window.budget:,} in all"
        return self._check(f"budget of {window.name}", over <= 0, detail, fix)

    def _budgets(self) -> tuple[Window, Window]:
        return windows(self.facts.use, self.limits, self.now)

    def _report(self, entries: Entries, debug: DebugDetails, length: int) -> Decision:
        """A report of ``entries``; where no more are stored, it was paid for and its debug copy leaves all the same."""
        batch, config, limits = self.batch, self.batch.config, self.limits
        content = PrivateAggregationContent(
            api=batch.api,
            reporting_origin=batch.reporting_origin,
            report_id=RngChance(self.rng).report_id(),
            scheduled_report_time=scheduled_report_time(batch, limits, now=self.now, rng=self.rng),
            coordinator=config.coordinator or limits.aggregation_coordinator_origins[0],
            max_contributions=length,
            contributions=entries,
            filtering_id_max_bytes=config.filtering_id_max_bytes,
            context_id=config.context_id,
            debug=debug,
        )
        pending, most = self.facts.pending_reports, limits.max_reports_per_origin
        detail = f"{pending:,} of at most {most:,} wait for {batch.reporting_origin}"
        fix = "let time pass, so that they are sent"
        stored = self._check("pending reports", pending < most, detail, fix)
        if stored:
            verdict = BatchVerdict.REPORT_SCHEDULED if entries else BatchVerdict.NULL_REPORT
            self._check("report", passed=True, detail=f"to be sent {format_instant(content.scheduled_report_time)}")
        else:
            verdict = BatchVerdict.PENDING_REPORT_LIMIT_REACHED
        return Decision(
            verdict,
            Trace(tuple(self.checks)),
            report=content if stored else None,
            debug_copy=replace(content, debug_copy=True) if debug.enabled else None,
            spent=sum(one.value for one in entries),
        )

    def _nothing(self, verdict: BatchVerdict) -> Decision:
        return Decision(verdict, Trace(tuple(self.checks)))

    def _allowed(self, rule: str, passed: bool, why_not: str, fix: str) -> bool:
        return self._check(rule, passed, "" if passed else why_not, fix)

    def _check(self, rule: str, passed: bool, detail: str, fix: str = "") -> bool:
        self.checks.append(Check(rule, passed, detail, "" if passed else fix))
        return passed


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
