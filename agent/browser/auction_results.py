"""What a function of an auction's script did, from what its realm says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from agent.browser.devtools_pipe import Message
from agent.browser.worklet_messages import contribution_of, modifier_of
from agent.model.private_aggregation import DebugDetails
from agent.model.protected_audience import (
    AuctionFunction,
    EventContribution,
    FunctionCall,
    FunctionResult,
    Signal,
    StorageWrite,
)

Record = Mapping[str, Any]
_NOT_JSON: Final = {
    AuctionFunction.GENERATE_BID: "generateBid() bid has invalid ad value.",
    AuctionFunction.SCORE_AD: "scoreAd() did not return an object or a number.",
}
"""What is said of a value that has no JSON text; one of ``reportResult`` is null."""


def function_result(call: FunctionCall, record: Record, failure: str | None, *, timed_out: bool) -> FunctionResult:
    """The result of ``call``; ``failure`` is what :func:`uncaught` says."""
    if failure is None:
        failure = _refusal(call, record)
    debug = record["debug"]
    return FunctionResult(
        value=None if record["value"] is None else json.loads(record["value"]),
        failure=failure,
        timed_out=timed_out,
        duration=round(record["duration"]),
        contributions=tuple(map(contribution_of, record["contributions"])),
        on_event=tuple(map(_event_contribution, record["onEvent"])),
        debug=DebugDetails(debug["enabled"], None if debug["key"] is None else int(debug["key"])),
        writes=tuple(map(_write, record["writes"])),
        report_url=record["reportUrl"],
    )


def _refusal(call: FunctionCall, record: Record) -> str | None:
    """Why a function that threw nothing has no value."""
    if not record["isFunction"]:
        return f"{call.script.url} `{call.function}` is not a function."
    if record["isJson"] or call.function not in _NOT_JSON:
        return None
    return f"{call.script.url} {_NOT_JSON[call.function]}"


def uncaught(answer: Message, url: str, what: str) -> str | None:
    """Why an evaluation did not come to its end, as Chromium 143 words it; ``what`` is what was evaluated."""
    if "error" in answer:
        return overdue(url, what)
    if (details := answer.get("exceptionDetails")) is None:
        return None
    return f"{url}:{_line(details, url)} Uncaught {_text(details.get('exception', {}))}."


def overdue(url: str, what: str) -> str:
    """That ``what`` took too long, in the same words."""
    return f"{url} {what} timed out."


def _line(details: Message, url: str) -> int:
    """The line that threw; where a function of ours threw, the line that called it."""
    frames = details.get("stackTrace", {}).get("callFrames", ())
    return 1 + int(next((frame for frame in frames if frame["url"] == url), details)["lineNumber"])


def _text(exception: Message) -> str:
    if exception.get("subtype") == "error":
        # Its stack, which begins with name and message.
        return str(exception["description"]).partition("\n    at ")[0]
    if exception.get("type") == "object":
        return f"#<{exception['className']}>" if "className" in exception else "null"
    return str(exception.get("description", exception.get("value", exception.get("type"))))


def _event_contribution(entry: Record) -> EventContribution:
    bucket, value = entry["bucket"], entry["value"]
    return EventContribution(
        entry["event"],
        int(bucket) if isinstance(bucket, str) else _signal(bucket),
        value if isinstance(value, int) else _signal(value),
        int(entry["filteringId"]),
    )


def _signal(entry: Record) -> Signal:
    return Signal(entry["baseValue"], entry["scale"], int(entry["offset"]))


def _write(entry: Record) -> StorageWrite:
    return StorageWrite(tuple(map(modifier_of, entry["methods"])), entry["lock"], entry["batch"])
