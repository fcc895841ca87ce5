"""A reporting origin for tests: it records the reports that the agent sends, and fails when it is told to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent.browser.network.serving import Serving
from agent.expectations.error import ExpectationError, Miss, described
from agent.expectations.expecting import SECONDS, Duration, explanation_of, stood
from agent.expectations.matching import NOTHING, Candidate, differences, nearest
from agent.expectations.reports import instead, reports
from agent.expectations.waiting import until
from agent.model.errors import UsageError
from agent.model.reports import ReportKind
from agent.pytest_support.captured import CapturedReport, candidate_of, check_members, kind_of
from agent.pytest_support.endpoint import Endpoint, Trouble
from agent.runtime import open_collector

if TYPE_CHECKING:
    from agent.pytest_support.life import AgentUnderTest
    from agent.pytest_support.sites import Sites
    from agent.runtime import Agent
    from agent.runtime.collecting import OpenCollector


__tracebackhide__ = True
"""pytest shows the test's line, not those in here."""


class Reporting:
    """One reporting origin, ``https://adtech.test`` unless the fixture ``reporting_origin`` says otherwise.

    ``received`` has what it took, oldest first. Paths that take no reports are answered with what :meth:`serve`,
    :meth:`source` and :meth:`trigger` say, else by what ``sites`` serve at that host.

    The expectations wait ``timeout`` real seconds; ``advance`` is how far the clock may move meanwhile, by way of each
    instant at which a report is due. They compare members of the report's JSON, of its ``shared_info``, and ``bucket``,
    ``value`` and ``filtering_id`` under its seal, and give the latest that matches. A name that no such report has is a
    UsageError at once.
    """

    def __init__(self, agent: Agent, origin: str, endpoint: Endpoint, collector: OpenCollector) -> None:
        self._agent, self._endpoint = agent, endpoint
        self.origin = origin
        self.collector = collector
        """Keeps what was received: ``export_avro`` and its like make batches of it."""

    @property
    def received(self) -> list[CapturedReport]:
        """Every report that was answered with 200."""
        return list(self._endpoint.received)

    @property
    def refused(self) -> list[tuple[str, int]]:
        """URL and status of every other attempt; 0 where the connection was reset."""
        return list(self._endpoint.refused)

    async def expect_event_level(
        self,
        *,
        count: int | None = None,
        timeout: float = SECONDS,  # noqa: ASYNC109 - as Playwright's expectations have it
        advance: Duration | None = None,
        **members: Any,
    ) -> CapturedReport:
        """An event-level report."""
        return await self.expect_report(
            ReportKind.EVENT_LEVEL, count=count, timeout=timeout, advance=advance, **members
        )

    async def expect_aggregatable(
        self,
        *,
        count: int | None = None,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
        **members: Any,
    ) -> CapturedReport:
        """An aggregatable report of Attribution Reporting."""
        return await self.expect_report(
            ReportKind.AGGREGATABLE, count=count, timeout=timeout, advance=advance, **members
        )

    async def expect_private_aggregation(
        self,
        *,
        count: int | None = None,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
        **members: Any,
    ) -> CapturedReport:
        """A report of Private Aggregation."""
        return await self.expect_report(
            ReportKind.PRIVATE_AGGREGATION, count=count, timeout=timeout, advance=advance, **members
        )

    async def expect_report(
        self,
        kind: ReportKind | str,
        *,
        count: int | None = None,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
        **members: Any,
    ) -> CapturedReport:
        """A report of ``kind``; ``count``: exactly so many, at least 1. Raises ExpectationError with the reasons."""
        if count is not None and count < 1:
            raise UsageError(
                f"a count of {count} gives no report",
                where="reporting",
                fix="await expect(agent).not_to_have_report(...)",
            )
        kind, begun, found = kind_of(kind), self._agent.clock.now(), list[Candidate]()
        check_members(kind, members)

        async def look() -> bool:
            found[:] = [one for one in self._candidates(kind) if not differences(members, one.members)]
            return bool(found) if count is None else len(found) == count

        if not await until(self._agent, look, timeout=timeout, advance=advance):
            told = f"waited {timeout:g} s, {stood(self._agent, begun)}"
            raise ExpectationError(await self._miss(kind, members, count, found, told))
        report: CapturedReport = found[-1].value
        return report

    def fail(self, status: int = 503, times: int | None = None) -> None:
        """Answer the next ``times`` reports, or all from now on, with ``status``."""
        self._trouble(Trouble(status=status, times=times))

    def stall(self, seconds: float, times: int | None = None) -> None:
        """Answer the next ``times`` reports, or all from now on, only after ``seconds`` of real time."""
        self._trouble(Trouble(stall=seconds, times=times))

    def reset(self, times: int | None = None) -> None:
        """Break off the connections of the next ``times`` reports, or of all from now on, without an answer."""
        self._trouble(Trouble(reset=True, times=times))

    def recover(self) -> None:
        """End every trouble that it was told to make."""
        self._endpoint.troubles.clear()

    def serve(self, path: str, *, headers: Mapping[str, Any] | None = None, text: str = "", status: int = 200) -> str:
        """Answer ``path`` so from now on; gives its URL. A header that is no text is written as JSON."""
        if not path.startswith("/"):
            raise UsageError(
                f"{path!r} is no path", where="reporting.serve", rule="a path begins with /", fix="/source"
            )
        texts = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in (headers or {}).items()
        }
        self._endpoint.answers[path] = (status, texts, text)
        return self.origin + path

    def source(self, path: str = "/source", /, **registration: Any) -> str:
        """Register a source at ``path``: ``reporting.source(destination="https://shop.test", source_event_id="1")``."""
        return self.serve(path, headers={"Attribution-Reporting-Register-Source": registration})

    def trigger(self, path: str = "/trigger", /, **registration: Any) -> str:
        """Register a trigger at ``path``: ``reporting.trigger(event_trigger_data=[{"trigger_data": "2"}])``."""
        return self.serve(path, headers={"Attribution-Reporting-Register-Trigger": registration})

    def _trouble(self, trouble: Trouble) -> None:
        if trouble.times is not None and trouble.times < 1:
            raise UsageError(
                f"{trouble.times} reports cannot be troubled",
                where="reporting",
                rule="times is how many reports, at least 1; without it all to come",
                fix="reporting.recover() ends trouble",
            )
        self._endpoint.troubles.append(trouble)

    def _candidates(self, kind: ReportKind) -> list[Candidate]:
        return [candidate_of(report) for report in self._endpoint.received if report.kind is kind]

    async def _miss(
        self, kind: ReportKind, members: Mapping[str, Any], count: int | None, found: list[Candidate], waited: str
    ) -> Miss:
        """The nearest that was received; else the agent's own report of that kind; else the decision that made none."""
        host = urlsplit(self.origin).netloc
        expected = described(f"{kind} report", dict(members), count) + f" at {host}"
        if found:
            told = f"{host} received {len(found)}, the last: {found[-1].told}"
            return Miss(expected, told, waited=waited, explanation=await explanation_of(self._agent, found[-1]))
        near = nearest(members, self._candidates(kind))
        if near is not None:
            differs, why = differences(members, near.members), await explanation_of(self._agent, near)
            return Miss(expected, nearest=near.told, differences=differs, waited=waited, explanation=why)
        other, told = await self._not_received(kind, members)
        hints = (other.hint,) if other.hint else ()
        why = await explanation_of(self._agent, other)
        return Miss(expected, f"{host} received none{told}", hints=hints, waited=waited, explanation=why)

    async def _not_received(self, kind: ReportKind, members: Mapping[str, Any]) -> tuple[Candidate, str]:
        """What the agent has instead of a report of ``kind`` that arrived, and how to tell it."""
        wanted = {"kind": kind.value, "to": self.origin}
        mine = [one for one in await reports(self._agent) if not differences(wanted, one.members)]
        own = nearest(members, mine)
        if own is not None:
            return own, f"; the agent has {own.told}, {own.members['state']}"
        last = await instead(self._agent, kind.value, [])
        return (NOTHING, "") if last is None else (last, f"; the last decision was {last.told}")


@asynccontextmanager
async def open_reporting(running: AgentUnderTest, sites: Sites, origin: str) -> AsyncIterator[Reporting]:
    """A reporting origin for the time of the ``async with``. Raises UsageError for what is no https origin."""
    parts = urlsplit(origin)
    if parts.scheme != "https" or not parts.hostname or parts.path:
        raise UsageError(f"{origin!r} is no https origin", where="reporting_origin", fix="https://adtech.test")
    agent, host, serving = running.agent, parts.hostname, Serving()
    async with open_collector(clock=running.wall) as collector:
        endpoint = Endpoint(collector, running.wall, agent.service_keys, origin, lambda: sites.target(host))
        sites.hold(host)
        agent.map(host, f"http://127.0.0.1:{serving.start(endpoint.app())}")
        try:
            yield Reporting(agent, origin, endpoint, collector)
        finally:
            sites.release(host)
            await serving.close()
