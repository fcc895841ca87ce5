"""The demo world: plain web sites that know nothing of the agent."""
