"""One worklet from its creation to its end: its module script, its operations, and when it goes.

It goes when its operations have ended after a call without ``keepAlive``, and with its document, which it outlives by
two seconds at most while operations are under way (shared-storage section 7).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from enum import Enum, auto
from typing import Any

from agent.engines.private_aggregation.scheduling import is_deterministic
from agent.model.errors import HostEnvironmentError
from agent.model.private_aggregation import PrivateAggregationApi
from agent.model.worklets import Operation, OperationResult, ScriptFailure, StorageFailure, Worklet, WorkletScript
from agent.runtime.running_operation import RunningOperation
from agent.runtime.worklet_events import ended_event, module_event
from agent.runtime.worklet_services import Services
from agent.runtime.worklet_surroundings import Surroundings, WorkletFacts

NOT_LOADED = "The module script hasn't been loaded."
ENDED = "The shared storage worklet was ended."
_DOCUMENT_GONE = StorageFailure("OperationError", "The document is gone.")


class _State(Enum):
    LOADING = auto()
    READY = auto()
    FAILED = auto()
    GONE = auto()


class WorkletLife:
    """One worklet of a page."""

    def __init__(self, facts: WorkletFacts, surroundings: Surroundings) -> None:
        self.facts = facts
        self.operations: dict[int, RunningOperation] = {}
        """The operations under way, by number."""
        self.storing: set[asyncio.Task[None]] = set()
        """What follows operations that have ended, on its way into the store."""
        self._surroundings = surroundings
        self._state = _State.LOADING
        self._worklet: Worklet | None = None
        self._closing = False
        self._document_ended = False
        self._services = Services(
            facts, surroundings, self.operations, lock_broken=self._lock_broken, ended=self.end_because
        )

    @property
    def gone(self) -> bool:
        """Whether nothing can run in it any more."""
        return self._state in (_State.GONE, _State.FAILED)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way in it, nor on its way into the store."""
        return not self.operations and not self.storing

    # Creation.

    async def load(self, script: Awaitable[WorkletScript | StorageFailure]) -> StorageFailure | None:
        """Make the worklet and run its module script; gives what the page's promise rejects with."""
        around = self._surroundings
        options = {
            "errorReporting": around.settings.private_aggregation_limits.error_reporting,
            "context": self.facts.context,
        }
        limits = around.settings.shared_storage_limits
        created = around.host.create(self._services, options=options, limits=limits)
        creating = around.tasks.start(created, "create worklet")
        failure: StorageFailure | None
        try:
            failure = await self._evaluate(script, creating)
        except HostEnvironmentError as error:
            failure = StorageFailure("OperationError", error.what)
        except asyncio.CancelledError:
            creating.add_done_callback(self._discard)
            raise
        if failure is not None and self._state is _State.LOADING:
            self._state = _State.FAILED
            self._close()
        self._go_if_done()
        await around.transactions.note(
            module_event(self.facts, None if failure is None else failure.message, around.clock.now())
        )
        return failure

    async def _evaluate(
        self, loading: Awaitable[WorkletScript | StorageFailure], creating: asyncio.Task[Worklet]
    ) -> StorageFailure | None:
        script = await loading
        self._worklet = await asyncio.shield(creating)
        if isinstance(script, StorageFailure):
            return script
        if self._state is not _State.LOADING:
            self._close()
            return _DOCUMENT_GONE
        threw = await self._worklet.add_module(script)
        if threw is not None:
            return StorageFailure("OperationError", threw.message)
        if self._state is _State.LOADING:
            self._state = _State.READY
        return None

    def _discard(self, creating: asyncio.Task[Worklet]) -> None:
        if not creating.cancelled() and creating.exception() is None:
            self._worklet = creating.result()
            self._close()

    # Operations.

    def call(self, operation: RunningOperation, *, keep_alive: bool) -> None:
        """Call an operation; the page has checked that it may."""
        around = self._surroundings
        self.operations[operation.call.id] = operation
        self.hold(keep_alive=keep_alive)
        limits = around.settings.private_aggregation_limits
        if is_deterministic(PrivateAggregationApi.SHARED_STORAGE, operation.call.config, limits):
            due = operation.started + limits.deterministic_timeout
            operation.alarm = around.alarms.after(limits.deterministic_timeout, lambda: self._time_out(operation, due))
        operation.task = around.tasks.start(self._perform(operation), "operation")

    def decline(self, operation: RunningOperation, why: str, *, keep_alive: bool) -> None:
        """Take a call as one that fails: there is no room for it, which nobody but the agent's owner may see."""
        self.hold(keep_alive=keep_alive)
        self._console("error", why)
        result = OperationResult(failure=ScriptFailure(why))
        self._store(self._conclude(operation, result, self._surroundings.clock.now()))

    def hold(self, *, keep_alive: bool) -> None:
        """A call came, with or without ``keepAlive``."""
        self._closing = not keep_alive
        self._go_if_done()

    async def _perform(self, operation: RunningOperation) -> None:
        result = await self._result(operation.call)
        del self.operations[operation.call.id]
        self._go_if_done()
        if operation.alarm is not None:
            self._surroundings.alarms.cancel(operation.alarm)
        if result.failure is not None and not result.died:
            self._console("error", result.failure.message)
        # Where the clock was moved while it was under way, its end comes first.
        clock = self._surroundings.clock
        now = clock.now() - (clock.ahead - operation.ahead)
        self._store(self._conclude(operation, result, now))

    async def _result(self, call: Operation) -> OperationResult:
        if self._worklet is None or self._state is not _State.READY:
            text = ENDED if self._state is _State.GONE else NOT_LOADED
            return OperationResult(failure=ScriptFailure(text))
        return await self._worklet.call(call)

    async def _conclude(self, operation: RunningOperation, result: OperationResult, now: int) -> None:
        try:
            if not operation.reported:
                await self._report(operation, now, uncaught_error=result.uncaught_error)
            elif operation.reporting is not None:
                await asyncio.wait([operation.reporting])
        finally:
            # A frame may wait for it, whatever became of the report.
            await operation.ended(operation, result, now)

    def _time_out(self, operation: RunningOperation, due: int) -> None:
        # However far the clock was moved past it: it spends the budget of its own minute.
        if not operation.reported:
            operation.reporting = self._store(self._report(operation, due, timed_out=True))

    async def _report(
        self, operation: RunningOperation, now: int, *, timed_out: bool = False, uncaught_error: bool = False
    ) -> None:
        top = self.facts.document.top.origin
        batch = operation.batch(self.facts.data_origin, top, timed_out=timed_out, uncaught_error=uncaught_error)
        operation.batch_event = await self._surroundings.complete(batch, now=now)

    def _store(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._surroundings.tasks.start(work, "end of an operation")
        self.storing.add(task)
        task.add_done_callback(self.storing.discard)
        return task

    # Its end.

    def document_ended(self) -> None:
        """Its document is gone, and so is the worklet once its operations have ended, or after two seconds."""
        self._document_ended = True
        if not self.operations:
            self.end()
        else:
            after = self._surroundings.settings.shared_storage_limits.keep_alive
            self._surroundings.alarms.after(after, self.end, in_real_time=True)

    def _go_if_done(self) -> None:
        if self._state is _State.READY and not self.operations and (self._closing or self._document_ended):
            self._go()

    def end_because(self, reason: str) -> None:
        """End it at once as one that may go on no longer, and tell why."""
        if self._state is _State.GONE:
            return
        around = self._surroundings
        event = ended_event(self.facts, reason, around.clock.now())
        around.tasks.start(around.transactions.note(event), "worklet ended")
        self._console("error", f"{ENDED} {reason}")
        self._go()

    def _go(self) -> None:
        self._state = _State.GONE
        self._close()

    def end(self) -> None:
        """End it at once; its operations end as died."""
        if not self.gone:
            self._go()

    def _close(self) -> None:
        self._services.release_locks()
        if self._worklet is not None:
            self._surroundings.tasks.start(self._worklet.close(), "close worklet")

    def _lock_broken(self, lock: int) -> None:
        if self._worklet is not None:
            self._worklet.lock_broken(lock)

    def _console(self, level: str, text: str) -> None:
        self._surroundings.realms.inform(self.facts.creator, {"console": {"level": level, "text": text}})
