"""Playwright's driver: a process of its own, and the one that makes Playwright's own requests."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from weakref import WeakKeyDictionary

from playwright.async_api import Playwright, async_playwright

_EXTRA = "NODE_EXTRA_CA_CERTS"
"""Node reads it once, as it starts."""
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
"""Drivers start one by one: they get this process's environment as it is at some moment of their start."""


@asynccontextmanager
async def playwright_driver(certificates: Path) -> AsyncIterator[Playwright]:
    """Playwright; what it asks for itself (``page.request``, ``route.fetch``) trusts the PEM file ``certificates``.

    Chromium is told otherwise of the authority that the front's certificates are from.
    """
    driver = async_playwright()
    async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        with _environment(_EXTRA, str(certificates)):
            playwright = await driver.start()
    try:
        yield playwright
    finally:
        await playwright.stop()


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Let what starts meanwhile have the variable ``name``."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before
