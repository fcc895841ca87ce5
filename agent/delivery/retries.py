"""What follows an attempt to send: done, another attempt later, the end, or waiting for its host.

Reports of conversions and of Private Aggregation are tried three times, whatever the failure was. Of Attribution
Reporting's, as in Chromium, only those that the network or a coordinator failed are; any response of their server is
final. Debug reports have one attempt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agent.delivery.sender import Attempt, Outcome
from agent.model.clock import MINUTE
from agent.model.events import Check, Event, Trace
from agent.model.interfaces import DeliveryResult
from agent.model.reports import Report, ReportKind, ReportState

RETRY_DELAYS = (5 * MINUTE, 15 * MINUTE)
"""Milliseconds on the agent's clock from the first failed attempt to the second, and from the second to the last."""
NAVIGATION_DELAY = 5 * MINUTE
"""From a navigation to the retry that waited for it."""
RETRIES = ("", "first_retry", "second_retry", "third_retry")
"""What the setting ``retry_after_new_navigation`` can name: no retry, or the one at this position."""
_ATTRIBUTION_REPORTING = {ReportKind.EVENT_LEVEL, ReportKind.AGGREGATABLE}
"""Its kinds that are tried more than once."""
_ANSWER = "have its server answer the POST so; a server of your own is mapped by --map HOST=URL"
_NEVER_AGAIN = "nothing sends it again: mend the server, then have another report made"
INTERRUPTED = Attempt(Outcome.FAILED, "interrupted: the agent ended before it learned the result")


def after_attempt(
    report: Report, attempt: Attempt, now: int, *, body: bytes | None = None, waiting: int = 0
) -> DeliveryResult:
    """The record of an ``attempt`` at a claimed ``report`` that ended at ``now``.

    ``body``: what was sent, where it was assembled for this attempt. ``waiting``: the number of Attribution
    Reporting's retry that waits for a navigation, 0 for none.
    """
    attempts, next_attempt = report.attempts, None
    mapped = attempt.outcome is not Outcome.NOT_MAPPED
    host = attempt.waits_for or report.delivered_to or ""
    checks = [Check("host mapped", mapped, host, "" if mapped else "map it: --map HOST=URL"), *attempt.chaos]
    if not mapped:
        state, attempts = ReportState.NOT_SENT, attempts - 1
    elif attempt.outcome is Outcome.DELIVERED:
        state = ReportState.SENT
        checks.append(Check(attempt.rule, passed=True, detail=attempt.detail))
    else:
        checks.append(Check(attempt.rule, passed=False, detail=attempt.detail, fix=_ANSWER))
        retried, why = _may_be_retried(report, attempt)
        if not retried:
            state = ReportState.FAILED
            checks.append(Check("retried after this failure", passed=False, detail=why, fix=_NEVER_AGAIN))
        else:
            waiting = waiting if report.kind in _ATTRIBUTION_REPORTING else 0
            retries = max(len(RETRY_DELAYS), waiting)
            left = attempts <= retries
            state = ReportState.PENDING if left else ReportState.FAILED
            next_attempt = now + RETRY_DELAYS[attempts - 1] if left and attempts != waiting else None
            fix = "" if left else _NEVER_AGAIN
            checks.append(Check("attempts left", left, f"{attempts} of {retries + 1} made", fix))
    verdict = "retry" if state is ReportState.PENDING else state.value
    event = _event(report, verdict, attempt.detail, now, attempts, next_attempt, checks, attempt.hops)
    return DeliveryResult(report.id, state, attempts, next_attempt, attempt.detail, event, body, attempt.waits_for)


def after_interruption(report: Report, now: int, due: int) -> DeliveryResult:
    """The record of an attempt whose result the agent did not live to learn; found at its next start, at ``now``.

    A conversion report's attempt counts as failed. Chromium forgets the reports of its APIs when it has the response,
    so one without is sent again, at ``due``, as if it had not been; of a debug report it keeps nothing.
    """
    if report.kind is ReportKind.ATTRIBUTION_CONVERSION or report.kind.attempted_once:
        return after_attempt(report, INTERRUPTED, now)
    attempts, detail = report.attempts - 1, INTERRUPTED.detail
    fix = "let the agent live until the attempt has ended; it is made again"
    checks = [Check("result recorded", passed=False, detail=detail, fix=fix)]
    event = _event(report, "retry", detail, now, attempts, due, checks)
    return DeliveryResult(report.id, ReportState.PENDING, attempts, due, detail, event)


def _may_be_retried(report: Report, attempt: Attempt) -> tuple[bool, str]:
    if report.kind.attempted_once:
        return False, "a debug report has one attempt"
    if report.kind in _ATTRIBUTION_REPORTING and not attempt.transient:
        return False, "only what the network failed is sent again"
    return True, ""


def _event(
    report: Report,
    verdict: str,
    detail: str,
    now: int,
    attempts: int,
    next_attempt: int | None,
    checks: list[Check],
    hops: Sequence[Mapping[str, Any]] = (),
) -> Event:
    return Event(
        kind=f"report.{verdict}",
        time=now,
        verdict=verdict,
        summary=f"report {report.id[:8]} to {report.delivered_to}: {detail}",
        site=report.site,
        data={
            "report": report.id,
            "kind": report.kind,
            "url": report.delivered_to,
            "attempt": attempts,
            "next_attempt": next_attempt,
            "http": list(hops),
        },
        trace=Trace(tuple(checks)),
    )
