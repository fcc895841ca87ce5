"""What the owner sees of Shared Storage (section 11), and clearing."""

from __future__ import annotations

from agent.model.clock import HOUR
from agent.model.shared_storage import (
    OriginMetadata,
    SetMethod,
    WrittenBy,
)
from agent.verbs import shared_storage as verbs
from tests.verbs.storage_world import NOON, A, StorageWorld, the_event

B = "https://b.test"
LONGEST = 2_621_440
WORKLET = WrittenBy.WORKLET


def test_metadata_tells_of_an_origin_without_its_entries() -> None:
    world = StorageWorld()
    whole = OriginMetadata(creation_time=None, length=0, bytes_used=0, remaining_budget=12.0)
    assert verbs.metadata(world.connection, A, world.limits, now=world.now) == whole
    world.set("k", "v")
    world.now += HOUR
    world.set("\U0001f600", "vv")
    world.navigated(3.0)
    found = verbs.metadata(world.connection, A, world.limits, now=world.now)
    assert found == OriginMetadata(creation_time=NOON, length=2, bytes_used=12, remaining_budget=9.0)
    assert verbs.origins(world.connection, world.limits, now=world.now) == [(A, found)]


def test_the_owners_write_is_one_like_others() -> None:
    world = StorageWorld()
    outcome = world.update(SetMethod("k", "v"), by=WrittenBy.OWNER)
    assert the_event(outcome.events).data["by"] == "owner"
    assert world.update(SetMethod("", "v"), by=WrittenBy.OWNER).failure == "sharedStorage.set() failed"
    assert world.stored() == {"k": "v"}


ORIGINS = [A, "https://sub.a.test", "http://localhost:8000", B]


def everywhere() -> StorageWorld:
    world = StorageWorld()
    for origin in ORIGINS:
        world.set("k", "v", origin=origin)
        world.navigated(3.0, origin)
        world.now += 1000
    return world


def having(world: StorageWorld) -> list[str]:
    return [origin for origin in ORIGINS if world.length(origin)]


def test_clearing_a_sites_data_clears_its_origins_and_keeps_what_it_spent() -> None:
    world = everywhere()
    world.database.transact("clear", lambda c: verbs.clear_site_data(c, ["a.test", "localhost"]))
    assert having(world) == [B]
    assert [world.remaining(origin) for origin in ORIGINS] == [6.0, 6.0, 9.0, 9.0]


def test_clearing_a_sites_history_forgets_what_it_spent() -> None:
    world = everywhere()
    world.database.transact("clear", lambda c: verbs.clear_history(c, ["a.test", "localhost"]))
    assert having(world) == [B]
    assert [world.remaining(origin) for origin in ORIGINS] == [12.0, 12.0, 12.0, 9.0]


def test_clearing_everything_forgets_everything() -> None:
    world = everywhere()
    world.database.transact("clear", verbs.clear_all)
    assert having(world) == []
    assert [world.remaining(origin) for origin in ORIGINS] == [12.0] * 4


def test_clear_site_data_from_an_origin_clears_that_origin() -> None:
    world = everywhere()
    assert world.database.transact("clear", lambda c: verbs.clear_origin(c, A)) == 1
    assert having(world) == ORIGINS[1:]
