"""Opening an address as a person does, with failures in words for people."""

from __future__ import annotations

import contextlib

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from agent.model.errors import HostEnvironmentError

_PATIENCE = 5_000
"""Milliseconds that a page is given to become quiet; one that keeps talking never is."""


async def open_address(page: Page, url: str) -> str:
    """Open ``url`` in ``page``, wait until it has loaded and give the URL of what did, without a fragment.

    Raises HostEnvironmentError when nothing answers there, or it is no address.
    """
    try:
        await page.goto(url)
    except PlaywrightError as error:
        reason = error.message.splitlines()[0].removeprefix("Page.goto: ").partition(" at http")[0]
        raise HostEnvironmentError(
            f"the page cannot be opened: {reason}",
            where=url,
            rule="an address is a full URL of a host that answers",
            fix="start the server, or map the host to one: --map shop.test=http://localhost:3000",
        ) from error
    return page.url.partition("#")[0]


async def wait_until_quiet(page: Page) -> None:
    """Wait until no request of the page is under way, but not for long."""
    with contextlib.suppress(PlaywrightTimeoutError):
        await page.wait_for_load_state("networkidle", timeout=_PATIENCE)
