"""What Playwright raises, and its assertions about a page's elements, for those who drive pages from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import Error, expect

if TYPE_CHECKING:
    from playwright.async_api import Locator

__all__ = ["PageError", "contains_text"]

PageError = Error
"""What a page, or its browser, could not do; ``message`` says it in several lines."""


async def contains_text(element: Locator, text: str, *, timeout: float) -> None:  # noqa: ASYNC109 - Playwright waits
    """Wait until ``element`` contains ``text``, for at most ``timeout`` milliseconds. Raises AssertionError."""
    await expect(element).to_contain_text(text, timeout=timeout)
