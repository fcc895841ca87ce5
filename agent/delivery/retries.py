"""What follows an attempt to send: done, another attempt later, the end, or waiting for its host."""

from __future__ import annotations

from agent.delivery.sender import Attempt, Outcome
from agent.model.clock import MINUTE
from agent.model.events import Check, Event, Trace
from agent.model.interfaces import DeliveryResult
from agent.model.reports import Report, ReportState

RETRY_DELAYS = (5 * MINUTE, 15 * MINUTE)
"""Milliseconds on the agent's clock from the first failed attempt to the second, and from the second to the last."""
INTERRUPTED = Attempt(Outcome.FAILED, "interrupted: the agent ended before it learned the result")


def after_attempt(report: Report, attempt: Attempt, now: int) -> DeliveryResult:
    """The record of an ``attempt`` at a claimed ``report`` that ended at ``now``."""
    attempts, next_attempt = report.attempts, None
    mapped = attempt.outcome is not Outcome.NOT_MAPPED
    checks = [Check("host mapped", mapped, report.delivered_to or "", "" if mapped else "map it: --map HOST=URL")]
    if not mapped:
        state, attempts = ReportState.NOT_SENT, attempts - 1
    elif attempt.outcome is Outcome.DELIVERED:
        state = ReportState.SENT
        checks.append(Check("status 200 to 299", passed=True, detail=attempt.detail))
    else:
        left = attempts <= len(RETRY_DELAYS)
        state = ReportState.PENDING if left else ReportState.FAILED
        next_attempt = now + RETRY_DELAYS[attempts - 1] if left else None
        checks.append(Check("status 200 to 299", passed=False, detail=attempt.detail))
        checks.append(Check("attempts left", left, f"{attempts} of {len(RETRY_DELAYS) + 1} made"))
    verdict = "retry" if state is ReportState.PENDING else state.value
    event = Event(
        kind=f"report.{verdict}",
        time=now,
        verdict=verdict,
        summary=f"report {report.id[:8]} to {report.delivered_to}: {attempt.detail}",
        site=report.conversion_site,
        data={"report": report.id, "url": report.delivered_to, "attempt": attempts, "next_attempt": next_attempt},
        trace=Trace(tuple(checks)),
    )
    return DeliveryResult(report.id, state, attempts, next_attempt, attempt.detail, event)
