"""Assertions about an agent that wait, may move the clock, and tell why when they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from agent.blocking import Blocking
from agent.browser.page_expectations import expect_of_page
from agent.expectations.error import ExpectationError
from agent.expectations.expecting import Expectations
from agent.expectations.matching import AnyOf, Difference
from agent.expectations.subjects import SUBJECTS, Subject
from agent.runtime import Agent

if TYPE_CHECKING:
    from playwright.async_api import APIResponse, Locator, Page

__all__ = ["SUBJECTS", "AnyOf", "Difference", "ExpectationError", "Expectations", "Subject", "expect"]


@overload
def expect(actual: Agent, /) -> Expectations: ...
@overload
def expect(actual: Page | Locator | APIResponse | Blocking, /, message: str | None = None) -> Any: ...
def expect(actual: Agent | Page | Locator | APIResponse | Blocking, /, message: str | None = None) -> Any:
    """What can be expected of an agent; of Playwright's own objects, what Playwright's ``expect`` gives.

    For what synchronous fixtures give, it waits by itself.
    """
    if isinstance(actual, Blocking):
        return actual.like(expect(actual.asynchronous, message))
    return Expectations(actual) if isinstance(actual, Agent) else expect_of_page(actual, message)
