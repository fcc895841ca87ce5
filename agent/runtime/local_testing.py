"""WebDriver's "Set local testing mode" (Attribution Reporting, section Automation)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.runtime.agent import Agent


def set_local_testing_mode(agent: Agent, *, enabled: bool) -> None:
    """Let Attribution Reporting's registrations from now on have neither noise nor delays, or both again."""
    limits = replace(agent.settings.attribution_reporting_limits, debug_mode=enabled)
    agent.settings = replace(agent.settings, attribution_reporting_limits=limits)
    agent.attribution_reporting.use(limits)
