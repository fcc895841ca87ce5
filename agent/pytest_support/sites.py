"""Sites of tests: folders, applications and servers behind https origins, for every agent of the session."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from agent.browser.network.serving import Serving, folder_app
from agent.model.errors import UsageError

if TYPE_CHECKING:
    from agent.runtime import Agent

Target = str | Path | web.Application


class Sites:
    """What stands behind hosts. What a test serves stays until the session's end, or until it is served anew."""

    def __init__(self) -> None:
        self._serving = Serving()
        self._waiting: dict[str, Target] = {}
        self._urls: dict[str, str] = {}
        self._agents: list[Agent] = []
        self._held: set[str] = set()

    def serve(self, host: str, target: Target) -> str:
        """Put a folder, an aiohttp application or a server's URL behind ``https://host``; gives that origin.

        ``host`` is a name such as ``news.test``; paths are relative to the working folder. Raises UsageError for a
        folder that is not there.
        """
        if not isinstance(target, web.Application) and not _is_url(target) and not Path(target).is_dir():
            raise UsageError(
                f"{str(target)!r} is neither a URL nor a folder below {Path.cwd()}",
                where=f"sites.serve({host!r})",
                rule="a folder that exists, an aiohttp application, or the URL of a server",
                fix="sites.serve('news.test', 'tests/pages/news')",
            )
        self._urls.pop(host, None)
        self._waiting[host] = target
        self._start()
        return f"https://{host}"

    def target(self, host: str) -> str | None:
        """The URL of what stands behind ``host``, or None."""
        self._start()
        return self._urls.get(host)

    def attach(self, agent: Agent) -> None:
        """Let ``agent`` reach every site, now and as they come."""
        self._agents.append(agent)
        self._start()
        for host in self._urls:
            self._map(agent, host)

    def detach(self, agent: Agent) -> None:
        """``agent`` is about to end."""
        self._agents.remove(agent)

    def hold(self, host: str) -> None:
        """Leave ``host`` to whom it is mapped by, until :meth:`release`."""
        self._held.add(host)

    def release(self, host: str) -> None:
        """End :meth:`hold`."""
        self._held.discard(host)

    async def close(self) -> None:
        """Stop everything that was served."""
        await self._serving.close()

    def _start(self) -> None:
        """Start what waits, where there is a loop to run it; a session's fixtures may come before there is one."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        for host, target in self._waiting.items():
            self._urls[host] = self._url(target)
            for agent in self._agents:
                self._map(agent, host)
        self._waiting.clear()

    def _map(self, agent: Agent, host: str) -> None:
        if host not in self._held:
            agent.map(host, self._urls[host])

    def _url(self, target: Target) -> str:
        if _is_url(target):
            return str(target)
        app = target if isinstance(target, web.Application) else folder_app(Path(target))
        return f"http://127.0.0.1:{self._serving.start(app)}"


def _is_url(target: Target) -> bool:
    return isinstance(target, str) and target.startswith(("http://", "https://"))
