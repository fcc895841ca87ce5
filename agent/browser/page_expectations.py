"""Playwright's own waiting assertions, for who expects something of a page beside what is expected of an agent."""

from __future__ import annotations

from playwright.async_api import expect as expect_of_page

__all__ = ["expect_of_page"]
