"""One worklet: a dedicated worker that its script has made the realm of a worklet."""

from __future__ import annotations

import asyncio
import json
from asyncio import FIRST_COMPLETED
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from agent.browser.devtools_pipe import Message
from agent.browser.worklet_console import logged_call, uncaught_exception
from agent.browser.worklet_messages import Answer, WorkletMessages
from agent.browser.worklet_page import WorkletPage
from agent.model.errors import HostEnvironmentError
from agent.model.tasks import Tasks
from agent.model.worklets import Operation, OperationResult, ScriptFailure, WorkletScript, WorkletServices

_READY_SECONDS = 30
_KEPT_CONSOLE_CALLS = 200
"""After so many, the browser is told to forget the values that were logged."""
_T = TypeVar("_T")


class DedicatedWorklet:
    """See :class:`agent.model.worklets.Worklet`; :meth:`start` comes first.

    ``hear`` names the function of the worker by which the host speaks to it; ``on_end`` is called once, at its end.
    """

    def __init__(
        self,
        page: WorkletPage,
        services: WorkletServices,
        hear: str,
        tasks: Tasks,
        on_end: Callable[[DedicatedWorklet], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.page = page
        self.worker = page.new_worker(self._heard)
        self.events_received = 0
        self._services = services
        self._hear = hear
        self._tasks = tasks
        self._on_end = on_end
        self._messages = WorkletMessages(services, self, tasks)
        self._execution_context: asyncio.Future[int] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()
        self._calls: dict[int, asyncio.Future[OperationResult]] = {}
        self._logged = 0

    # What the agent asks of it.

    async def start(self, text: str, binding: str) -> None:
        """Run the host's script ``text``, which takes ``binding`` for itself; raises HostEnvironmentError."""
        await self.worker.start(text, binding)
        await asyncio.wait((self._execution_context, self._ended), timeout=_READY_SECONDS, return_when=FIRST_COMPLETED)
        if not self._execution_context.done():
            raise HostEnvironmentError("a worklet did not start", fix="close other programs, try again")

    async def add_module(self, script: WorkletScript) -> ScriptFailure | None:
        """Evaluate the script; gives what it threw, also where it ended with the worklet."""
        failure = await self.while_alive(self._evaluate(script))
        if failure is None and self._ended.done():
            return ScriptFailure("The worklet has ended.")
        self._say("moduleRan")
        return failure

    async def _evaluate(self, script: WorkletScript) -> ScriptFailure | None:
        source = {"expression": script.text, "sourceURL": script.url, "persistScript": True}
        answer = await self.worker.call("Runtime.compileScript", source)
        if "scriptId" in answer:
            answer = await self.worker.call("Runtime.runScript", {"scriptId": answer["scriptId"], "silent": True})
        if (thrown := answer.get("exceptionDetails")) is not None:
            return ScriptFailure(await self._failure_text(thrown))
        return ScriptFailure(answer["error"]["message"]) if "error" in answer else None

    async def _failure_text(self, thrown: Message) -> str:
        exception = thrown.get("exception", {})
        argument = {name: exception[name] for name in ("objectId", "unserializableValue", "value") if name in exception}
        describe = f'function (thrown) {{ "use strict"; return {self._hear}("failureText", thrown); }}'
        answer = await self.worker.call(
            "Runtime.callFunctionOn",
            {
                "functionDeclaration": describe,
                "executionContextId": self._execution_context.result(),
                "arguments": [argument],
                "returnByValue": True,
                "silent": True,
            },
        )
        return str(answer.get("result", {}).get("value", thrown["text"]))

    async def call(self, operation: Operation) -> OperationResult:
        """Run an operation to its end."""
        if self._ended.done():
            return OperationResult(died=True)
        result: asyncio.Future[OperationResult] = asyncio.get_running_loop().create_future()
        self._calls[operation.id] = result
        record = {
            "id": operation.id,
            "name": operation.name,
            "data": operation.data,
            "urls": operation.urls,
            "filteringIdMaxBytes": operation.config.filtering_id_max_bytes,
            "maxContributions": operation.config.max_contributions,
            "privateAggregationAllowed": operation.private_aggregation_allowed,
        }
        self._say("call", json.dumps(record, separators=(",", ":")))
        return await result

    @property
    def is_called(self) -> bool:
        """Whether an operation is under way."""
        return bool(self._calls)

    def lock_broken(self, lock: int) -> None:
        """A lock that its code holds was stolen by another request."""
        if (operation := self._messages.lock_owners.pop(lock, None)) is not None:
            self._say("lockBroken", lock, operation)

    async def close(self) -> None:
        """End it at once, whatever its code does; operations under way end as died."""
        self._end()

    def end(self, reason: str) -> None:
        """End it from outside, and tell its services why."""
        if not self._ended.done():
            self._end()
            self._services.ended(reason)

    def _end(self) -> None:
        if self._ended.done():
            return
        self._ended.set_result(None)
        self._on_end(self)
        self._messages.close()
        self._tasks.start(self.worker.terminate(), "terminate a worklet")
        for result in self._calls.values():
            if not result.done():
                result.set_result(OperationResult(died=True))
        self._calls.clear()

    async def while_alive(self, work: Coroutine[Any, Any, _T]) -> _T | None:
        """What ``work`` gives; None where the worklet ends first."""
        return await self._tasks.until(self._ended, work, "ask a worklet")

    def _say(self, what: str, *values: str | int) -> None:
        if not self._ended.done():
            arguments = ",".join(map(json.dumps, (what, *values)))
            # Strict, as all code of the host: a stack then tells nothing of the function but where it stands.
            expression = f'"use strict";{self._hear}({arguments})'
            self.worker.post("Runtime.evaluate", {"expression": expression, "silent": True})

    # What it tells the agent.

    def _heard(self, message: Message) -> None:
        if self._ended.done():
            return
        method, params = message["method"], message["params"]
        self.events_received += 1
        if method == "Runtime.bindingCalled":
            self._messages.received(params["payload"], params["executionContextId"])
        elif method == "Runtime.consoleAPICalled":
            self._log(*logged_call(params))
        elif method == "Runtime.exceptionThrown":
            self._log("error", uncaught_exception(params["exceptionDetails"]))

    def _log(self, level: str, text: str) -> None:
        self._services.logged(level, text)
        self._logged += 1
        if self._logged % _KEPT_CONSOLE_CALLS == 0:
            self.worker.post("Runtime.discardConsoleEntries", {})

    def answer(self, call: int, answer: Answer) -> int:
        """See :class:`agent.browser.worklet_messages.Owner`."""
        if self._ended.done():
            return 0
        text = json.dumps(answer, separators=(",", ":"))
        self._say("answer", call, text)
        return len(text)

    async def caught_up(self) -> None:
        """See :class:`agent.browser.worklet_messages.Owner`."""
        await self.while_alive(self.worker.call("Runtime.evaluate", {"expression": "0"}))

    def is_ready(self, execution_context: int) -> None:
        """See :class:`agent.browser.worklet_messages.Owner`."""
        if not self._execution_context.done():
            self._execution_context.set_result(execution_context)

    def finished(self, operation: int, result: OperationResult) -> None:
        """See :class:`agent.browser.worklet_messages.Owner`."""
        waiting = self._calls.pop(operation, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(result)
