"""``expect(agent)``: assertions that wait, may move the clock, and tell why when they fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from agent.expectations.error import ExpectationError, Miss, described
from agent.expectations.matching import NOTHING, Candidate, differences, nearest
from agent.expectations.reports import instead
from agent.expectations.subjects import SUBJECTS, Subject
from agent.expectations.waiting import along, asked, until
from agent.model.clock import format_instant
from agent.model.errors import UsageError
from agent.model.events import Event
from agent.model.explanation import Explanation
from agent.model.reports import Report, ReportKind
from agent.runtime import Agent

__tracebackhide__ = True
"""pytest shows the test's line, not those in here."""
SECONDS = 5.0
"""How long an expectation waits in real time, unless it is told."""
Duration = int | str
"""Milliseconds, or text such as ``"2d"``."""


class Expectations:
    """What can be expected of one agent. Make it with :func:`agent.expectations.expect`.

    Members are given by keyword and compared as :func:`agent.expectations.matching.matches` says; those that a subject
    has are in :data:`agent.expectations.subjects.SUBJECTS`, and a name that is none is a UsageError at once. Each
    method also takes

    ``count``: how many there must be, at least 1; None for one or more.
    ``timeout``: real seconds to wait until it is so.
    ``advance``: how far the clock may move meanwhile, by way of each instant at which a report is due.

    and gives the latest that matches. Each raises ExpectationError, an AssertionError.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def to_have_source(
        self,
        *,
        count: int | None = None,
        timeout: float = SECONDS,  # noqa: ASYNC109 - as Playwright's expectations have it
        advance: Duration | None = None,
        **members: Any,
    ) -> Any:
        """A source of Attribution Reporting that is stored now, as StoredSource.

        With ``verdict=`` a registration that ended so; one that left no source is given as its event.
        """
        return await self.to_have("source", members, count=count, timeout=timeout, advance=advance)

    async def to_have_impression(
        self,
        *,
        count: int | None = None,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
        **members: Any,
    ) -> Any:
        """An impression of W3C Attribution that is stored now, as Impression.

        With ``verdict=`` a call that ended so; one that left no impression is given as its event.
        """
        return await self.to_have("impression", members, count=count, timeout=timeout, advance=advance)

    async def to_have_trigger(
        self,
        *,
        count: int | None = None,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
        **members: Any,
    ) -> Event:
        """A trigger of Attribution Reporting that was registered, however it ended unless ``verdict=`` says it."""
        event: Event = await self.to_have("trigger", members, count=count, timeout=timeout, advance=advance)
        return event

    async def to_have_conversion(
        self,
        *,
        count: int | None = None,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
        **members: Any,
    ) -> Event:
        """A conversion of W3C Attribution that was measured, however it ended unless ``verdict=`` says it."""
        event: Event = await self.to_have("conversion", members, count=count, timeout=timeout, advance=advance)
        return event

    async def to_have_contribution(
        self,
        *,
        count: int | None = None,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
        **members: Any,
    ) -> Event:
        """A contribution to Private Aggregation, as the event of its batch."""
        event: Event = await self.to_have("contribution", members, count=count, timeout=timeout, advance=advance)
        return event

    async def to_have_report(
        self,
        *,
        kind: ReportKind | str | None = None,
        to: str | None = None,
        count: int | None = None,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
        **members: Any,
    ) -> Report:
        """A report that has left: sent to the origin or URL ``to``, or returned to the page; else say ``state=``."""
        given = {name: value for name, value in (("kind", kind), ("to", to)) if value is not None}
        report: Report = await self.to_have("report", given | members, count=count, timeout=timeout, advance=advance)
        return report

    async def to_have_event(
        self,
        kind: str,
        verdict: str | None = None,
        *,
        count: int | None = None,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
        **members: Any,
    ) -> Event:
        """An event of ``kind``; members are its site, its summary, and what its data have, in snake_case."""
        given = {"kind": kind} | ({} if verdict is None else {"verdict": verdict})
        event: Event = await self.to_have("event", given | members, count=count, timeout=timeout, advance=advance)
        return event

    async def not_to_have_source(
        self,
        *,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
        **members: Any,
    ) -> None:
        """No such source; see :meth:`not_to_have`."""
        await self.not_to_have("source", members, timeout=timeout, advance=advance)

    async def not_to_have_impression(
        self,
        *,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
        **members: Any,
    ) -> None:
        """No such impression; see :meth:`not_to_have`."""
        await self.not_to_have("impression", members, timeout=timeout, advance=advance)

    async def not_to_have_report(
        self,
        *,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
        **members: Any,
    ) -> None:
        """No such report that has left, unless ``state=`` says otherwise; see :meth:`not_to_have`."""
        await self.not_to_have("report", members, timeout=timeout, advance=advance)

    async def not_to_have_trigger(self, *, advance: Duration | None = None, **members: Any) -> None:
        """No such trigger; see :meth:`not_to_have`."""
        await self.not_to_have("trigger", members, advance=advance)

    async def not_to_have_conversion(self, *, advance: Duration | None = None, **members: Any) -> None:
        """No such conversion; see :meth:`not_to_have`."""
        await self.not_to_have("conversion", members, advance=advance)

    async def not_to_have_contribution(self, *, advance: Duration | None = None, **members: Any) -> None:
        """No such contribution; see :meth:`not_to_have`."""
        await self.not_to_have("contribution", members, advance=advance)

    async def not_to_have_event(
        self, kind: str, verdict: str | None = None, *, advance: Duration | None = None, **members: Any
    ) -> None:
        """No such event; see :meth:`not_to_have`."""
        given = {"kind": kind} | ({} if verdict is None else {"verdict": verdict})
        await self.not_to_have("event", given | members, advance=advance)

    async def to_have(
        self,
        subject: str,
        members: Mapping[str, Any],
        *,
        count: int | None = None,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
    ) -> Any:
        """The same for a subject by its name; with a ``count`` of 0 it is :meth:`not_to_have`, and gives None.

        Raises UsageError for an unknown subject, member or count.
        """
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
            raise UsageError(
                f"{count!r} is no count",
                where=f"expectation of a {subject}",
                rule="how many there must be, or 0 for none",
            )
        if count == 0:
            return await self.not_to_have(subject, members, timeout=timeout, advance=advance)
        return await _Expectation(self._agent, _subject(subject), members, count).holds(timeout, advance)

    async def not_to_have(
        self,
        subject: str,
        members: Mapping[str, Any],
        *,
        timeout: float = SECONDS,  # noqa: ASYNC109
        advance: Duration | None = None,
    ) -> None:
        """None of ``subject`` matches, when all is decided that pages have asked for by now or are about to.

        Where it may still go away, as a source may, it is given ``timeout`` real seconds. With ``advance`` the clock
        moves all that way, and nothing may match at any instant at which a report is due.
        """
        await _Expectation(self._agent, _subject(subject), members, 0).never_holds(timeout, advance)


class _Expectation:
    """One expectation: what is wanted, and what was found at the last look."""

    def __init__(self, agent: Agent, subject: Subject, members: Mapping[str, Any], count: int | None) -> None:
        self._agent, self._subject, self._count = agent, subject, count
        self._wanted = subject.wanted(members)
        self._asked = dict(members)
        self._all: list[Candidate] = []
        self._found: list[Candidate] = []

    async def holds(self, timeout: float, advance: Duration | None) -> Any:  # noqa: ASYNC109
        """Wait until it holds; gives the latest that matches."""
        begun = self._agent.clock.now()
        if not await until(self._agent, self._look, timeout=timeout, advance=advance):
            await self._fail(f"waited {timeout:g} s", begun)
        return self._found[-1].value if self._found else None

    async def never_holds(self, timeout: float, advance: Duration | None) -> None:  # noqa: ASYNC109
        """See that nothing matches."""
        begun = self._agent.clock.now()
        await asked(self._agent)
        if await self._some() and (self._subject.stays or not await until(self._agent, self._look, timeout=timeout)):
            await self._fail("", begun)
        if advance is not None and await along(self._agent, self._some, advance):
            await self._fail("", begun)

    async def _look(self) -> bool:
        self._all = await self._subject.gather(self._agent)
        self._found = [one for one in self._all if not differences(self._wanted, one.members)]
        return bool(self._found) if self._count is None else len(self._found) == self._count

    async def _some(self) -> bool:
        await self._look()
        return bool(self._found)

    async def _fail(self, waited: str, begun: int) -> NoReturn:
        """Tell of the nearest; of what is there where nothing, or another number, should be; else of what made none."""
        noun, near, other = self._subject.name, nearest(self._wanted, self._all), NOTHING
        told = "" if near else f"there is no {noun} at all"
        if self._found:
            near, other = None, self._found[-1]
            count = len(self._found)
            told = f"there is one: {other.told}" if count == 1 else f"there are {count}, the last: {other.told}"
        elif noun == "report" and (made_none := await instead(self._agent, self._wanted.get("kind"), self._all)):
            near, other = None, made_none
            told = f"there is none; the last decision was {other.told}"
        raise ExpectationError(
            Miss(
                expected=described(noun, self._asked, self._count),
                found=told,
                nearest=near.told if near else "",
                differences=differences(self._wanted, near.members) if near else (),
                hints=(near.hint,) if near and near.hint else (),
                waited=", ".join(part for part in (waited, stood(self._agent, begun)) if part),
                explanation=await explanation_of(self._agent, near or other),
            )
        )


async def explanation_of(agent: Agent, candidate: Candidate) -> Explanation | None:
    """Why ``candidate`` is as it is; None where the agent does not know it, or no more."""
    try:
        return await agent.explain(candidate.explains) if candidate.explains else None
    except UsageError:
        return None


def stood(agent: Agent, begun: int) -> str:
    """Where the clock stands, and where it stood at ``begun`` if that is elsewhere."""
    now = agent.clock.now()
    if now == begun:
        return f"the clock stands at {format_instant(now)}"
    return f"the clock went from {format_instant(begun)} to {format_instant(now)}"


def _subject(name: str) -> Subject:
    try:
        return SUBJECTS[name]
    except KeyError:
        raise UsageError(
            f"nothing is called {name!r}", where="expectation", rule=f"one of {', '.join(SUBJECTS)}"
        ) from None
