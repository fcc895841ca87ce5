"""What an owner does by hand in a running agent; part of :mod:`agent.cli.operations`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent.browser.address_bar import open_address
from agent.model.aggregation import DEFAULT_EPSILON, MAX_EPSILON
from agent.model.errors import UsageError
from agent.model.reports import Report
from agent.model.site import serialized_origin
from agent.reporting.documents.batches import AGGREGATABLE
from agent.reporting.documents.jobs import summary_job_document
from agent.runtime.local_testing import set_local_testing_mode

if TYPE_CHECKING:
    from agent.runtime import Agent

Document = dict[str, Any]


async def open_page(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Open ``url`` in a new tab; gives where that led, and its title."""
    url = asked["url"]
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url!r} is no http(s) address", where="url", fix="write for example https://shop.test/")
    if not hasattr(agent, "context"):
        raise UsageError("this agent has no browser", where="url", fix="start one with `tallyhost up`")
    page = await agent.new_page()
    try:
        opened = await open_address(page, url)
    except BaseException:
        await page.close()
        raise
    return {"url": opened, "title": await page.title()}


async def write_entry(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Write an entry of Shared Storage, or remove it where no ``value`` is given."""
    origin, key, value = serialized_origin(asked["origin"]), asked["key"], asked.get("value")
    if origin == "null" or origin != asked["origin"].rstrip("/"):
        raise UsageError(
            f"{asked['origin']!r} is no origin", where="origin", rule="a scheme and a host", fix="https://shop.test"
        )
    if value is None:
        await agent.shared_storage.delete(origin, key)
    elif (reason := await agent.shared_storage.set(origin, key, value)) is not None:
        raise UsageError(f"it is not written: {reason}", where="value")
    return {"origin": origin, "key": key, "value": value}


async def test_locally(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Let Attribution Reporting's registrations from now on have no noise and no delays, or both again."""
    set_local_testing_mode(agent, enabled=asked["enabled"])
    return {"enabled": asked["enabled"]}


async def aggregate_sent(agent: Agent, asked: Mapping[str, Any]) -> Document:
    """Aggregate all that was sent of one ``kind`` to one ``origin``; the budget of these reports is spent."""
    batches = await agent.reports.sent_batches(AGGREGATABLE)
    wanted = [one for one in batches if (one[0], serialized_origin(one[1])) == (asked["kind"], asked["origin"])]
    if not wanted:
        raise UsageError(
            f"no report was sent to {asked['origin']} of the kind {asked['kind']!r}",
            where="aggregation",
            rule=f"a batch is what was sent of one kind, {' or '.join(AGGREGATABLE)}, to one origin",
            fix="send what waits first: `tallyhost time next`, or Send all now",
        )
    epsilon = float(asked.get("epsilon", DEFAULT_EPSILON))
    if not 0 < epsilon <= MAX_EPSILON:
        raise UsageError(f"epsilon is {epsilon:g}", where="epsilon", rule=f"above 0, at most {MAX_EPSILON:g}")
    kind, url, _ = wanted[0]
    reports: list[Report] = []
    while page := await agent.reports.sent(kind, url, after=reports[-1].position if reports else 0):
        reports += page
    finished = await agent.aggregation.run(reports, asked["origin"], epsilon=epsilon, noise=asked.get("noise"))
    return {"job": summary_job_document(finished.job, finished.spent)}


OWNER_OPERATIONS = {
    "aggregation.run": aggregate_sent,
    "pages.open": open_page,
    "shared-storage.set": write_entry,
    "settings.local-testing-mode": test_locally,
}
"""Merged into the operations of :mod:`agent.cli.operations`."""
