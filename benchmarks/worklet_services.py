"""Services of a worklet that answer at once, with nothing behind them."""

from __future__ import annotations

import asyncio

from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import ConditionalContribution
from agent.model.shared_storage import ModifierMethod
from agent.model.worklets import StorageFailure


class Services:
    """See :class:`agent.model.worklets.WorkletServices`; ``get`` answers after ``seconds``."""

    def __init__(self, seconds: float = 0) -> None:
        self._seconds = seconds

    async def get(self, operation: int, key: str) -> str | None:
        """The key itself."""
        del operation
        if self._seconds:
            await asyncio.sleep(self._seconds)
        return key

    async def length(self, operation: int) -> int:
        """Nothing is stored."""
        del operation
        return 0

    async def entries(self, operation: int) -> tuple[tuple[str, str], ...]:
        """Nothing is stored."""
        del operation
        return ()

    async def remaining_budget(self, operation: int) -> float:
        """Nothing is spent."""
        del operation
        return 12

    async def update(
        self, operation: int, methods: tuple[ModifierMethod, ...], lock: str | None, *, batch: bool
    ) -> StorageFailure | None:
        """Nothing is refused."""
        del operation, methods, lock, batch
        return None

    async def request_lock(self, name: str, *, mode: str, if_available: bool, steal: bool) -> int | None:
        """Every lock is free."""
        del name, mode, if_available, steal
        return 1

    def release_lock(self, lock: int) -> None:
        """Nobody waits for it."""

    def contributed(self, operation: int, contribution: Contribution) -> None:
        """Nobody counts it."""

    def contributed_on_event(self, operation: int, contribution: ConditionalContribution) -> None:
        """Nobody counts it."""

    def debug_mode_enabled(self, operation: int, key: int | None) -> None:
        """Nobody debugs."""

    def late_contribution(self) -> None:
        """Nobody counts it."""

    def logged(self, level: str, text: str) -> None:
        """Nobody reads it."""

    def ended(self, reason: str) -> None:
        """The call under way ends as died, which the benchmark sees."""
