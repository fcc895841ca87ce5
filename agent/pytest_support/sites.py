"""Sites of tests: folders, applications and servers behind https origins, for every agent of the session."""

from __future__ import annotations

import asyncio
import inspect
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from agent.browser.network.hosts import host_name, parse_target
from agent.browser.network.serving import Serving, folder_app
from agent.model.errors import UsageError

if TYPE_CHECKING:
    from agent.pytest_support.asgi import AsgiApplication, AsgiServers
    from agent.runtime import Agent

    Target = str | Path | web.Application | AsgiApplication


class Sites:
    """What stands behind hosts. What a test serves stays until the session's end, or until it is served anew."""

    def __init__(self) -> None:
        self._serving = Serving()
        self._asgi: AsgiServers | None = None
        self._waiting: dict[str, Target] = {}
        self._urls: dict[str, str] = {}
        self._agents: list[Agent] = []
        self._held: set[str] = set()

    def serve(self, host: str, target: Target) -> str:
        """Put a folder, an aiohttp or ASGI application or a server's URL behind ``https://host``; gives that origin.

        ``host`` is a name such as ``news.test``; paths are relative to the working folder. ASGI needs uvicorn, which
        serves it. Raises UsageError for a folder that is not there, and for what is none of these.
        """
        host = host_name(host)
        if not (_is_application(target) or _is_url(target) or _is_folder(target)):
            raise UsageError(
                f"{str(target)!r} is neither an application, nor a URL, nor a folder below {Path.cwd()}",
                where=f"sites.serve({host!r})",
                rule="a folder that exists, an aiohttp or ASGI application, or the URL of a server",
                fix="asgiref's WsgiToAsgi makes ASGI of WSGI"
                if callable(target)
                else "sites.serve('news.test', 'tests/pages/news')",
            )
        if _is_url(target):
            parse_target(str(target))
        if is_asgi(target) and find_spec("uvicorn") is None:
            raise UsageError(
                "an ASGI application cannot be served",
                where=f"sites.serve({host!r})",
                rule="uvicorn serves ASGI applications, and is not installed",
                fix="pip install uvicorn",
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
        if self._asgi is not None:
            await self._asgi.close()

    def _start(self) -> None:
        """Start what waits, where there is a loop to run it; a session's fixtures may come before there is one."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        while self._waiting:
            # What cannot be served must not be tried again for every test to come.
            host, target = self._waiting.popitem()
            self._urls[host] = self._url(target)
            for agent in self._agents:
                self._map(agent, host)

    def _map(self, agent: Agent, host: str) -> None:
        if host not in self._held:
            agent.map(host, self._urls[host])

    def _url(self, target: Target) -> str:
        if _is_url(target):
            return str(target)
        return f"http://127.0.0.1:{self._port(target)}"

    def _port(self, target: Target) -> int:
        if isinstance(target, web.Application):
            return self._serving.start(target)
        if isinstance(target, str | Path):
            return self._serving.start(folder_app(Path(target)))
        if self._asgi is None:
            from agent.pytest_support.asgi import AsgiServers  # noqa: PLC0415 - few have such applications

            self._asgi = AsgiServers()
        return self._asgi.start(target)


def is_asgi(target: object) -> bool:
    """Whether ``target`` is an ASGI application: what is called with a scope, and awaited."""
    if isinstance(target, type) or not callable(target):
        return False
    return inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(type(target).__call__)


def _is_application(target: Target) -> bool:
    return isinstance(target, web.Application) or is_asgi(target)


def _is_url(target: Target) -> bool:
    return isinstance(target, str) and target.startswith(("http://", "https://"))


def _is_folder(target: Target) -> bool:
    return isinstance(target, str | Path) and Path(target).is_dir()
