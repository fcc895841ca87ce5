"""Any writes leave what a dict with a quota and an expiry would hold, any navigations what a sum would leave."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.clock import DAY
from agent.model.shared_storage import AppendMethod, ClearMethod, DeleteMethod, ModifierMethod, SetMethod
from agent.verbs import shared_storage as verbs
from tests.verbs.storage_world import NOON, StorageWorld

QUOTA, LONGEST, LIFETIME = 60, 12, 100
KEYS = st.sampled_from(["a", "bb", "\U0001f600", "\ue000", "\0"])
VALUES = st.text(st.sampled_from("xy\u20ac\U0001f600"), max_size=8)
METHODS = st.one_of(
    st.builds(SetMethod, KEYS, VALUES, st.booleans()),
    st.builds(AppendMethod, KEYS, VALUES),
    st.builds(DeleteMethod, KEYS),
    st.just(ClearMethod()),
)
CALLS = st.lists(st.tuples(st.integers(0, 60), st.lists(METHODS, min_size=1, max_size=4)), max_size=15)


def units(text: str) -> int:
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)


class Plain:
    """The rules of section 2 of the digest, as they are told."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[str, int]] = {}

    def live(self, now: int) -> dict[str, tuple[str, int]]:
        return {key: entry for key, entry in self.entries.items() if now < entry[1] + LIFETIME}

    def call(self, methods: Sequence[ModifierMethod], now: int) -> bool:
        entries = self.live(now)
        for method in methods:
            if not self.apply(entries, method, now):
                return False
        self.entries = entries
        return True

    def apply(self, entries: dict[str, tuple[str, int]], method: ModifierMethod, now: int) -> bool:
        if isinstance(method, SetMethod | AppendMethod) and units(method.value) > LONGEST:
            return False
        match method:
            case ClearMethod():
                entries.clear()
                return True
            case DeleteMethod(key):
                entries.pop(key, None)
                return True
            case SetMethod(key, value, ignore):
                if ignore and key in entries:
                    return True
            case AppendMethod(key, value):
                value = entries[key][0] + value if key in entries else value
        before = self.bytes_of(entries)
        entries[key] = (value, now)
        return units(value) <= LONGEST and self.bytes_of(entries) <= max(QUOTA, before)

    @staticmethod
    def bytes_of(entries: dict[str, tuple[str, int]]) -> int:
        return sum(2 * (units(key) + units(value)) for key, (value, _) in entries.items())


@settings(max_examples=100, deadline=None)
@given(CALLS, st.booleans())
def test_any_writes_leave_what_plain_rules_leave(calls: list[tuple[int, list[ModifierMethod]]], sweep: bool) -> None:
    plain, world = Plain(), an_empty_world()
    for wait, methods in calls:
        world.now += wait
        outcome = world.update(*methods)
        assert (outcome.failure is None) is plain.call(methods, world.now)
        if sweep:
            world.expire()
        check(plain, world, world.now)
    for later in (0, 50, 99, 100):
        check(plain, world, world.now + later)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, DAY), st.sampled_from([1.0, 2.0, 3.0]), st.booleans()), max_size=12))
def test_any_navigations_leave_what_the_last_twenty_four_hours_spent(spent: list[tuple[int, float, bool]]) -> None:
    world = an_empty_world()
    debits: list[tuple[int, float]] = []
    for wait, bits, sweep in spent:
        world.now += wait
        world.navigated(bits)
        debits.append((world.now, bits))
        if sweep:
            world.expire()
        for later in (0, DAY // 3, DAY - 1, DAY):
            within = sum(bits for time, bits in debits if time + DAY > world.now + later)
            left = verbs.remaining_budget(world.connection, "https://a.test", world.limits, now=world.now + later)
            assert left == max(0.0, 12.0 - within)


@cache
def the_world() -> StorageWorld:
    return StorageWorld(max_bytes_per_origin=QUOTA, max_string_length=LONGEST, entry_lifetime=LIFETIME)


def an_empty_world() -> StorageWorld:
    """One for all examples, emptied: opening a database takes longer than an example."""
    world = the_world()
    world.database.transact("clear", verbs.clear_all)
    world.now = NOON
    return world


def check(plain: Plain, world: StorageWorld, now: int) -> None:
    """Compare every read at ``now``."""
    live = plain.live(now)
    entries = verbs.entries(world.connection, "https://a.test", world.limits, now=now)
    assert {entry.key: (entry.value, entry.written) for entry in entries} == live
    assert [entry.key for entry in entries] == sorted(live, key=lambda key: key.encode("utf-16-be"))
    metadata = verbs.metadata(world.connection, "https://a.test", world.limits, now=now)
    assert (metadata.length, metadata.bytes_used) == (len(live), plain.bytes_of(live))
    for key in ("a", "bb", "\U0001f600"):
        value = verbs.get(world.connection, "https://a.test", key, world.limits, now=now)
        assert value == (live[key][0] if key in live else None)
