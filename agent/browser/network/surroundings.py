"""What an exchange has to do with: its front, the browser's connection, and where it leads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from agent.browser.network.ca import CertificateAuthority
from agent.browser.network.chaos import no_chaos
from agent.browser.network.hooks import Exchange, FrontHooks
from agent.browser.network.hosts import HostMap
from agent.browser.network.upstream import UpstreamConnection, UpstreamPool
from agent.model.chaos import Trouble
from agent.model.tasks import Tasks


@dataclass(slots=True)
class FrontState:
    """What all connections of one front share."""

    front_id: str
    hosts: HostMap
    hooks: FrontHooks
    authority: CertificateAuthority
    pool: UpstreamPool = field(default_factory=UpstreamPool)
    tasks: Tasks = field(default_factory=Tasks)
    chaos: Callable[[Exchange], Trouble | None] = no_chaos
    """What is to go wrong with a request that could be sent."""


class BrowserSide(Protocol):
    """What an exchange asks of the browser's connection."""

    @property
    def write_paused(self) -> bool:
        """Whether the connection is full."""
        ...

    def write(self, data: bytes) -> None:
        """Send to the browser."""
        ...

    def steer_reading(self) -> None:
        """Read on or wait, as the exchange wants it now."""
        ...

    def exchange_done(self, *, keep_alive: bool) -> None:
        """Both messages are complete."""
        ...

    def become_tunnel(self, upstream: UpstreamConnection) -> None:
        """Pass raw bytes from here on."""
        ...

    def cut(self) -> None:
        """Reset the connection."""
        ...


@dataclass(frozen=True, slots=True)
class Destination:
    """What the browser asks for: scheme as resolved (``http``, ``https``), host without brackets, port, path."""

    scheme: str
    host: str
    port: int
    path: bytes
