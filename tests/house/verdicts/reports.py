"""How reports stand, what came of attempts to send them, and why networks fail them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.delivery.retries import after_attempt
from agent.delivery.sender import Outcome
from agent.model.events import Event, Trace
from agent.model.interfaces import Answer, NetworkError, NoAnswer
from agent.model.reports import ReportState
from agent.runtime.explained_reports import explained_report
from tests.delivery.test_sender import report, send
from tests.house.verdicts.scene import Scene, Scenes

NOW = 1_767_603_600_000
S, N = ReportState, NetworkError
DELIVERED = "delivered"


def attempted(answer: Answer | NoAnswer, *, attempts: int = 1) -> Callable[[Path], Coroutine[Any, Any, Event]]:
    """The event of the last of ``attempts`` at a conversion report that its host answers so."""

    async def made(_: Path) -> Event:
        attempt, _requests = await send(lambda _url: answer)
        return after_attempt(replace(report(), attempts=attempts), attempt, NOW).event

    return made


def standing(answer: Answer | NoAnswer | None = None, *, attempts: int = 1) -> Callable[[Path], Any]:
    """How a report stands after its last attempt; before any where there is no answer."""

    async def made(_: Path) -> Trace:
        last = replace(report(), attempts=attempts)
        if answer is not None:
            attempt, _requests = await send(lambda _url: answer)
            result = after_attempt(last, attempt, NOW)
            last = replace(
                last,
                state=result.state,
                attempts=result.attempts,
                next_attempt=result.next_attempt,
                last_result=result.last_result,
            )
        return Trace(explained_report(last, NOW).checks)

    return made


def returned(_: Path) -> Trace:
    return Trace(explained_report(replace(report(None), state=S.RETURNED), NOW).checks)


NOT_MAPPED = NoAnswer(mapped=False, detail="not mapped")
STATES: Scenes = {
    S.RETURNED: Scene(returned, tells=("given to the page that called",)),
    S.PENDING: Scene(
        standing(Answer(503)), tells=("1 attempt made; due 2026-01-05T09:05:00+00:00, in 5m", "tallyhost time next")
    ),
    S.SENDING: Scene(standing(), tells=("an attempt is under way",)),
    S.SENT: Scene(standing(Answer(200)), tells=("1 attempt, the last: 200",)),
    S.FAILED: Scene(standing(Answer(503), attempts=3), DELIVERED, ("3 attempts, the last: 503",)),
    S.NOT_SENT: Scene(standing(NOT_MAPPED), DELIVERED, ("its host is not mapped",)),
}
OUTCOMES: Scenes = {
    Outcome.DELIVERED: Scene(attempted(Answer(200)), tells=("200",), verdict="sent"),
    Outcome.FAILED: Scene(attempted(Answer(404), attempts=3), "status 200 to 299", ("404",)),
    Outcome.NOT_MAPPED: Scene(attempted(NOT_MAPPED), "host mapped", ("https://collector.test/reports",), "not-sent"),
}
NETWORK: Scenes = {
    error: Scene(
        attempted(NoAnswer(mapped=True, detail=f"the network says {error}", error=error)),
        "status 200 to 299",
        (f"the network says {error}",),
    )
    for error in NetworkError
}
