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

from agent.cli.aggregation_operations import AGGREGATION_OPERATIONS
from agent.cli.interest_group_documents import interest_group_documents
from agent.cli.key_documents import key_documents
from agent.cli.shared_storage_documents import private_aggregation_documents, shared_storage_documents
from agent.cli.stored_documents import (
    budget_documents,
    impression_documents,
    joined,
    report_document,
    report_documents,
    source_budget_documents,
    source_documents,
    trigger_documents,
)
from agent.engines.aggregation.stored_explanation import stored_job_event
from agent.model.aggregation import AGGREGATION_JOB
from agent.model.clock import format_instant
from agent.model.errors import HostEnvironmentError, UsageError
from agent.model.events import Event
from agent.model.key_rotation import key_rotation
from agent.model.private_aggregation import PRIVATE_AGGREGATION
from agent.model.protected_audience import AudienceEvent
from agent.model.shared_storage import StorageEvent

if TYPE_CHECKING:
    from agent.runtime import Agent

DECISIONS = (
    "impression",
    "conversion",
    "response-field",
    "source-registration",
    "trigger-registration",
    "registration",
    "shared-storage",
    *StorageEvent,
    PRIVATE_AGGREGATION,
    *AudienceEvent,
    AGGREGATION_JOB,
)
"""The kinds of events that `explain last` means."""
_LONGEST_NUMBER = 15
Document = dict[str, Any]
Operation = Callable[["Agent", Mapping[str, Any]], Awaitable[Document]]


async def show_state(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """What is remembered: the impressions and privacy budgets, or ``what`` is asked for; ``limit`` of each.

    No ``limit``: everything.
    """
    limit = asked.get("limit")
    match asked.get("what"):
        case "sources":
            shown = await source_documents(agent, limit)
        case "triggers":
            shown = await trigger_documents(agent, limit)
        case "reports":
            shown = await report_documents(agent, limit)
        case "shared-storage":
            shown = await shared_storage_documents(agent, limit)
        case "private-aggregation":
            shown = await private_aggregation_documents(agent, limit)
        case "interest-groups":
            shown = await interest_group_documents(agent, limit)
        case "budgets":
            shown = joined(await budget_documents(agent, limit), await source_budget_documents(agent, limit))
        case _:
            shown = joined(await impression_documents(agent, limit), await budget_documents(agent, limit))
    return {"now": format_instant(agent.clock.now()), **shown}


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


async def list_reports(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """The ``limit`` latest reports, the oldest first; all of them without a ``limit``."""
    return await report_documents(agent, asked.get("limit"))


async def show_report(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """One report with its sealed body."""
    report = await agent.reports.get(asked["id"])
    return {"report": {**report_document(report), "body": base64.b64encode(report.body).decode()}}


async def show_keys(agent: Agent, _: Mapping[str, Any]) -> Document:
    """The keys of the agent's own coordinator and aggregation service, private halves included."""
    keys: Document = json.loads(agent.service_keys.to_json())
    return keys


async def list_keys(agent: Agent, _: Mapping[str, Any]) -> Document:
    """The public halves of those keys, and when the next is due."""
    return key_documents(agent.service_keys)


async def rotate_keys(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Make a new current key; with ``every``, milliseconds or None for never, have others made by the clock."""
    if "every" in asked:
        agent.service_keys.rotate_every(asked["every"])
    key = agent.service_keys.rotate(agent.rng, agent.clock.now())
    await agent.note(key_rotation(key.id.hex(), key.made, due=False))
    return key_documents(agent.service_keys)


async def explain(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """One decision with its checks: the last one, an event by its number, a job, or what made a report.

    ``event:12``, ``job:12`` and ``report:12`` say which of them is meant, where an id may be several.
    """
    wanted = str(asked["id"])
    kind, _, rest = wanted.partition(":")
    if kind in _NAMED_BY and rest:
        event = await _NAMED_BY[kind](agent, rest)
    elif wanted == "last":
        event = await _last_decision(agent)
    else:
        event = await _only_one(agent, wanted) or await _report_s_event(agent, wanted)
    if event is None:
        raise UsageError(
            f"no event, job or report {wanted!r}",
            where="tallyhost explain",
            rule="an event's number, a job's id, the beginning of a report's id, or the word last",
            fix="`tallyhost open` prints the number of each event, `tallyhost aggregate` the ids of jobs, `tallyhost"
            " reports list` those of reports",
        )
    return {"event": event_document(event)}


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
    "keys.list": list_keys,
    "keys.rotate": rotate_keys,
    "explain": explain,
    **AGGREGATION_OPERATIONS,
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
            fix="open a page that saves an impression, measures a conversion, registers a source or a trigger or uses"
            " Shared Storage, or aggregate reports",
        )
    last = max(latest, key=lambda event: event.id)
    if last.kind == StorageEvent.RUN:
        # What became of an operation's contributions says more than that it has ended, which stands right behind it.
        before = await agent.events.read(after=last.id - 2, limit=1, kind=PRIVATE_AGGREGATION)
        if before and before[0].id == last.id - 1 and before[0].data["reporting_origin"] == last.data["origin"]:
            return before[0]
    return last


async def _only_one(agent: Agent, wanted: str) -> Event | None:
    """The event of that number or that job; a number that is also the id of a job is refused."""
    event, job = await _numbered(agent, wanted), await _job_s_event(agent, wanted)
    if event is not None and job is not None and event.id != job.id:
        raise UsageError(
            f"{wanted!r} is the number of an event and the id of a job",
            where="tallyhost explain",
            fix=f"write event:{wanted} or job:{wanted}",
        )
    return job or event


async def _numbered(agent: Agent, wanted: str) -> Event | None:
    if wanted.isdecimal() and len(wanted) <= _LONGEST_NUMBER:
        with suppress(UsageError):  # there is none of that number
            return await agent.events.get(int(wanted))
    return None


async def _job_s_event(agent: Agent, job_request_id: str) -> Event | None:
    job = await agent.aggregation.find(job_request_id)
    if job is None:
        return None
    # An unfinished job has no event yet.
    event = await _numbered(agent, str(job.event)) if job.event else None
    return event or stored_job_event(job, await agent.aggregation.spent(job_request_id))


async def _report_s_event(agent: Agent, wanted: str) -> Event | None:
    try:
        report = await agent.reports.get(wanted)
    except UsageError:
        if await agent.reports.find(wanted):
            raise
        return None
    return await agent.events.get(report.event_id)


_NAMED_BY: Mapping[str, Callable[[Agent, str], Awaitable[Event | None]]] = {
    "event": _numbered,
    "job": _job_s_event,
    "report": _report_s_event,
}
