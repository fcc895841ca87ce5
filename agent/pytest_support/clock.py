"""The agent's clock as tests move it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.expectations.waiting import asked
from agent.model.clock import format_instant

if TYPE_CHECKING:
    from agent.runtime import Agent


class TestClock:
    """Moves the agent's clock; each step is over when everything is done that became due.

    What pages have asked for before, or are about to, is decided first, at the instant at which they asked.
    """

    __test__ = False
    """Not a class of tests, whatever pytest makes of its name."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def now(self) -> int:
        """The present instant, in milliseconds since 1970."""
        return self._agent.clock.now()

    async def advance(self, duration: int | str) -> int:
        """Move by milliseconds or by text such as ``"2d"``; gives the new instant.

        Raises ValueError for what is no duration.
        """
        await asked(self._agent)
        await self._agent.clock.advance(duration)
        return self.now()

    async def to_next_report(self) -> int:
        """Move to the instant at which the next report leaves, and send it; gives that instant.

        Raises AssertionError where none is pending.
        """
        await asked(self._agent)
        due = await self._agent.clock.next()
        if due is None:
            raise AssertionError(f"no report is pending at {format_instant(self.now())}: there is none to go to")
        return due
