"""Section 2 of the digest: what each method does, the quota, batches that are applied whole or not at all."""

from __future__ import annotations

import time

import pytest

from agent.engines.shared_storage.modifiers import Decision, OriginFacts, apply, keys_of
from agent.model.shared_storage import (
    AppendMethod,
    ClearMethod,
    DeleteMethod,
    Entry,
    ModifierMethod,
    SetMethod,
    StorageVerdict,
)
from agent.model.shared_storage_limits import SharedStorageLimits

NOW, BEFORE = 2_000, 1_000
LIMITS = SharedStorageLimits()
LONGEST = 2_621_440
QUOTA = 5_242_880


def decide(
    *methods: ModifierMethod,
    stored: dict[str, str] | None = None,
    others: int = 0,
    batch: bool = False,
    limits: SharedStorageLimits = LIMITS,
) -> Decision:
    """What becomes of an origin that has ``stored``, and ``others`` bytes more in entries that nobody names."""
    entries = {key: Entry(key, value, BEFORE) for key, value in (stored or {}).items()}
    used = others + sum(one.bytes_used for one in entries.values())
    return apply(methods, OriginFacts(NOW, used, entries), limits, batch=batch)


def verdicts(decision: Decision) -> list[StorageVerdict]:
    return [step.verdict for step in decision.steps]


def test_set_overwrites_and_refreshes_the_time() -> None:
    decision = decide(SetMethod("a", "new"), stored={"a": "old"})
    assert decision.writes == {"a": Entry("a", "new", NOW)}
    assert (decision.verdict, decision.failure) == (StorageVerdict.STORED, None)


def test_set_that_ignores_what_is_present_changes_neither_value_nor_time() -> None:
    decision = decide(SetMethod("a", "new", ignore_if_present=True), stored={"a": "old"})
    assert (decision.writes, decision.verdict, decision.failure) == ({}, StorageVerdict.IGNORED, None)


def test_set_that_ignores_what_is_present_writes_where_nothing_is() -> None:
    assert decide(SetMethod("a", "new", ignore_if_present=True)).writes == {"a": Entry("a", "new", NOW)}


def test_append_concatenates_and_refreshes_the_time() -> None:
    assert decide(AppendMethod("a", "x"), stored={"a": "1"}).writes == {"a": Entry("a", "1x", NOW)}


def test_append_acts_like_set_where_nothing_is() -> None:
    assert decide(AppendMethod("a", "x")).writes == {"a": Entry("a", "x", NOW)}


def test_append_of_nothing_refreshes_the_time() -> None:
    assert decide(AppendMethod("a", ""), stored={"a": "1"}).writes == {"a": Entry("a", "1", NOW)}


def test_append_fails_where_the_combined_value_is_longer_than_a_value_may_be() -> None:
    roomy = SharedStorageLimits(max_bytes_per_origin=4 * QUOTA)
    fits = decide(AppendMethod("a", "x"), stored={"a": "x" * (LONGEST - 1)}, limits=roomy)
    assert fits.writes == {"a": Entry("a", "x" * LONGEST, NOW)}
    decision = decide(AppendMethod("a", "xx"), stored={"a": "x" * (LONGEST - 1)}, limits=roomy)
    assert (decision.writes, decision.failure) == ({}, "sharedStorage.append() failed")
    assert decision.verdict == StorageVerdict.TOO_LONG


def test_delete_removes_the_entry() -> None:
    decision = decide(DeleteMethod("a"), stored={"a": "1"}, others=10)
    assert (decision.writes, decision.bytes_used, decision.verdict) == ({"a": None}, 10, StorageVerdict.DELETED)


def test_delete_of_a_missing_key_succeeds() -> None:
    decision = decide(DeleteMethod("zz"))
    assert (decision.writes, decision.failure, decision.verdict) == ({}, None, StorageVerdict.ABSENT)


def test_clear_removes_everything() -> None:
    decision = decide(ClearMethod(), others=10)
    assert (decision.cleared, decision.bytes_used, decision.verdict) == (True, 0, StorageVerdict.CLEARED)


def test_a_value_of_full_length_does_not_fit_as_its_key_counts_too() -> None:
    decision = decide(SetMethod("k", "x" * LONGEST))
    assert (decision.writes, decision.failure) == ({}, "sharedStorage.set() failed")
    assert decision.verdict == StorageVerdict.QUOTA_EXCEEDED
    assert decision.steps[-1].check.detail == "the origin would use 5242882 bytes, the limit is 5242880: 2 too many"


@pytest.mark.parametrize(
    ("method", "others", "fits"),
    [
        (SetMethod("k", "x"), QUOTA - 4, True),
        (SetMethod("k", "x"), QUOTA - 3, False),
        (SetMethod("k", "\u20ac"), QUOTA - 4, True),
        (SetMethod("k", "\U0001f600"), QUOTA - 6, True),
        (SetMethod("k", "\U0001f600"), QUOTA - 5, False),
        (AppendMethod("k", "x"), QUOTA - 4, True),
        (AppendMethod("k", "x"), QUOTA - 3, False),
    ],
)
def test_the_quota_counts_two_bytes_for_each_utf_16_code_unit_of_key_and_value(
    method: ModifierMethod, others: int, fits: bool
) -> None:
    decision = decide(method, others=others)
    assert (decision.failure is None) is fits
    assert (decision.verdict is StorageVerdict.STORED) is fits


def test_what_is_overwritten_counts_no_more() -> None:
    decision = decide(SetMethod("k", "yy"), stored={"k": "xx"}, others=QUOTA - 6)
    assert (decision.failure, decision.bytes_used) == (None, QUOTA)


