"""Raw bytes both ways, after a 101: WebSocket and its like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.browser.network.upstream import cut


class TunnelEnd(asyncio.Protocol):
    """One end of a tunnel: what arrives here leaves by ``peer``."""

    def __init__(self, peer: asyncio.Transport, on_lost: Callable[[], None]) -> None:
        self._peer = peer
        self._on_lost = on_lost

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._peer.write(data)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        if not self._peer.is_closing():
            self._peer.pause_reading()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        if not self._peer.is_closing():
            self._peer.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol; the other end shares the fate."""
        if exc is None:
            self._peer.close()
        else:
            cut(self._peer)
        self._on_lost()


def join(near: asyncio.Transport, far: asyncio.Transport, on_near_lost: Callable[[], None]) -> None:
    """Let two connections be one from here on; ``on_near_lost`` is called when the near one is gone."""
    near.set_protocol(TunnelEnd(far, on_near_lost))
    far.set_protocol(TunnelEnd(near, lambda: None))
    near.resume_reading()
    far.resume_reading()
