"""The Agent: one method per verb, and what scripts and tests see of it."""

from agent.runtime.agent import Agent

__all__ = ["Agent"]
