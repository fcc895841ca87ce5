"""Activation: a first call needs a user's input or navigation shortly before (current draft, section 9)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.model.limits import AttributionLimits


@dataclass(frozen=True, slots=True)
class Activation:
    """What one top-level traversable (a tab) remembers."""

    enabled: bool = False
    """Whether an earlier call was allowed on this site."""
    activated_at: int = 0
    """When the user last acted, in milliseconds."""


def on_user_activation(state: Activation, now: int) -> Activation:
    """An input event that triggers activation, in any frame of the tab."""
    return replace(state, activated_at=now)


def on_browser_navigation(state: Activation, now: int) -> Activation:
    """A navigation by the browser's own interface: address bar, bookmark, reload."""
    return replace(state, activated_at=now)


def on_cross_site_navigation(state: Activation) -> Activation:
    """A top-level navigation whose initiator is not same-site with the response: the next site starts anew."""
    return replace(state, enabled=False)


def on_call(state: Activation, now: int, limits: AttributionLimits) -> tuple[Activation, bool]:
    """A call of the API at ``now``: the new state, and whether the call is allowed.

    Allowed on a site that called before, or within ``activation_duration`` of an activation (inclusive).
    """
    if state.enabled:
        return state, True
    if state.activated_at + limits.activation_duration >= now:
        return replace(state, enabled=True), True
    return state, False
