"""What the code of one worklet asks of the agent: its data origin's entries, locks, and contributions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import ConditionalContribution, DebugDetails
from agent.model.shared_storage import ModifierMethod, Writer, WrittenBy
from agent.model.worklets import StorageFailure
from agent.runtime.locks import Lock
from agent.runtime.running_operation import RunningOperation
from agent.runtime.worklet_events import late_contribution_event
from agent.runtime.worklet_surroundings import Surroundings, WorkletFacts

_MOST_LOCKS = 10_000
"""That the code of one worklet may hold."""
_MOST_CONTRIBUTIONS = 200_000
"""That the operations of one worklet that are under way may hold."""
_LOOK_EACH = 1000
"""Contributions after which they are counted."""


class Services:
    """One worklet's :class:`WorkletServices`."""

    def __init__(
        self,
        facts: WorkletFacts,
        surroundings: Surroundings,
        operations: Mapping[int, RunningOperation],
        *,
        lock_broken: Callable[[int], None],
        ended: Callable[[str], None],
    ) -> None:
        self._facts, self._surroundings, self._operations = facts, surroundings, operations
        self._lock_broken, self._ended = lock_broken, ended
        self._locks: dict[int, Lock] = {}
        self._last_lock = self._contributed = 0
        self._gone = self._told_late = False

    # Entries. A page's permissions policy was asked when the worklet was made; it is not asked again.

    async def get(self, operation: int, key: str) -> str | None:
        """See :class:`WorkletServices`."""
        del operation
        return await self._surroundings.storage.get(self._facts.data_origin, key)

    async def length(self, operation: int) -> int:
        """See :class:`WorkletServices`."""
        del operation
        return await self._surroundings.storage.length(self._facts.data_origin)

    async def entries(self, operation: int) -> tuple[tuple[str, str], ...]:
        """See :class:`WorkletServices`."""
        del operation
        entries = await self._surroundings.storage.entries(self._facts.data_origin)
        return tuple((entry.key, entry.value) for entry in entries)

    async def remaining_budget(self, operation: int) -> float:
        """See :class:`WorkletServices`."""
        del operation
        return await self._surroundings.storage.remaining_budget(self._facts.data_origin)

    async def update(
        self, operation: int, methods: tuple[ModifierMethod, ...], lock: str | None, *, batch: bool
    ) -> StorageFailure | None:
        """See :class:`WorkletServices`."""
        del operation
        origin = self._facts.data_origin
        writer = Writer(origin, WrittenBy.WORKLET, self._facts.document.top_level_site)
        async with self._surroundings.locks.holding(origin, lock):
            failure = await self._surroundings.storage.update(writer, methods, batch=batch)
        return None if failure is None else StorageFailure("OperationError", failure)

    # Locks.

    async def request_lock(self, name: str, *, mode: str, if_available: bool, steal: bool) -> int | None:
        """See :class:`WorkletServices`."""
        self._last_lock += 1
        number = self._last_lock

        is_broken = False

        def broken() -> None:
            nonlocal is_broken
            is_broken = True
            if self._locks.pop(number, None) is not None:
                self._lock_broken(number)

        lock = await self._surroundings.locks.acquire(
            self._facts.data_origin, name, mode=mode, if_available=if_available, steal=steal, broken=broken
        )
        if lock is None:
            return None
        if is_broken:
            # Stolen before anybody knew that it had been granted; the code learns the one after the other.
            asyncio.get_running_loop().call_soon(self._lock_broken, number)
            return number
        self._locks[number] = lock
        if self._gone:
            self.release_locks()
        elif len(self._locks) > _MOST_LOCKS:
            self._ended(f"it held more than {_MOST_LOCKS} locks")
        return number

    def release_lock(self, lock: int) -> None:
        """See :class:`WorkletServices`."""
        held = self._locks.pop(lock, None)
        if held is not None:
            self._surroundings.locks.release(held)

    def release_locks(self) -> None:
        """The worklet is gone: it holds no lock any more, nor any that it still waits for."""
        self._gone = True
        for lock in list(self._locks):
            self.release_lock(lock)

    # Contributions. What comes under the number of an operation that has ended already was late on its way here.

    def contributed(self, operation: int, contribution: Contribution) -> None:
        """See :class:`WorkletServices`."""
        if (running := self._operations.get(operation)) is not None:
            limits = self._surroundings.settings.private_aggregation_limits
            running.contribute(contribution, limits.max_settable_contributions)
            self._look_at_contributions()

    def contributed_on_event(self, operation: int, contribution: ConditionalContribution) -> None:
        """See :class:`WorkletServices`."""
        if (running := self._operations.get(operation)) is not None:
            running.contribute_on_event(contribution)
            self._look_at_contributions()

    def _look_at_contributions(self) -> None:
        self._contributed += 1
        if self._contributed % _LOOK_EACH == 0:
            kept = sum(one.kept for one in self._operations.values())
            if kept > _MOST_CONTRIBUTIONS:
                self._ended(f"its operations held more than {_MOST_CONTRIBUTIONS} contributions")

    def debug_mode_enabled(self, operation: int, key: int | None) -> None:
        """See :class:`WorkletServices`."""
        running = self._operations.get(operation)
        if running is not None and running.reported:
            running.debug_too_late = True
        elif running is not None:
            running.debug = DebugDetails(enabled=True, key=key)

    def late_contribution(self) -> None:
        """See :class:`WorkletServices`; the first is told, for there may be any number of them."""
        if self._told_late:
            return
        self._told_late = True
        facts, surroundings = self._facts, self._surroundings
        crashes = surroundings.settings.private_aggregation_limits.late_contribution_crashes
        event = late_contribution_event(facts, surroundings.clock.now(), crashes=crashes)
        surroundings.tasks.start(surroundings.transactions.note(event), "late contribution")
        if crashes:
            surroundings.realms.crash(facts.document)

    def logged(self, level: str, text: str) -> None:
        """See :class:`WorkletServices`."""
        self._surroundings.realms.inform(self._facts.creator, {"console": {"level": level, "text": text}})

    def ended(self, reason: str) -> None:
        """See :class:`WorkletServices`."""
        self._ended(reason)
