"""The scenarios 2 to 6, 24 and 26 of the digest, budgets of section 6, the owner's view of section 11."""

from __future__ import annotations

import json

import pytest

from agent.model.clock import DAY, HOUR
from agent.model.shared_storage import (
    AppendMethod,
    ClearMethod,
    DeleteMethod,
    ModifierMethod,
    SetMethod,
    WrittenBy,
)
from agent.verbs import shared_storage as verbs
from tests.verbs.storage_world import MONTH, NOON, A, StorageWorld, the_event

B = "https://b.test"
LONGEST = 2_621_440
WORKLET = WrittenBy.WORKLET


# Writes (section 2).


def test_a_value_of_full_length_is_dropped_silently_and_a_worklet_is_told() -> None:
    world = StorageWorld()
    outcome = world.update(SetMethod("k", "x" * LONGEST), by=WORKLET)
    assert (outcome.verdict, outcome.failure) == ("quota-exceeded", "sharedStorage.set() failed")
    assert world.get("k") is None


def test_scenario_4_set_ignore_append_and_delete() -> None:
    world = StorageWorld()
    world.set("a", "1")
    world.set("a", "2", ignore_if_present=True)
    world.append("a", "x")
    world.append("n", "y")
    world.delete("zz")
    assert (world.get("a"), world.get("n"), world.length()) == ("1x", "y", 2)


def test_scenario_5_entries_come_in_the_order_of_code_units() -> None:
    world = StorageWorld()
    for key in ("b", "a", "Z", "\u00e9", "10", "9", "aa"):
        world.set(key, key)
    assert list(world.stored()) == ["10", "9", "Z", "a", "aa", "b", "\u00e9"]


def test_the_quota_is_per_origin_and_a_third_of_it_fits_twice() -> None:
    # Golden ss__window_method_errors, "quota".
    world = StorageWorld()
    verdicts = [world.set(key, "x" * 1_310_000).verdict for key in ("q1", "q2", "q3")]
    assert verdicts == ["stored", "stored", "quota-exceeded"]
    assert world.set("q3", "x" * 1_310_000, origin=B).verdict == "stored"
    assert list(world.stored()) == ["q1", "q2"]


def test_full_quotas_refuse_what_would_grow_and_nothing_else() -> None:
    world = StorageWorld(max_bytes_per_origin=20)
    world.set("a", "x" * 9)
    assert world.set("b", "").verdict == "quota-exceeded"
    assert world.append("a", "x").verdict == "quota-exceeded"
    assert world.header("clear, set;key=b;value=xxxxxxxxxx").verdict == "quota-exceeded"
    assert world.stored() == {"a": "x" * 9}
    assert world.set("a", "y" * 9).verdict == "stored"
    assert world.set("b", "", origin=B).verdict == "stored"
    world.delete("a")
    assert world.set("b", "z" * 9).verdict == "stored"


def test_a_batch_is_applied_in_order() -> None:
    world = StorageWorld()
    outcome = world.update(SetMethod("x", "1"), AppendMethod("x", "2"))
    assert (world.stored(), outcome.verdict, outcome.failure) == ({"x": "12"}, "stored", None)


def test_a_batch_with_a_member_that_fails_changes_nothing() -> None:
    world = StorageWorld()
    world.set("a", "old")
    methods: tuple[ModifierMethod, ...] = (ClearMethod(), SetMethod("a", "new"), SetMethod("k", "x" * LONGEST))
    outcome = world.update(*methods, by=WORKLET)
    assert outcome.failure == "sharedStorage.batchUpdate() failed"
    assert world.stored() == {"a": "old"}


def test_a_batch_clears_before_it_writes() -> None:
    world = StorageWorld()
    world.set("a", "old")
    world.set("b", "old")
    world.update(DeleteMethod("b"), SetMethod("a", "b"), ClearMethod(), SetMethod("z", "y"))
    assert world.stored() == {"z": "y"}


def test_a_batch_of_one_fails_under_the_batchs_name() -> None:
    outcome = StorageWorld().update(SetMethod("k", "x" * LONGEST), batch=True)
    assert outcome.failure == "sharedStorage.batchUpdate() failed"


def test_an_empty_batch_leaves_no_event() -> None:
    outcome = StorageWorld().update(batch=True)
    assert (outcome.events, outcome.failure) == ((), None)


# Expiry.


def test_an_entry_expires_thirty_days_after_its_last_write() -> None:
    world = StorageWorld()
    world.set("k", "v")
    world.now = NOON + MONTH - 1
    assert (world.get("k"), world.length(), world.stored()) == ("v", 1, {"k": "v"})
    world.now = NOON + MONTH
    assert (world.get("k"), world.length(), world.stored()) == (None, 0, {})


def test_what_is_expired_is_not_present_to_a_set_that_ignores() -> None:
    world = StorageWorld()
    world.set("k", "old")
    world.now += MONTH + 1000
    assert world.set("k", "new", ignore_if_present=True).verdict == "stored"
    assert world.get("k") == "new"


def test_append_to_what_is_expired_starts_anew() -> None:
    world = StorageWorld()
    world.set("k", "old")
    world.now += MONTH
    world.append("k", "new")
    assert world.get("k") == "new"


