"""The browsers that are compared: an agent's, and bare ones launched by Playwright with the same flags."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.async_api import Browser, async_playwright

from agent.browser.chromium import find_chromium
from agent.browser.devtools_pipe import TURNED_OFF
from agent.browser.launch import QUIET_FLAGS
from benchmarks.server import Server

_LAUNCHER = """#!/bin/sh
for argument do
  shift
  case "$argument" in --disable-features=*) argument="$argument{off}" ;; esac
  set -- "$@" "$argument"
done
exec {executable} "$@"
"""


@asynccontextmanager
async def bare_browser(server: Server) -> AsyncIterator[Browser]:
    """A Chromium as Playwright gives it: no agent, no proxy, the server's hosts by a resolver rule.

    The features that an agent's launcher turns off are off here too, so that they make no difference.
    """
    async with AsyncExitStack() as stack:
        launcher = Path(stack.enter_context(TemporaryDirectory())) / "chromium"
        launcher.write_text(_LAUNCHER.format(off=TURNED_OFF, executable=shlex.quote(str(find_chromium().path))))
        launcher.chmod(0o700)
        # A driver of its own, as an agent's browser has.
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(
            executable_path=launcher,
            chromium_sandbox=os.geteuid() != 0,
            args=[*QUIET_FLAGS, *server.arguments],
        )
        stack.push_async_callback(browser.close)
        yield browser
