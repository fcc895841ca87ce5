"""What the script of a worklet asks of the host, handed to the services of that worklet."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import ConditionalContribution, ErrorEvent
from agent.model.shared_storage import AppendMethod, ClearMethod, DeleteMethod, ModifierMethod, SetMethod
from agent.model.tasks import Tasks
from agent.model.worklets import OperationResult, ScriptFailure, WorkletServices

_log = logging.getLogger("tallyhost.worklets")
_CANCELLED_AT_END = frozenset({"requestLock", "get", "length", "entries", "remainingBudget"})
"""Questions that nobody asks any more; a write that the worklet began is done whether it lives on or not."""
_AT_ONCE = 8
"""Questions of one worklet that are looked into at once, but for those that wait for a lock."""
_LARGE = 1 << 16
"""Characters of an answer that is waited for to arrive before another question is looked into."""
_QUESTION = 1 << 10
"""What a question counts for beside its characters."""
_MOST_UNANSWERED = 1 << 26
"""Characters of questions that a worklet may have open: all of it is held here."""

TOO_MANY_MESSAGES = "it sent too much without a pause"

Answer = Mapping[str, Any]


class Owner(Protocol):
    """The worklet that messages come from."""

    def answer(self, call: int, answer: Answer) -> int:
        """Answer one of its questions; gives how many characters that were."""
        ...

    async def caught_up(self) -> None:
        """Wait until it has all that it was told by now."""
        ...

    def end(self, reason: str) -> None:
        """End it, and tell its services why."""
        ...

    def is_ready(self, execution_context: int) -> None:
        """Its script is in place."""
        ...

    def finished(self, operation: int, result: OperationResult) -> None:
        """An operation has come to its end."""
        ...


class WorkletMessages:
    """Reads one worklet's messages, in their order.

    Only the agent's own script can send any; one that has not the shape agreed on is logged and dropped.
    """

    def __init__(self, services: WorkletServices, owner: Owner, tasks: Tasks) -> None:
        self.lock_owners: dict[int, int] = {}
        """Which operation holds each lock."""
        self._services, self._owner, self._tasks = services, owner, tasks
        self._waiting: set[Callable[[], object]] = set()
        self._looked_into = asyncio.Semaphore(_AT_ONCE)
        self._unanswered = 0

    def received(self, payload: str, execution_context: int) -> None:
        """Handle what came through the binding: a message, or an array of several."""
        message = json.loads(payload)
        messages = message if isinstance(message, list) else [message]
        for one in messages:
            self._received(one, execution_context, len(payload) // len(messages))

    def _received(self, message: Mapping[str, Any], execution_context: int, size: int) -> None:
        try:
            method, operation, args = message["method"], message["operation"], message["args"]
            if method == "ready":
                self._owner.is_ready(execution_context)
            elif method == "flooded":
                self._owner.end(TOO_MANY_MESSAGES)
            elif method == "finished":
                self._owner.finished(operation, _result(args))
            elif message["id"]:
                self._ask(method, operation, args, message["id"], _QUESTION + size)
            else:
                self._told(method, operation, args)
        except (KeyError, TypeError, ValueError):
            _log.exception("a worklet's message was not understood: %.200r", message)

    def close(self) -> None:
        """The worklet has ended: nobody waits for a lock any more."""
        for cancel in list(self._waiting):
            cancel()

    def _ask(self, method: str, operation: int, args: Answer, call: int, size: int) -> None:
        answering = self._tasks.start(self._answer(method, operation, args, call), f"worklet {method}")
        self._unanswered += size

        def answered(_: asyncio.Task[None]) -> None:
            self._unanswered -= size

        answering.add_done_callback(answered)
        if method in _CANCELLED_AT_END:
            cancel = answering.cancel
            self._waiting.add(cancel)
            answering.add_done_callback(lambda _: self._waiting.discard(cancel))
        if self._unanswered > _MOST_UNANSWERED:
            self._owner.end(TOO_MANY_MESSAGES)

    async def _answer(self, method: str, operation: int, args: Answer, call: int) -> None:
        waits_for_lock = method == "requestLock" or args.get("lock") is not None
        # First come, first served: what code asks of its storage takes effect in the order in which it asked.
        async with self._looked_into:
            if not waits_for_lock:
                size = self._owner.answer(call, await self._question(method, operation, args))
                if size > _LARGE:
                    await self._owner.caught_up()
                return
        self._owner.answer(call, await self._question(method, operation, args))

    async def _question(self, method: str, operation: int, args: Answer) -> Answer:
        services = self._services
        if method == "get":
            return {"value": await services.get(operation, args["key"])}
        if method == "length":
            return {"value": await services.length(operation)}
        if method == "entries":
            return {"entries": await services.entries(operation)}
        if method == "remainingBudget":
            return {"value": await services.remaining_budget(operation)}
        if method == "update":
            methods = tuple(map(modifier_of, args["methods"]))
            failure = await services.update(operation, methods, args["lock"], batch=args["batch"])
            return {} if failure is None else {"error": {"name": failure.name, "message": failure.message}}
        if method == "requestLock":
            return {"lock": await self._lock(operation, args)}
        raise ValueError(method)

    async def _lock(self, operation: int, args: Answer) -> int | None:
        lock = await self._services.request_lock(
            args["name"], mode=args["mode"], if_available=args["ifAvailable"], steal=args["steal"]
        )
        if lock is not None:
            self.lock_owners[lock] = operation
        return lock

    def _told(self, method: str, operation: int, args: Answer) -> None:
        services = self._services
        if method == "contribute":
            services.contributed(operation, contribution_of(args))
        elif method == "contributeOnEvent":
            conditional = ConditionalContribution(ErrorEvent(args["event"]), contribution_of(args))
            services.contributed_on_event(operation, conditional)
        elif method == "enableDebugMode":
            services.debug_mode_enabled(operation, None if args["key"] is None else int(args["key"]))
        elif method == "lateContribution":
            services.late_contribution()
        elif method == "releaseLock":
            self.lock_owners.pop(args["lock"], None)
            services.release_lock(args["lock"])
        else:
            raise ValueError(method)


def _result(args: Answer) -> OperationResult:
    failure = None if args["failure"] is None else ScriptFailure(args["failure"])
    return OperationResult(args["index"], failure, args["uncaughtError"])


def contribution_of(args: Answer) -> Contribution:
    """A contribution, as scripts tell of it."""
    return Contribution(int(args["bucket"]), int(args["value"]), int(args["filteringId"]))


def modifier_of(method: Answer) -> ModifierMethod:
    """A write, as scripts tell of it; raises ValueError."""
    if method["op"] == "set":
        return SetMethod(method["key"], method["value"], method.get("ignoreIfPresent", False))
    if method["op"] == "append":
        return AppendMethod(method["key"], method["value"])
    if method["op"] == "delete":
        return DeleteMethod(method["key"])
    if method["op"] == "clear":
        return ClearMethod()
    raise ValueError(method["op"])
