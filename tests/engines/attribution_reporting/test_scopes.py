from agent.engines.attribution_reporting.scopes import scopes_change
from agent.model.attribution_reporting.facts import ScopesChange, SourceFacts
from agent.model.attribution_reporting.registrations import AttributionScopes
from tests.engines.attribution_reporting.registration_world import SHOP


def removed(limit: int, own: tuple[str, ...], known: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    change = scopes_change(AttributionScopes(limit, own), SourceFacts(scopes={SHOP: known}))
    return change.remove_scopes.get(SHOP, ())


def test_a_source_without_scopes_clears_those_of_the_others() -> None:
    assert scopes_change(None, SourceFacts(scopes={SHOP: (("a", 1),)})) == ScopesChange(clear=True)


def test_a_source_with_scopes_removes_the_sources_that_are_unlike_it() -> None:
    scopes = AttributionScopes(2, ("a",))
    assert scopes_change(scopes, SourceFacts()) == ScopesChange(remove_unlike=scopes)


def test_scopes_within_the_limit_stay() -> None:
    assert removed(3, ("a",), (("b", 1), ("c", 2))) == ()


def test_the_oldest_scopes_beyond_the_limit_go() -> None:
    assert removed(3, ("a",), (("b", 1), ("c", 3), ("d", 2))) == ("b",)


def test_own_scopes_take_room_and_are_never_removed() -> None:
    assert removed(2, ("a", "b"), (("a", 1), ("c", 3))) == ("c",)


def test_of_one_age_the_greatest_scopes_stay() -> None:
    assert removed(2, ("x",), (("a", 5), ("c", 5), ("b", 5))) == ("b", "a")


def test_each_destination_has_its_own_room() -> None:
    facts = SourceFacts(scopes={SHOP: (("b", 1), ("c", 2)), "https://store.test": (("d", 1),)})
    assert scopes_change(AttributionScopes(2, ("a",)), facts).remove_scopes == {SHOP: ("b",)}
