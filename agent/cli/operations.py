"""What can be asked of an agent, running or at rest: one function for each question, JSON values in and out.

The control endpoint answers exactly these, and a command whose profile has no running agent runs the same function
on the opened profile.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.cli.aggregation_operations import AGGREGATION_OPERATIONS
from agent.cli.chaos_operations import CHAOS_OPERATIONS
from agent.cli.export_operations import EXPORT_OPERATIONS
from agent.cli.output import Document
from agent.cli.owner_operations import OWNER_OPERATIONS
from agent.cli.report_operations import REPORT_OPERATIONS
from agent.cli.time_operations import TIME_OPERATIONS
from agent.model.clock import format_instant
from agent.model.errors import HostEnvironmentError, UsageError
from agent.model.key_rotation import key_rotation
from agent.reporting.documents.interest_groups import interest_group_documents
from agent.reporting.documents.keys import key_documents
from agent.reporting.documents.shared_storage import private_aggregation_documents, shared_storage_documents
from agent.reporting.documents.stored import (
    budget_documents,
    impression_documents,
    joined,
    report_document,
    report_documents,
    source_budget_documents,
    source_documents,
    trigger_documents,
)
from agent.reporting.explanation import explanation_document

if TYPE_CHECKING:
    from agent.runtime import Agent

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
    """Why: the tree of a decision, a report or a job; ``id`` as :meth:`Agent.explain` takes it."""
    return {"explanation": explanation_document(await agent.explain(str(asked["id"])))}


OPERATIONS: Mapping[str, Operation] = {
    "state.show": show_state,
    "state.clear": clear_state,
    "state.reset": reset_state,
    "state.save": save_state,
    "state.load": load_state,
    "reports.list": list_reports,
    "reports.show": show_report,
    "keys.show": show_keys,
    "keys.list": list_keys,
    "keys.rotate": rotate_keys,
    "explain": explain,
    **TIME_OPERATIONS,
    **CHAOS_OPERATIONS,
    **AGGREGATION_OPERATIONS,
    **EXPORT_OPERATIONS,
    **REPORT_OPERATIONS,
    **OWNER_OPERATIONS,
}
OF_RUNNING_AGENTS = frozenset({*CHAOS_OPERATIONS, "time.freeze", "time.run"})
"""The operations about what only a running agent has, and no profile keeps."""
