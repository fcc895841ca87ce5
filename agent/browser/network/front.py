"""The front: a forward proxy on a loopback port, one for each BrowserContext."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from agent.browser.network.ca import CertificateAuthority
from agent.browser.network.chaos import no_chaos
from agent.browser.network.connection import BrowserConnection
from agent.browser.network.hooks import Exchange, FrontHooks
from agent.browser.network.hosts import HostMap
from agent.browser.network.surroundings import FrontState
from agent.model.chaos import Trouble


class Front:
    """Listens on ``127.0.0.1:port`` while it is entered as a context manager.

    ``hosts`` and ``authority`` may be shared by several fronts; ``front_id`` names the profile in every exchange.
    ``chaos`` says what is to go wrong with a request that could be sent.
    """

    def __init__(
        self,
        hosts: HostMap,
        hooks: FrontHooks,
        authority: CertificateAuthority,
        *,
        front_id: str = "",
        chaos: Callable[[Exchange], Trouble | None] = no_chaos,
    ) -> None:
        self._state = FrontState(front_id, hosts, hooks, authority, chaos=chaos)
        self._connections: set[BrowserConnection] = set()
        self._count = 0
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that browsers connect to."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def proxy(self) -> dict[str, str]:
        """Value for Playwright's ``new_context(proxy=...)``; loopback hosts come through the front as well."""
        return {"server": f"http://127.0.0.1:{self.port}", "bypass": "<-loopback>"}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(self._accept, "127.0.0.1", 0, backlog=256)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self._connections):
            connection.abort()
        await self._state.tasks.close()
        self._state.pool.close()
        await self._server.wait_closed()

    def _accept(self) -> BrowserConnection:
        self._count += 1
        connection = BrowserConnection(self._state, self._count, self._connections.discard)
        self._connections.add(connection)
        return connection
