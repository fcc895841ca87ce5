"""The Agent: one method per verb, and what scripts and tests see of it; and a collector for what agents send."""

from agent.runtime.agent import Agent
from agent.runtime.collecting import open_collector

__all__ = ["Agent", "open_collector"]
