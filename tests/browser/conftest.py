"""Fixtures for tests of what requests may register."""

from __future__ import annotations

import pytest

from agent.browser import host_channel
from agent.model.attribution_reporting.eligibility import RegistrationResponse
from agent.runtime import Agent
from tests.browser.announcing import Wire, announcing_page_script


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """The server; what is registered ends there."""
    wire = Wire()

    async def register(_agent: Agent, response: RegistrationResponse) -> None:
        wire.registered.append(response)

    monkeypatch.setattr(Agent, "register", register)
    return wire


@pytest.fixture
def announcing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of agents that are launched from now on have ``announce``."""
    monkeypatch.setattr(host_channel, "page_script", announcing_page_script)
