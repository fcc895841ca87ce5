"""What the worklets of one profile share, and what each is: whose data it works on, for whom."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from agent.browser.documents import Document, FrameTree
from agent.browser.host_channel import PageCall
from agent.model.clock import Clock
from agent.model.private_aggregation import Batch
from agent.model.settings import Settings
from agent.model.tasks import Tasks
from agent.model.worklets import WorkletHost
from agent.runtime.alarms import Alarms
from agent.runtime.locks import LockManager
from agent.runtime.stored_shared_storage import StoredSharedStorage
from agent.runtime.transactions import Transactions


class Realms(Protocol):
    """The pages that worklets belong to."""

    def answer(self, call: PageCall, reply: Mapping[str, Any]) -> None:
        """Answer a call."""
        ...

    def inform(self, call: PageCall, what: Mapping[str, Any]) -> None:
        """Tell the realm that once made ``call`` something that it did not ask for."""
        ...

    def crash(self, document: Document) -> None:
        """End the process of a document's page, as a browser does whose process finds it misbehaving."""
        ...


class KnownFrames(Protocol):
    """What is known of the browser."""

    frames: FrameTree

    async def caught_up(self) -> None:
        """Wait until all is known here that the browser knew when this was called."""
        ...


class Complete(Protocol):
    """What becomes of contributions."""

    def __call__(self, batch: Batch, *, now: int, auction: int | None = None) -> Awaitable[int | None]:
        """Report ``batch``, which is complete at ``now``, or say why not; gives the number of its event, if any.

        ``auction``: the number of the event of the auction that made it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the worklets of one profile share."""

    host: WorkletHost
    storage: StoredSharedStorage
    transactions: Transactions
    locks: LockManager
    alarms: Alarms
    clock: Clock
    settings: Settings
    tasks: Tasks
    complete: Complete
    realms: Realms
    browser: KnownFrames


@dataclass(frozen=True, slots=True)
class WorkletFacts:
    """What one worklet is."""

    creator: PageCall
    """The call that made it, whose realm hears of failures; without its options."""
    data_origin: str
    """Serialised: whose entries it reads and writes, and who gets its reports."""
    url: str
    """Of its module script."""
    context: str | None = None
    """What the embedder of its fenced frame set as ``sharedStorage.context``."""

    @property
    def document(self) -> Document:
        """The document that made it."""
        return self.creator.caller.document
