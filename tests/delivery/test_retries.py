"""What follows an attempt: the schedule of 5 and 15 minutes, and the trace that explains it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.delivery.retries import after_attempt, after_interruption
from agent.delivery.sender import Attempt, Outcome
from agent.model.clock import MINUTE
from agent.model.reports import ReportKind, ReportState
from tests.delivery.attribution_reports import DEBUG, REAL, attribution_report
from tests.delivery.private_aggregation_reports import DEBUG_COPY, private_aggregation_report
from tests.delivery.test_sender import URL, report

NOW = 1_767_603_600_000
FAILED = Attempt(Outcome.FAILED, "503")
LOST = Attempt(Outcome.FAILED, "connection reset", transient=True)


@pytest.mark.parametrize(
    ("attempts", "state", "next_attempt"),
    [
        (1, ReportState.PENDING, NOW + 5 * MINUTE),
        (2, ReportState.PENDING, NOW + 15 * MINUTE),
        (3, ReportState.FAILED, None),
    ],
)
def test_a_failed_attempt_is_repeated_after_5_then_15_minutes_then_given_up(
    attempts: int, state: ReportState, next_attempt: int | None
) -> None:
    result = after_attempt(replace(report(), attempts=attempts), FAILED, NOW)
    assert (result.state, result.next_attempt, result.attempts) == (state, next_attempt, attempts)
    assert result.last_result == "503"


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_a_delivered_report_is_sent_and_never_due_again(attempts: int) -> None:
    result = after_attempt(replace(report(), attempts=attempts), Attempt(Outcome.DELIVERED, "204"), NOW)
    assert (result.state, result.next_attempt, result.last_result) == (ReportState.SENT, None, "204")


def test_a_report_whose_host_is_not_mapped_is_kept_and_has_used_no_attempt() -> None:
    attempt = Attempt(Outcome.NOT_MAPPED, "not sent: host not mapped")
    result = after_attempt(replace(report(), attempts=2), attempt, NOW)
    assert (result.state, result.next_attempt, result.attempts) == (ReportState.NOT_SENT, None, 1)
    assert result.last_result == "not sent: host not mapped"


@pytest.mark.parametrize(
    ("attempts", "attempt", "verdict", "stopped_at"),
    [
        (1, Attempt(Outcome.DELIVERED, "200"), "sent", None),
        (1, FAILED, "retry", "status 200 to 299"),
        (3, FAILED, "failed", "status 200 to 299"),
        (1, Attempt(Outcome.NOT_MAPPED, "not sent: host not mapped"), "not-sent", "host mapped"),
    ],
)
def test_every_attempt_leaves_an_event_with_its_trace(
    attempts: int, attempt: Attempt, verdict: str, stopped_at: str | None
) -> None:
    event = after_attempt(replace(report(), attempts=attempts), attempt, NOW).event
    assert (event.kind, event.verdict, event.time, event.site) == (f"report.{verdict}", verdict, NOW, "shop.test")
    assert event.data["report"] == report().id
    assert event.data["url"] == URL
    assert attempt.detail in event.summary
    stop = event.trace.stopped_at
    assert (stop.rule if stop else None) == stopped_at


@pytest.mark.parametrize(
    ("kind", "attempt", "attempts", "state", "next_attempt"),
    [
        *((kind, LOST, 1, ReportState.PENDING, NOW + 5 * MINUTE) for kind in REAL),
        *((kind, LOST, 2, ReportState.PENDING, NOW + 15 * MINUTE) for kind in REAL),
        *((kind, LOST, 3, ReportState.FAILED, None) for kind in REAL),
        *((kind, FAILED, 1, ReportState.FAILED, None) for kind in [*REAL, *DEBUG]),
        *((kind, LOST, 1, ReportState.FAILED, None) for kind in DEBUG),
    ],
)
def test_of_attribution_reporting_only_what_the_network_failed_and_no_debug_report_is_sent_again(
    kind: ReportKind, attempt: Attempt, attempts: int, state: ReportState, next_attempt: int | None
) -> None:
    result = after_attempt(replace(attribution_report(kind), attempts=attempts), attempt, NOW)
    assert (result.state, result.next_attempt, result.attempts) == (state, next_attempt, attempts)


@pytest.mark.parametrize("attempt", [FAILED, LOST])
@pytest.mark.parametrize(
    ("attempts", "state", "next_attempt"),
    [
        (1, ReportState.PENDING, NOW + 5 * MINUTE),
        (2, ReportState.PENDING, NOW + 15 * MINUTE),
        (3, ReportState.FAILED, None),
    ],
)
def test_of_private_aggregation_whatever_failed_is_sent_again_twice(
    attempt: Attempt, attempts: int, state: ReportState, next_attempt: int | None
) -> None:
    result = after_attempt(replace(private_aggregation_report(), attempts=attempts), attempt, NOW, waiting=attempts)
    assert (result.state, result.next_attempt) == (state, next_attempt)
    assert result.event.trace.checks[-1].detail == f"{attempts} of 3 made"
    copy = replace(private_aggregation_report(DEBUG_COPY), attempts=1)
    assert after_attempt(copy, attempt, NOW).state is ReportState.FAILED


def test_an_interrupted_attempt_of_private_aggregation_does_not_count() -> None:
    result = after_interruption(replace(private_aggregation_report(), attempts=2), NOW, NOW + 9)
    assert (result.state, result.attempts, result.next_attempt) == (ReportState.PENDING, 1, NOW + 9)
    copy = replace(private_aggregation_report(DEBUG_COPY), attempts=1)
    assert after_interruption(copy, NOW, NOW + 9).state is ReportState.FAILED


def test_why_a_report_is_not_sent_again_is_told() -> None:
    trace = after_attempt(replace(attribution_report(), attempts=1), FAILED, NOW).event.trace
    assert [check.detail for check in trace.checks if not check.passed] == [
        "503",
        "only what the network failed is sent again",
    ]


def test_the_retry_that_waits_for_a_navigation_has_no_time() -> None:
    result = after_attempt(replace(attribution_report(), attempts=2), LOST, NOW, waiting=2)
    assert (result.state, result.next_attempt) == (ReportState.PENDING, None)
    result = after_attempt(replace(report(), attempts=2), FAILED, NOW, waiting=2)
    assert result.next_attempt == NOW + 15 * MINUTE