@pytest.mark.parametrize("method", [SetMethod("k", "w"), AppendMethod("k", "")])
def test_every_write_refreshes_the_time(method: ModifierMethod) -> None:
    world = StorageWorld()
    world.set("k", "v")
    world.now += MONTH - 1
    world.update(method)
    world.now += MONTH - 1
    assert world.get("k") is not None


def test_a_set_that_is_ignored_refreshes_nothing() -> None:
    world = StorageWorld()
    world.set("k", "v")
    world.now += MONTH - 1
    world.set("k", "w", ignore_if_present=True)
    world.now += 1
    assert world.get("k") is None


def test_what_is_expired_does_not_count_towards_the_quota() -> None:
    world = StorageWorld(max_bytes_per_origin=10)
    world.set("old", "xx")
    assert world.set("new", "xx").verdict == "quota-exceeded"
    world.now += MONTH
    outcome = world.set("new", "xx")
    assert outcome.verdict == "stored"
    assert the_event(outcome.events).trace.checks[0].detail == "1 removed first"


def test_expiry_removes_what_is_expired_and_tells_how_much_of_whom() -> None:
    world = StorageWorld()
    for origin, key in [(A, "x"), (A, "y"), (B, "x")]:
        world.set(key, "v", origin=origin)
    world.now += 1000
    world.set("late", "v")
    world.now = NOON + MONTH
    event = the_event(world.expire().events)
    assert (event.kind, event.verdict) == ("expiry", "expired")
    assert event.summary == "3 entries of Shared Storage expired"
    assert event.data == {"shared_storage": {A: 2, B: 1}, "count": 3}
    assert world.connection.execute("SELECT count(*) FROM shared_storage_entries").fetchone() == (1,)


def test_expiry_of_nothing_leaves_no_event() -> None:
    world = StorageWorld()
    world.set("k", "v")
    assert world.expire().events == ()
    assert world.get("k") == "v"


# Responses (section 9; scenario 24).


@pytest.mark.parametrize(
    ("field", "stored"),
    [
        ("set;key=n;value=5", {"pre": "P"}),
        ("(set);key=a;value=b", {"pre": "P"}),
        ("set;KEY=a;value=b", {"pre": "P"}),
        ("set;key=a;value=b,", {"pre": "P"}),
        ("bogus, SET;key=a;value=b", {"a": "b", "pre": "P"}),
        ("set;key=a;value=b, clear, set;key=z;value=y", {"z": "y"}),
        ("append;key=a;value=b, append;key=a;value=c", {"a": "bc", "pre": "P"}),
        ('set;key="pre";value="9";ignore_if_present', {"pre": "P"}),
        ('options;with_lock="x", set;key="ol";value="1"', {"ol": "1", "pre": "P"}),
        ('set;key="lk";value="1";with_lock="x", set;key=a;value=b', {"pre": "P"}),
        ('set;key="lk";value="1";with_lock="-x"', {"lk": "1", "pre": "P"}),
    ],
)
def test_a_responses_field_is_one_batch(field: str, stored: dict[str, str]) -> None:
    world = StorageWorld()
    world.set("pre", "P")
    world.header(field)
    assert world.stored() == stored


def test_a_batch_of_a_response_that_overflows_changes_nothing() -> None:
    world = StorageWorld(max_bytes_per_origin=8)
    outcome = world.header("set;key=a;value=b, set;key=cc;value=dd")
    assert (outcome.verdict, world.stored()) == ("quota-exceeded", {})


def test_members_that_are_dropped_are_told_without_stopping_the_others() -> None:
    event = the_event(StorageWorld().header("bogus, set;key=a;value=b").events)
    assert (event.kind, event.verdict) == ("shared-storage.batch-update", "stored")
    assert [(check.rule, check.passed, check.detail) for check in event.trace.checks] == [
        ("member 1", True, "left out: names no method: 'bogus'"),
        ('set "a"', True, "stored: the origin uses 4 of 5242880 bytes"),
    ]
    assert event.data["by"] == "header"


@pytest.mark.parametrize(
    ("field", "detail"),
    [
        ("", "no member is a method that can be applied"),
        ("bogus", "no member is a method that can be applied"),
        ("set;key=a;value=b;with_lock=x", "member 1 has a lock of its own, which no method of a batch can have"),
    ],
)
def test_a_field_that_comes_to_nothing_leaves_an_event_that_says_why(field: str, detail: str) -> None:
    event = the_event(StorageWorld().header(field).events)
    assert (event.kind, event.verdict) == ("shared-storage.batch-update", "ignored")
    stopped = event.trace.stopped_at
    assert stopped == event.trace.checks[-1]
    assert (stopped.detail, bool(stopped.fix)) == (detail, True)


def test_a_hostile_field_of_many_members_makes_a_short_event() -> None:
    event = the_event(StorageWorld().header(", ".join(["bogus"] * 500 + ["set;key=a;value=b"] * 500)).events)
    assert len(event.trace.checks) == 20 + 1 + 20
    assert event.trace.checks[20].detail == "480 more left out"
    assert (event.data["count"], len(event.data["methods"])) == (500, 20)


