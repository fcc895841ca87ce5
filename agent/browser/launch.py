"""One Chromium, launched by Playwright with its own flags, with the agent's seat on its DevTools pipe."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import BrowserContext
from playwright.async_api import Error as PlaywrightError

from agent.browser.auction_scripts import AuctionScripts
from agent.browser.chromium import HOW_TO_GET, Chromium, find_chromium
from agent.browser.devtools_pipe import DevToolsPipe
from agent.browser.host_channel import HostChannel, ProfileHost
from agent.browser.network.ca import CertificateAuthority
from agent.browser.network.front import Front
from agent.browser.observer import Observer
from agent.browser.playwright_driver import playwright_driver
from agent.browser.request_client import RequestClients
from agent.browser.worklets import Worklets
from agent.model.errors import HostEnvironmentError
from agent.model.tasks import Tasks

QUIET_FLAGS = (
    # Nothing leaves the machine unasked, and that holds for Chromium's own requests too: it resolves no name at all,
    # for pages speak to their front, which is an address.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-domain-reliability",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_NO_UDP = ("--webrtc-ip-handling-policy=disable_non_proxied_udp", "--force-webrtc-ip-handling-policy")
"""WebRTC would pass by the front; it must not, unless the network is allowed."""
_LAUNCH_SECONDS = 60


class Browser:
    """A running Chromium that several agents may share; use it as an async context manager.

    Raises HostEnvironmentError when no Chromium is found or it does not start.
    """

    def __init__(
        self,
        *,
        headed: bool = False,
        executable: str | Path | None = None,
        third_party_cookies: bool = True,
        allow_network: bool = False,
    ) -> None:
        self._headed = headed
        self._flags = QUIET_FLAGS if allow_network else (*QUIET_FLAGS, *_NO_UDP)
        self._executable = executable
        self._preferences: dict[str, Any] = {}
        if third_party_cookies:
            # Flags do not bring third-party cookies back, the preferences of a fresh profile do.
            self._preferences = {"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}
        self._stack = AsyncExitStack()
        self._tasks = Tasks()

    async def __aenter__(self) -> Self:
        chromium = find_chromium(setting=self._executable, headed=self._headed)
        folder = Path(tempfile.mkdtemp(prefix="tallyhost-browser-"))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            self.authority = CertificateAuthority(folder)
            self._pipe = DevToolsPipe()
            self._stack.callback(self._pipe.close)
            self._stack.push_async_callback(self._tasks.close)
            self._observer = Observer(self._pipe, self._tasks)
            self.channel = HostChannel(self._pipe, self._observer, self._tasks)
            self.request_clients = RequestClients(self._observer)
            self.worklets = Worklets(self._pipe, self._tasks)
            self.auction_scripts = AuctionScripts(self._pipe, self._tasks)
            launcher = self._pipe.write_launcher(folder, str(chromium.path), self._preferences)
            self._playwright = await self._stack.enter_async_context(playwright_driver(self.authority.certificate_path))
            self._browser = await self._launch(launcher, chromium)
            self._stack.push_async_callback(self._browser.close)
            self._stack.push_async_callback(self.worklets.close)
            self._stack.push_async_callback(self.auction_scripts.close)
            version = await self._pipe.call("Browser.getVersion", {})
            self.user_agent = str(version["userAgent"])
            """The ``User-Agent`` that its pages send."""
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _launch(self, launcher: Path, chromium: Chromium) -> PlaywrightBrowser:
        launch = self._playwright.chromium.launch(
            executable_path=launcher,
            headless=not self._headed,
            # The sandbox is off only where Chromium refuses to run with it.
            chromium_sandbox=os.geteuid() != 0,
            args=[*self._flags, f"--ignore-certificate-errors-spki-list={self.authority.spki_fingerprint}"],
            timeout=_LAUNCH_SECONDS * 1000,
            # Ctrl-C in a terminal reaches every process: it is for us alone to hear, and to close what is open.
            handle_sigint=False,
        )
        try:
            # Whichever fails ends the other, so that nobody waits for a browser that cannot come.
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pipe.connected())
                launched = both.create_task(launch)
        except ExceptionGroup as failed:
            error = failed.exceptions[0]
            reason = error.message if isinstance(error, PlaywrightError) else str(error)
            raise HostEnvironmentError(
                f"Chromium did not start: {reason.partition(chr(10))[0]}",
                where=str(chromium.path),
                fix=f"run tallyhost doctor; or {HOW_TO_GET}",
            ) from error
        return launched.result()

    @property
    def version(self) -> str:
        """Chromium's version, as in ``156.0.8078.79``."""
        return self._browser.version

    @property
    def connected(self) -> bool:
        """Whether Chromium is still there; one that fell, or was closed, is not."""
        return self._browser.is_connected()

    async def new_context(self, front: Front, profile: ProfileHost) -> tuple[BrowserContext, str]:
        """A fresh BrowserContext whose traffic goes through ``front`` and whose pages ``profile`` answers.

        Gives it with its DevTools id.
        """
        context = await self._browser.new_context(proxy={"server": front.proxy["server"], "bypass": "<-loopback>"})
        context_id = self._observer.context_by_proxy.pop(front.proxy["server"])
        self.channel.serve(context_id, profile)
        return context, context_id

    async def close_context(self, context: BrowserContext, context_id: str) -> None:
        """Close a context made by :meth:`new_context`."""
        await context.close()
        self.channel.release(context_id)
