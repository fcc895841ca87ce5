from __future__ import annotations

import pytest

from agent.engines.attribution.activation import (
    Activation,
    on_browser_navigation,
    on_call,
    on_cross_site_navigation,
    on_user_activation,
)
from agent.model.limits import AttributionLimits
from tests.attribution_world import START

LIMITS = AttributionLimits(activation_duration=1_000_000)


def test_a_tab_that_nobody_used_may_not_call() -> None:
    assert on_call(Activation(), START, LIMITS) == (Activation(), False)


@pytest.mark.parametrize("event", [on_user_activation, on_browser_navigation])
@pytest.mark.parametrize(("after", "allowed"), [(1_000_000, True), (1_000_001, False)])
def test_a_call_may_follow_an_activation_until_its_duration_is_over(event: object, after: int, allowed: bool) -> None:
    assert callable(event)
    _, result = on_call(event(Activation(), START), START + after, LIMITS)
    assert result is allowed


def test_a_site_that_called_may_call_for_ever() -> None:
    state, _ = on_call(on_user_activation(Activation(), START), START, LIMITS)
    assert on_call(state, START + 10**12, LIMITS) == (state, True)


def test_a_call_that_is_refused_changes_nothing() -> None:
    stale = on_user_activation(Activation(), START)
    assert on_call(stale, START + 1_000_001, LIMITS) == (stale, False)


def test_a_cross_site_navigation_ends_the_permission_and_keeps_the_time() -> None:
    state, _ = on_call(on_user_activation(Activation(), START), START, LIMITS)
    moved = on_cross_site_navigation(state)
    assert moved == Activation(enabled=False, activated_at=START)
    assert on_call(moved, START + 5, LIMITS)[1]
    assert not on_call(moved, START + 1_000_001, LIMITS)[1]
