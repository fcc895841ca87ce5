"""A browser's worklets without the rest of the agent: services that remember, and scripts in short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from agent.browser.dedicated_worklet import DedicatedWorklet
from agent.browser.launch import Browser
from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import ConditionalContribution, PrivateAggregationConfig
from agent.model.shared_storage import ModifierMethod, SetMethod
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.worklets import Operation, OperationResult, StorageFailure, WorkletScript

URL = "https://publisher.test/worklet.js"


@dataclass
class Services:
    """What one worklet may ask; remembers what it was told, in order."""

    entries_: dict[str, str] = field(default_factory=dict)
    told: list[Any] = field(default_factory=list)
    contributions: list[tuple[int, Contribution]] = field(default_factory=list)
    logs: list[tuple[str, str]] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    late: int = 0
    lock_free: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: StorageFailure | None = None
    delays: list[float] = field(default_factory=list)
    """Seconds that the next answers to ``get`` take."""

    async def get(self, operation: int, key: str) -> str | None:
        await asyncio.sleep(self.delays.pop() if self.delays else 0)
        self.told.append(("get", operation, key))
        return self.entries_.get(key)

    async def length(self, operation: int) -> int:
        self.told.append(("length", operation))
        return len(self.entries_)

    async def entries(self, operation: int) -> tuple[tuple[str, str], ...]:
        self.told.append(("entries", operation))
        return tuple(sorted(self.entries_.items()))

    async def remaining_budget(self, operation: int) -> float:
        self.told.append(("remaining_budget", operation))
        return 12.0

    async def update(
        self, operation: int, methods: tuple[ModifierMethod, ...], lock: str | None, *, batch: bool
    ) -> StorageFailure | None:
        self.told.append(("update", operation, methods, lock, batch))
        self.entries_ |= {method.key: method.value for method in methods if isinstance(method, SetMethod)}
        return self.refusal

    async def request_lock(self, name: str, *, mode: str, if_available: bool, steal: bool) -> int | None:
        self.told.append(("request_lock", name, mode, if_available, steal))
        await self.lock_free.wait()
        return 7

    def release_lock(self, lock: int) -> None:
        self.told.append(("release_lock", lock))

    def contributed(self, operation: int, contribution: Contribution) -> None:
        self.contributions.append((operation, contribution))

    def contributed_on_event(self, operation: int, contribution: ConditionalContribution) -> None:
        self.told.append(("contributed_on_event", operation, contribution))

    def debug_mode_enabled(self, operation: int, key: int | None) -> None:
        self.told.append(("debug_mode_enabled", operation, key))

    def late_contribution(self) -> None:
        self.late += 1

    def logged(self, level: str, text: str) -> None:
        self.logs.append((level, text))

    def ended(self, reason: str) -> None:
        self.ends.append(reason)

    @property
    def lines(self) -> list[str]:
        """What the console was given."""
        return [text for _, text in self.logs]


def operation(number: int = 1, name: str = "go", *, urls: tuple[str, ...] | None = None) -> Operation:
    """A call without data."""
    return Operation(number, name, None, PrivateAggregationConfig(), urls)


def running(code: str) -> str:
    """A module script whose operation ``go`` runs ``code``."""
    return f"register('go', class {{ async run(first, second) {{ {code} }} }});"


@dataclass
class Loaded:
    """A worklet with its script in place."""

    worklet: DedicatedWorklet
    services: Services

    async def go(self, number: int = 1, name: str = "go") -> OperationResult:
        """Call an operation."""
        return await self.worklet.call(operation(number, name))


async def load(
    browser: Browser, script: str, *, services: Services | None = None, limits: SharedStorageLimits | None = None
) -> Loaded:
    """A worklet that has evaluated ``script`` without a failure."""
    services = services or Services()
    worklet = await browser.worklets.create(services, options={}, limits=limits)
    assert await worklet.add_module(WorkletScript(URL, script)) is None
    return Loaded(worklet, services)


@asynccontextmanager
async def loaded(
    browser: Browser, script: str, *, services: Services | None = None, limits: SharedStorageLimits | None = None
) -> AsyncIterator[Loaded]:
    """A worklet that is closed in the end."""
    made = await load(browser, script, services=services, limits=limits)
    try:
        yield made
    finally:
        await made.worklet.close()


async def lines_of(browser: Browser, code: str) -> list[str]:
    """What ``code``, run in an operation, logged; it must come to its end."""
    async with loaded(browser, running(code)) as made:
        result = await made.go()
        assert result.failure is None, result
        return made.services.lines
