"""A store, a clock, servers and a scheduler between them, for tests of delivery."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from agent.crypto.keys import generate_key
from agent.delivery.assembly import Assembler
from agent.delivery.public_keys import PublicKeys
from agent.delivery.scheduler import Scheduler
from agent.delivery.sender import Sender
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import Clock
from agent.model.events import Event
from agent.model.interfaces import Answer, Fetched, NoAnswer
from agent.model.reports import Report, ReportState
from agent.model.rng import Rng, SeededRng
from storage import reports
from storage.database import AsyncDatabase
from storage.report_queue import StoredReportQueue
from tests.delivery import test_sender

START = 1_767_603_600_000


class Server:
    """Counts what arrives; ``behave`` answers."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        self.behave: Callable[[], Awaitable[Answer | NoAnswer]] = self.accept

    async def accept(self) -> Answer | NoAnswer:
        return Answer(200)

    async def reject(self) -> Answer | NoAnswer:
        return Answer(503)

    async def absent(self) -> Answer | NoAnswer:
        return NoAnswer(mapped=False, detail="not mapped")

    async def __call__(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes
    ) -> Answer | NoAnswer:
        del method, url, headers
        self.arrived.append(body)
        return await self.behave()


class Coordinator:
    """Serves a key set; ``behave`` answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.behave: Callable[[], Awaitable[Fetched | NoAnswer]] = self.serve
        self.key = generate_key(SeededRng(1))

    async def serve(self) -> Fetched | NoAnswer:
        key = {"id": "k1", "key": base64.b64encode(self.key.public_key).decode()}
        return Fetched(200, (("Cache-Control", "max-age=60"),), json.dumps({"keys": [key]}).encode())

    async def __call__(self, url: str, headers: Sequence[tuple[str, str]], limit: int) -> Fetched | NoAnswer:
        del headers, limit
        self.asked.append(url)
        return await self.behave()


@dataclass
class World:
    """A store, a frozen clock, a server, a coordinator, and a scheduler between them."""

    database: AsyncDatabase
    clock: Clock = field(default_factory=lambda: Clock.frozen(START))
    server: Server = field(default_factory=Server)
    coordinator: Coordinator = field(default_factory=Coordinator)
    limits: AttributionReportingLimits = field(default_factory=AttributionReportingLimits)
    rng: Rng = field(default_factory=lambda: SeededRng(5))
    published: list[Event] = field(default_factory=list)
    queue: StoredReportQueue = field(init=False)
    scheduler: Scheduler = field(init=False)

    def __post_init__(self) -> None:
        self.queue = StoredReportQueue(self.database)
        self.scheduler = self.new_scheduler()

    def new_scheduler(self) -> Scheduler:
        return Scheduler(
            self.queue,
            Assembler(PublicKeys(self.coordinator, self.clock, "Test/1"), self.limits, self.rng),
            Sender(self.server, "Test/1"),
            self.clock,
            self.published.append,
            limits=self.limits,
            rng=self.rng,
        )

    async def insert(self, *numbers: int, due: int = START, **changes: object) -> None:
        for n in numbers:
            report = replace(test_sender.report(), id=f"{n:032x}", body=b"%d" % n, created=START)
            pending = replace(report, state=ReportState.PENDING, next_attempt=due)
            pending = replace(pending, **changes)  # type: ignore[arg-type]
            await self.database.transact("insert", lambda c, r=pending: reports.insert(c, r))  # type: ignore[misc]

    async def stored(self) -> list[Report]:
        return await self.database.transact("read", lambda c: reports.read(c, limit=1_000))

    async def states(self) -> list[tuple[str, int]]:
        return [(report.state.value, report.attempts) for report in await self.stored()]
