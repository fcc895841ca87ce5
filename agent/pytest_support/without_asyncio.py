"""The asynchronous fixtures where pytest-asyncio is missing: each says so, instead of not being found."""

from __future__ import annotations

from typing import Any

import pytest


def _in_want(name: str) -> Any:
    """The fixture ``name``, which fails."""

    @pytest.fixture(name=name)
    def fixture() -> None:
        pytest.fail(
            f"the fixture {name!r} needs pytest-asyncio, which is not installed or switched off.\n"
            f"pip install 'tallyhost[pytest]', or write a test without async and ask for {_synchronous(name)!r}.",
            pytrace=False,
        )

    fixture.__doc__ = "Needs pytest-asyncio, which is missing."
    return fixture


def _synchronous(name: str) -> str:
    """What a synchronous test asks for instead."""
    return f"sync_{name.removeprefix('agent_')}" if name in {"agent_page", "agent_browser"} else f"sync_{name}"


agent = _in_want("agent")
agent_browser = _in_want("agent_browser")
agent_page = _in_want("agent_page")
agent_sites = _in_want("agent_sites")
agent_under_test = _in_want("agent_under_test")
clock = _in_want("clock")
reporting = _in_want("reporting")
sites = _in_want("sites")
summary = _in_want("summary")
