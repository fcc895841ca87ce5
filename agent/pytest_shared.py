"""Fixtures that a project overrides, for asynchronous and synchronous tests alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from agent.model.settings import Settings


@pytest.fixture(scope="session")
def agent_params() -> dict[str, Any]:
    """Override to say what agents are like: the keys of the marker ``agent`` (:mod:`agent.pytest_support.choices`)."""
    return {}


@pytest.fixture
def agent_settings() -> Settings | None:
    """Override to give the agents of a module, a class or a test other settings."""
    return None


@pytest.fixture(scope="session")
def reporting_origin() -> str:
    """Override to have the fixture ``reporting`` at another https origin."""
    return "https://adtech.test"
