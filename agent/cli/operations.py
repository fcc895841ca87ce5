"""What can be asked of an agent, running or at rest: one function for each question, JSON values in and out.

The control endpoint answers exactly these, and a command whose profile has no running agent runs the same function
on the opened profile.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.cli.stored_documents import source_budget_documents, source_documents, trigger_documents
from agent.model.attribution import Budget
from agent.model.clock import DAY, format_instant
from agent.model.errors import HostEnvironmentError, UsageError
from agent.model.events import Event
from agent.model.reports import Report

if TYPE_CHECKING:
    from agent.runtime import Agent

DECISIONS = (
    "impression",
    "conversion",
    "response-field",
    "source-registration",
    "trigger-registration",
    "registration",
)
"""The kinds of events that `explain last` means."""
_LONGEST_NUMBER = 15
Document = dict[str, Any]
Operation = Callable[["Agent", Mapping[str, Any]], Awaitable[Document]]


async def show_state(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """What is remembered: the impressions and privacy budgets, or ``what`` is asked for."""
    now = format_instant(agent.clock.now())
    match asked.get("what"):
        case "sources":
            return {"now": now, "sources": await source_documents(agent)}
        case "triggers":
            return {"now": now, "triggers": await trigger_documents(agent)}
        case "reports":
            return {"now": now, **await list_reports(agent, {})}
        case "budgets":
            budgets = await _privacy_budgets(agent)
            return {"now": now, "budgets": budgets, "source_budgets": await source_budget_documents(agent)}
    impressions = [_with_time(asdict(impression)) for impression in await agent.state.impressions()]
    return {"now": now, "impressions": impressions, "budgets": await _privacy_budgets(agent)}


async def _privacy_budgets(agent: Agent) -> list[Document]:
    start = (await agent.state.summary()).epoch_start or 0
    length = agent.settings.limits.privacy_budget_epoch_days * DAY
    return [
        {**_budget(budget), "epoch_start": format_instant(start + budget.key.epoch * length)}
        for budget in await agent.state.budgets()
    ]


async def clear_state(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Clear one site's data, or the browsing history and everything with it."""
    if asked.get("history"):
        await agent.state.clear_history()
    else:
        await agent.state.clear(site=asked["site"], keep_history=bool(asked.get("keep_history")))
    return {"cleared": asked.get("site") or "history"}


async def reset_state(agent: Agent, _: Mapping[str, Any]) -> Document:
    """Forget everything, as in a fresh profile."""
    await agent.state.reset()
    return {"reset": True}


async def save_state(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Save everything that is stored to a file."""
    await agent.state.save(Path(asked["file"]))
    return {"saved": asked["file"]}


async def load_state(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Put what a file keeps in the place of what is stored."""
    file = asked["file"]
    try:
        await agent.state.load(Path(file))
    except HostEnvironmentError as error:
        # The store tells of every file as of a profile's own.
        raise UsageError(
            f"the file cannot be loaded: {error.what.replace('the profile', 'it')}",
            where=file,
            rule="a state is a file that `tallyhost state save` of this version or an older one wrote",
            fix="name such a file; neither this one nor what is stored was changed",
        ) from error
    return {"loaded": file}


async def tell_time(agent: Agent, _: Mapping[str, Any]) -> Document:
    """The agent's time, as ISO 8601 and in milliseconds since 1970."""
    now = agent.clock.now()
    return {"now": format_instant(now), "milliseconds": now}


async def advance_time(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Move the clock forward by a duration such as ``2d``."""
    try:
        await agent.clock.advance(asked["by"])
    except ValueError as error:
        raise UsageError(str(error), where="tallyhost time advance") from None
    return await tell_time(agent, {})


async def next_time(agent: Agent, _: Mapping[str, Any]) -> Document:
    """Move the clock to the next instant at which something is due."""
    moved = await agent.clock.next()
    return {**await tell_time(agent, {}), "moved": moved is not None}


async def list_reports(agent: Agent, _: Mapping[str, Any]) -> Document:
    """Every report, the oldest first."""
    return {"reports": [_report(report) for report in await agent.reports.all()]}


async def show_report(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """One report with its sealed body."""
    report = await agent.reports.get(asked["id"])
    return {"report": {**_report(report), "body": base64.b64encode(report.body).decode()}}


async def show_keys(agent: Agent, _: Mapping[str, Any]) -> Document:
    """The keys of the agent's own coordinator and aggregation service, private halves included."""
    keys: Document = json.loads(agent.service_keys.to_json())
    return keys


async def explain(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """One decision with its checks: the last one, an event by its number, or the one that made a report."""
    wanted = str(asked["id"])
    if wanted == "last":
        return {"event": event_document(await _last_decision(agent))}
    if wanted.isdecimal() and len(wanted) <= _LONGEST_NUMBER:
        with suppress(UsageError):  # then it may be the beginning of a report's id
            return {"event": event_document(await agent.events.get(int(wanted)))}
    try:
        report = await agent.reports.get(wanted)
    except UsageError:
        if any(report.id.startswith(wanted.lower()) for report in await agent.reports.all()):
            raise
        raise UsageError(
            f"no event or report {wanted!r}",
            where="tallyhost explain",
            rule="an event's number, the beginning of a report's id, or the word last",
            fix="`tallyhost open` prints the number of each event, `tallyhost reports list` the ids of reports",
        ) from None
    return {"event": event_document(await agent.events.get(report.event_id))}


OPERATIONS: Mapping[str, Operation] = {
    "state.show": show_state,
    "state.clear": clear_state,
    "state.reset": reset_state,
    "state.save": save_state,
    "state.load": load_state,
    "time.now": tell_time,
    "time.advance": advance_time,
    "time.next": next_time,
    "reports.list": list_reports,
    "reports.show": show_report,
    "keys.show": show_keys,
    "explain": explain,
}


def event_document(event: Event) -> Document:
    """An event as JSON values."""
    return {
        "id": event.id,
        "kind": event.kind,
        "time": format_instant(event.time),
        "verdict": event.verdict,
        "summary": event.summary,
        "site": event.site,
        "data": dict(event.data),
        "checks": [asdict(check) for check in event.trace.checks],
    }


async def _last_decision(agent: Agent) -> Event:
    latest = [event for kind in DECISIONS if (event := await agent.events.last(kind)) is not None]
    if not latest:
        raise UsageError(
            "nothing was decided yet",
            fix="open a page that saves an impression, measures a conversion, or registers a source or a trigger",
        )
    return max(latest, key=lambda event: event.id)


def _with_time(values: Document) -> Document:
    return {**values, "timestamp": format_instant(values["timestamp"])}


def _budget(budget: Budget) -> Document:
    key = budget.key
    return {"kind": key.kind, "site": key.site, "epoch": key.epoch, "remaining": budget.remaining}


def _report(report: Report) -> Document:
    values = asdict(report)
    del values["body"], values["position"]
    values["site"] = report.site
    values["bytes"] = len(report.body)
    values["created"] = format_instant(report.created)
    values["next_attempt"] = None if report.next_attempt is None else format_instant(report.next_attempt)
    return values
