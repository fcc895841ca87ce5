"""What `tallyhost aggregate` and `tallyhost reports export` ask of an agent; part of :mod:`agent.cli.operations`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent.cli.aggregation_documents import job_document, job_of, settlement_document
from agent.model.aggregation_values import event_of, result_info_of, spent_values, units_of
from agent.model.reports import ReportState

if TYPE_CHECKING:
    from agent.runtime import Agent

Document = dict[str, Any]
_GIVEN_UP = {ReportState.FAILED, ReportState.NOT_SENT}


async def begin_job(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Keep a job; where its id is known, give the known one."""
    return {"job": job_document(await agent.aggregation.ledger.begin(job_of(asked["job"])))}


async def settle_job(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Spend a job's budget and keep what it has to write, or neither."""
    units = units_of(asked["units"])
    return settlement_document(
        await agent.aggregation.ledger.settle(asked["job_request_id"], units, asked["outcome"], now=asked["now"])
    )


async def finish_job(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Record how a job ended, and why; gives the number of its event."""
    result, event = result_info_of(asked["result_info"]), event_of(asked["event"])
    return {"event": await agent.aggregation.ledger.finish(asked["job_request_id"], result, event)}


async def find_job(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """The job of an id, or null."""
    job = await agent.aggregation.ledger.find(asked["job_request_id"])
    return {"job": None if job is None else job_document(job)}


async def list_jobs(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """At most ``limit`` jobs behind the position ``after``, oldest first."""
    jobs = await agent.aggregation.ledger.jobs(after=asked["after"], limit=asked["limit"])
    return {"jobs": [job_document(job) for job in jobs]}


async def unfinished_jobs(agent: Agent, _: Mapping[str, Any]) -> Document:
    """The jobs that were begun and have not ended."""
    return {"jobs": [job_document(job) for job in await agent.aggregation.ledger.unfinished()]}


async def spent_units(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """The budget units that a job spent."""
    return {"units": spent_values(await agent.aggregation.ledger.spent(asked["job_request_id"]))}


async def export_reports(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """The bodies of reports of the ``kinds`` on the page behind the position ``after``.

    Those that were sent; with ``undelivered`` those whose delivery was given up too. The others are counted.
    ``last`` is the position to go on behind, null at the end.
    """
    page = await agent.reports.read(after=asked["after"])
    wanted = [report for report in page if report.kind in asked["kinds"]]
    given_up = [report for report in wanted if report.state in _GIVEN_UP and report.body]
    ended = [report for report in wanted if report.state is ReportState.SENT or report in given_up]
    taken = [report for report in ended if asked["undelivered"] or report.state is ReportState.SENT]
    return {
        "reports": [report.body.decode() for report in taken],
        "undelivered": len(given_up),
        "pending": len(wanted) - len(ended),
        "last": page[-1].position if page else None,
    }


AGGREGATION_OPERATIONS = {
    "aggregation.begin": begin_job,
    "aggregation.settle": settle_job,
    "aggregation.finish": finish_job,
    "aggregation.find": find_job,
    "aggregation.jobs": list_jobs,
    "aggregation.unfinished": unfinished_jobs,
    "aggregation.spent": spent_units,
    "reports.export": export_reports,
}
"""Merged into the operations of :mod:`agent.cli.operations`."""