# Events.


def test_an_event_tells_who_wrote_what_without_the_value() -> None:
    event = the_event(StorageWorld().set("key", "secret").events)
    assert (event.kind, event.verdict, event.site, event.time) == ("shared-storage.set", "stored", "pub.test", NOON)
    told = {"origin": A, "by": "page", "key": "key", "key_length": 3, "value_length": 6, "bytes_used": 18}
    assert event.data == told
    assert json.loads(json.dumps(event.data)) == told
    assert "secret" not in repr(event)


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        (SetMethod("k", "v"), "shared-storage.set"),
        (AppendMethod("k", "v"), "shared-storage.append"),
        (DeleteMethod("k"), "shared-storage.delete"),
        (ClearMethod(), "shared-storage.clear"),
    ],
)
def test_each_method_has_its_kind_of_event(method: ModifierMethod, kind: str) -> None:
    assert the_event(StorageWorld().update(method, by=WORKLET).events).kind == kind


def test_an_event_cuts_a_long_key() -> None:
    event = the_event(StorageWorld().set("k" * 1000, "").events)
    assert event.data["key"] == "k" * 63 + "…"
    assert event.data["key_length"] == 1000
    assert len(event.summary) < 200


def test_an_event_of_a_long_batch_tells_the_method_that_failed() -> None:
    event = the_event(StorageWorld().update(*[SetMethod("a", "1")] * 99, SetMethod("k", "x" * LONGEST)).events)
    assert event.summary.endswith("quota-exceeded, method 100 fails, so none is applied")
    assert event.trace.stopped_at == event.trace.checks[-1]
    assert event.trace.checks[-1].rule == 'set "k"'
    assert event.trace.checks[-1].fix
    assert (event.data["count"], len(event.data["methods"])) == (100, 20)
    assert event.data["methods"][-1]["verdict"] == "quota-exceeded"


# Budgets (section 6).


def test_a_navigation_is_paid_by_the_data_origins_site_for_twenty_four_hours() -> None:
    world = StorageWorld()
    event = the_event(world.navigated(3.0, "https://sub.a.test").events)
    assert event.data == {"data_site": A, "bits": 3.0, "remaining_budget": 9.0}
    assert (event.kind, event.verdict, event.site) == ("shared-storage.navigation", "charged", "pub.test")
    assert (world.remaining(), world.remaining("https://other.a.test"), world.remaining(B)) == (9.0, 9.0, 12.0)
    world.now = NOON + DAY - 1
    assert world.remaining() == 9.0
    world.now = NOON + DAY
    assert world.remaining() == 12.0


def test_the_window_rolls() -> None:
    world = StorageWorld()
    for hours in (0, 10, 20):
        world.now = NOON + hours * HOUR
        world.navigated(3.0)
    assert world.remaining() == 3.0
    world.now = NOON + 34 * HOUR
    assert world.remaining() == 9.0


def test_sites_of_different_schemes_have_budgets_of_their_own() -> None:
    world = StorageWorld()
    world.navigated(3.0, "https://localhost:1")
    assert (world.remaining("https://localhost:2"), world.remaining("http://localhost:1")) == (9.0, 12.0)


def test_what_is_left_is_never_below_nothing() -> None:
    # Two frames that were chosen while there was budget for either may both navigate.
    world = StorageWorld()
    for _ in range(5):
        world.navigated(3.0)
    assert world.remaining() == 0.0


def test_a_reset_makes_the_budget_whole() -> None:
    world = StorageWorld()
    world.navigated(3.0)
    world.navigated(2.0, B)
    outcome = world.database.transact("reset", lambda c: verbs.reset_budget(c, "https://sub.a.test", now=NOON))
    assert (outcome.verdict, the_event(outcome.events).kind) == ("reset", "shared-storage.reset-budget")
    assert (world.remaining(), world.remaining(B)) == (12.0, 10.0)


def test_a_selection_looks_at_what_navigations_left() -> None:
    world = StorageWorld()
    urls = [f"https://pub.test/{number}" for number in range(8)]

    def select(**given: float | bool) -> verbs.SelectionOutcome:
        budgets = {"page": 12.0, "site_page": 6.0, **given}
        return verbs.select_url(world.connection, A, urls, 5, world.limits, now=world.now, site="pub.test", **budgets)  # type: ignore[arg-type]

    chosen = select()
    event = the_event(chosen.events)
    assert (chosen.selection.index, chosen.selection.page_cost) == (5, 3.0)
    assert (event.kind, event.verdict, event.site) == ("shared-storage.select-url", "selected", "pub.test")
    assert event.data == {"origin": A, "index": 5, "url": "https://pub.test/5", "urls": 8, "page_cost": 3.0}
    assert select(site_page=2.5).verdict == "insufficient-budget"
    assert select(site_page=2.5, saved=True).selection.index == 5
    for _ in range(4):
        world.navigated(2.5)
    refused = select(saved=True)
    assert (refused.verdict, refused.selection.index) == ("insufficient-budget", 0)
    assert the_event(refused.events).trace.stopped_at is not None