def test_append_counts_what_it_adds_alone() -> None:
    assert decide(AppendMethod("k", "y"), stored={"k": "x"}, others=QUOTA - 6).bytes_used == QUOTA
    assert decide(AppendMethod("k", "yz"), stored={"k": "x"}, others=QUOTA - 6).failure is not None


def test_a_write_that_only_shrinks_is_no_overflow_even_where_a_lowered_limit_is_exceeded() -> None:
    lowered = SharedStorageLimits(max_bytes_per_origin=4)
    decision = decide(SetMethod("k", "x"), stored={"k": "xxx"}, others=100, limits=lowered)
    assert (decision.failure, decision.writes) == (None, {"k": Entry("k", "x", NOW)})


@pytest.mark.parametrize(
    ("method", "failure"),
    [
        (SetMethod("", "v"), "sharedStorage.set() failed"),
        (AppendMethod("k", "x" * (LONGEST + 1)), "sharedStorage.append() failed"),
        (DeleteMethod(""), "sharedStorage.delete() failed"),
    ],
)
def test_a_key_or_value_that_scripts_should_have_refused_fails_under_the_methods_name(
    method: ModifierMethod, failure: str
) -> None:
    decision = decide(method)
    assert (decision.failure, decision.verdict) == (failure, StorageVerdict.INVALID_LENGTH)


def test_each_method_of_a_batch_sees_what_those_before_it_did() -> None:
    batch = (SetMethod("x", "1"), AppendMethod("x", "2"), DeleteMethod("y"), AppendMethod("y", "3"))
    decision = decide(*batch, SetMethod("x", "9", ignore_if_present=True), stored={"y": "old"}, batch=True)
    assert decision.writes == {"x": Entry("x", "12", NOW), "y": Entry("y", "3", NOW)}
    assert verdicts(decision) == ["stored", "stored", "deleted", "stored", "ignored"]


def test_after_clear_in_a_batch_there_is_nothing_present() -> None:
    batch = (SetMethod("a", "b"), ClearMethod(), SetMethod("a", "new", ignore_if_present=True), AppendMethod("z", "y"))
    decision = decide(*batch, stored={"a": "old", "z": "old"}, others=100, batch=True)
    assert decision.cleared
    assert decision.writes == {"a": Entry("a", "new", NOW), "z": Entry("z", "y", NOW)}
    assert decision.bytes_used == 12


def test_room_that_a_batch_makes_can_be_used_by_its_later_methods() -> None:
    full = {"old": "x" * 100}
    decision = decide(DeleteMethod("old"), SetMethod("new", "y" * 100), stored=full, others=QUOTA - 206, batch=True)
    assert (decision.failure, decision.bytes_used) == (None, QUOTA)


@pytest.mark.parametrize("last", [SetMethod("k", "x" * LONGEST), AppendMethod("a", "x" * LONGEST)])
def test_where_one_method_of_a_batch_fails_none_is_applied(last: ModifierMethod) -> None:
    batch = (ClearMethod(), SetMethod("a", "1"), last, SetMethod("never", "reached"))
    decision = decide(*batch, stored={"a": "old"}, others=6, batch=True)
    assert decision.failure == "sharedStorage.batchUpdate() failed"
    assert (decision.cleared, decision.writes, decision.bytes_used) == (False, {}, 6 + 8)
    assert [step.check.passed for step in decision.steps] == [True, True, False]


def test_a_batch_of_nothing_changes_nothing() -> None:
    decision = decide(batch=True)
    assert (decision.verdict, decision.failure, decision.writes) == (StorageVerdict.IGNORED, None, {})


@pytest.mark.parametrize(
    ("batch", "verdict"),
    [
        ((SetMethod("a", "1"), DeleteMethod("zz")), StorageVerdict.STORED),
        ((DeleteMethod("zz"), SetMethod("b", "1", ignore_if_present=True)), StorageVerdict.IGNORED),
        ((DeleteMethod("b"), SetMethod("a", "x" * LONGEST)), StorageVerdict.QUOTA_EXCEEDED),
    ],
)
def test_the_verdict_of_a_batch_is_that_of_its_failure_else_of_its_last_change(
    batch: tuple[ModifierMethod, ...], verdict: StorageVerdict
) -> None:
    assert decide(*batch, stored={"b": "1"}, batch=True).verdict == verdict


def test_facts_are_never_changed() -> None:
    stored = {"a": Entry("a", "1", BEFORE)}
    facts = OriginFacts(NOW, 4, stored)
    first = apply([AppendMethod("a", "2")], facts, LIMITS, batch=False)
    assert apply([AppendMethod("a", "2")], facts, LIMITS, batch=False) == first
    assert stored == {"a": Entry("a", "1", BEFORE)}


def test_a_decision_needs_each_named_key_once() -> None:
    methods: list[ModifierMethod] = [SetMethod("b", ""), DeleteMethod("a"), ClearMethod(), AppendMethod("b", "")]
    assert keys_of(methods) == ["b", "a"]


def test_a_batch_that_appends_very_often_takes_time_in_proportion() -> None:
    # Were the value copied by each of them, this would move a hundred gigabytes.
    start = {"a": "x" * 2_000_000}
    began = time.process_time()
    decision = decide(*[AppendMethod("a", "y")] * 50_000, stored=start, batch=True)
    assert time.process_time() - began < 3
    assert decision.writes == {"a": Entry("a", "x" * 2_000_000 + "y" * 50_000, NOW)}
