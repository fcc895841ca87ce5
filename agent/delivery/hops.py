"""What an attempt's requests were answered with, hop by hop, for the attempt's event."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from agent.model.http_record import http_record
from agent.model.interfaces import Answer, Fetched, NoAnswer

A = TypeVar("A", Answer | NoAnswer, Answer | Fetched | NoAnswer)


class Hops:
    """The requests of one attempt that left, in their order."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        """See :func:`http_record`."""

    async def told(self, method: str, url: str, fields: Sequence[tuple[str, str]], answer: Awaitable[A]) -> A:
        """The ``answer`` to a request, which is kept; so is that there was none when the attempt ended."""
        began = asyncio.get_running_loop().time()
        got: Answer | Fetched | NoAnswer = NoAnswer(mapped=True, detail="no response in time")
        try:
            given = await answer
            got = given
        finally:
            took = (asyncio.get_running_loop().time() - began) * 1000
            if not isinstance(got, NoAnswer):
                sent = http_record(method, url, fields, status=got.status, response=got.headers, took=took)
                self.records.append(sent)
            elif got.mapped:
                self.records.append(http_record(method, url, fields, error=got.detail, took=took))
        return given
