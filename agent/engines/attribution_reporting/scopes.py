"""Attribution scopes: what a new source takes from the older ones that share a destination (engine, section 2.4)."""

from __future__ import annotations

from agent.model.attribution_reporting.facts import ScopesChange, SourceFacts
from agent.model.attribution_reporting.registrations import AttributionScopes


def scopes_change(scopes: AttributionScopes | None, facts: SourceFacts) -> ScopesChange:
    """What a new source with ``scopes`` changes.

    Without scopes it clears theirs. With scopes it removes those that are unlike, and per destination those that carry
    a scope for which the limit leaves no room: the newest stay, of one age the greatest by code points.
    """
    if scopes is None:
        return ScopesChange(clear=True)
    room = scopes.limit - len(scopes.values)
    removed: dict[str, tuple[str, ...]] = {}
    for destination, known in facts.scopes.items():
        others = sorted(((time, scope) for scope, time in known if scope not in scopes.values), reverse=True)
        if len(others) > room:
            removed[destination] = tuple(scope for _, scope in others[room:])
    return ScopesChange(remove_unlike=scopes, remove_scopes=removed)
