"""A realm in which one function of an auction's script runs once: a dedicated worker, thrown away afterwards."""

from __future__ import annotations

import asyncio
import json
from asyncio import FIRST_COMPLETED
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from agent.browser.auction_results import function_result, overdue, uncaught
from agent.browser.devtools_pipe import Message
from agent.browser.worklet_page import WorkletPage
from agent.model.errors import HostEnvironmentError
from agent.model.protected_audience import FunctionCall, FunctionResult
from agent.model.tasks import Tasks
from agent.model.worklets import WorkletScript

_READY_SECONDS = 30
_PAUSE = 0.3
"""Seconds that the browser has for stopping what runs too long, before it is asked once more."""
_GRACE = 2
"""Seconds after which the worker is ended from outside."""
_REST = 50
"""Milliseconds for what the script's promises still do when the host asks what its function did."""
_STEP = 0.01
"""Seconds until it asks again what had no answer."""
_EXECUTION = "execution of `{}`"
_T = TypeVar("_T")


class AuctionRealm:
    """:meth:`start` comes first, then one :meth:`call`, then :meth:`close`.

    ``hear`` names the function of the worker by which the host speaks to it; ``on_end`` is called once, at its end.
    """

    def __init__(self, page: WorkletPage, hear: str, tasks: Tasks, on_end: Callable[[AuctionRealm], None]) -> None:
        loop = asyncio.get_running_loop()
        self.page = page
        self.worker = page.new_worker(self._heard)
        self.events_received = 0
        self.is_called = False
        self._hear = hear
        self._tasks = tasks
        self._on_end = on_end
        self._ready: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()

    async def start(self, text: str, binding: str) -> None:
        """Run the host's script ``text``, which takes ``binding`` for itself; raises HostEnvironmentError."""
        await self.worker.start(text, binding)
        await asyncio.wait((self._ready, self._ended), timeout=_READY_SECONDS, return_when=FIRST_COMPLETED)
        if not self._ready.done():
            raise HostEnvironmentError("a realm for an auction did not start", fix="close other programs, try again")

    @property
    def has_ended(self) -> bool:
        """Whether it is of no use any more."""
        return self._ended.done()

    async def call(self, call: FunctionCall) -> FunctionResult:
        """Run the script, then its function; see :class:`agent.model.protected_audience.AuctionScriptHost`."""
        self.is_called = True
        loop, seconds = asyncio.get_running_loop(), call.timeout / 1000
        # The browser stops a function once; what the function left behind in promises then begins.
        alarms = (
            loop.call_later(seconds + _PAUSE, self.worker.post, "Runtime.terminateExecution", {}),
            loop.call_later(seconds + _GRACE, self.end, "it did not stop"),
        )
        try:
            result = await self.while_alive(self._call(call))
        finally:
            for alarm in alarms:
                alarm.cancel()
        if result is None:
            return FunctionResult(
                failure=overdue(call.script.url, _EXECUTION.format(call.function)),
                timed_out=True,
                duration=call.timeout,
            )
        return result

    async def _call(self, call: FunctionCall) -> FunctionResult:
        _, loaded, spent = await asyncio.gather(
            self._say("begin"), self._run(call.script, call.timeout), self._say("spent", limit=_REST)
        )
        if (failure := uncaught(loaded, call.script.url, "top-level execution")) is not None:
            return await self._result(call, failure, loaded)
        if "error" in spent:
            spent = await self._asked("spent")
        left = call.timeout - int(spent["result"]["value"])
        allowed = {"privateAggregation": call.private_aggregation_allowed, "sharedStorage": call.shared_storage_allowed}
        called = await self._say("call", call.function, call.arguments, allowed, limit=max(left, 1))
        failure = uncaught(called, call.script.url, _EXECUTION.format(call.function))
        return await self._result(call, failure, called)

    async def _result(self, call: FunctionCall, failure: str | None, answer: Message) -> FunctionResult:
        record = await self._asked("result")
        return function_result(call, json.loads(record["result"]["value"]), failure, timed_out="error" in answer)

    async def _asked(self, what: str) -> Message:
        """What the realm says, as soon as it can: a stop may meet the question, and a slow machine exceed its time."""
        while "error" in (answer := await self._say(what, limit=_REST)):  # noqa: ASYNC110 - nobody tells when it can
            await asyncio.sleep(_STEP)  # :meth:`call` ends the realm in time
        return answer

    async def _run(self, script: WorkletScript, limit: int) -> Message:
        # A comment at its end names it in exceptions, and moves none of its lines.
        text = f"{script.text}\n//# sourceURL={script.url}"
        return await self._evaluate(text, limit)

    async def _say(self, what: str, *values: object, limit: int | None = None) -> Message:
        arguments = ",".join(map(json.dumps, (what, *values)))
        # Strict, as all code of the host: a stack then tells nothing of the function but where it stands.
        return await self._evaluate(f'"use strict";{self._hear}({arguments})', limit)

    async def _evaluate(self, expression: str, limit: int | None) -> Message:
        """Evaluate for at most ``limit`` milliseconds; past them the answer is an error."""
        params = {"expression": expression, "silent": True} | ({} if limit is None else {"timeout": limit})
        return await self.worker.call("Runtime.evaluate", params)

    def end(self, reason: str) -> None:
        """End it at once, whatever its code does; a call under way counts as one that ran out of time."""
        if self._ended.done():
            return
        self._ended.set_result(None)
        self._on_end(self)
        self._tasks.start(self.worker.terminate(), f"terminate a realm: {reason}")

    async def while_alive(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """What ``work`` gives; None where the realm ends first."""
        return await self._tasks.until(self._ended, work, "ask a realm")

    def _heard(self, message: Message) -> None:
        self.events_received += 1
        if message["method"] == "Runtime.bindingCalled" and not self._ready.done():
            self._ready.set_result(None)
