from agent.engines.attribution_reporting.destination_limit import dropped_destinations
from agent.model.attribution_reporting.facts import DestinationGroup
from tests.engines.attribution_reporting.registration_world import NOON


def group(name: str, time: int, priority: int = 0) -> DestinationGroup:
    return DestinationGroup(f"https://{name}.test", priority, NOON + time)


def dropped(groups: list[DestinationGroup], *own: str, priority: int = 0, limit: int = 2) -> list[str]:
    """The names that a source registered at noon drops."""
    found = dropped_destinations(groups, [f"https://{name}.test" for name in own], priority, NOON, limit)
    return [one.removeprefix("https://").removesuffix(".test") for one in found]


def test_nothing_is_dropped_up_to_the_limit() -> None:
    assert dropped([group("a", -1)], "b") == []


def test_a_destination_that_is_there_already_takes_no_room() -> None:
    assert dropped([group("a", -2), group("b", -1)], "a") == []


def test_the_oldest_gives_way_to_the_newest() -> None:
    assert dropped([group("a", -1), group("b", -2)], "c") == ["b"]


def test_priority_comes_before_time() -> None:
    assert dropped([group("a", -1), group("b", -2, priority=1)], "c") == ["a"]


def test_of_equal_priority_and_time_the_least_name_gives_way() -> None:
    assert dropped([group("b", -1), group("a", -1)], "c") == ["a"]


def test_the_new_source_loses_where_its_priority_is_lowest() -> None:
    assert dropped([group("a", -1), group("b", -2)], "c", priority=-1) == ["c"]


def test_a_new_source_lifts_the_rank_of_the_destinations_it_shares() -> None:
    assert dropped([group("a", -9), group("b", -2), group("c", -1)], "a", limit=2) == ["b"]


def test_a_new_source_does_not_lower_the_rank_of_the_destinations_it_shares() -> None:
    assert dropped([group("a", -9, priority=5), group("b", -2), group("c", -1)], "a", limit=2) == ["b"]


def test_several_give_way_lowest_first() -> None:
    assert dropped([group("a", -3), group("b", -2), group("c", -1)], "d", "e", limit=3) == ["a", "b"]
