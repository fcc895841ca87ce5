"""agent.aggregation.shards: Partials add up, whatever the split and the order."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.aggregation.avro import Record
from agent.aggregation.shards import merge, merge_all
from agent.engines.aggregation.shared_info import parse_shared_info
from agent.model.aggregation import BudgetUnit, ErrorCounter, LeftOut, Partial
from tests.aggregation.batches import clear, process, task

E = ErrorCounter
_NUMBERS = itertools.count()
_ids = st.integers(0, 12)
_contributions = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(0, 2)), max_size=3)
_changes = st.sampled_from(
    [
        {},
        {},
        *({"attribution_destination": f"https://shop{number}.test"} for number in range(14)),
        {"api": "x"},
        {"version": "2.0"},
        {"report_id": "1"},
        {"debug_mode": "enabled"},
        {"version": None},
    ]
)
_records = st.builds(lambda number, content, changes: clear(number, content, **changes), _ids, _contributions, _changes)
JOB = replace(task(clear_text=True), parameters=replace(task().parameters, filtering_ids=frozenset({0, 1})))


def split(records: Sequence[Record], sizes: Sequence[int]) -> list[Partial]:
    """What each part comes to, positions as in the whole; ids that stand in an earlier part are taken."""
    parts, begin, taken = [], 0, frozenset[bytes]()
    for size in [*sizes, len(records)]:
        part = records[begin : begin + size]
        partial = process(part, replace(JOB, taken=taken))
        moved = [replace(told, where=f"reports.avro[{begin + int(told.where[13:-1])}]") for told in partial.left_out]
        parts.append(replace(partial, left_out=moved))
        begin += size
        taken |= {report_id_of(one) for one in part if counts(one)}
    return parts


def report_id_of(record: Record) -> bytes:
    info = parse_shared_info(record.shared_info)
    assert info is not None
    assert info.report_id is not None
    return bytes.fromhex(info.report_id.replace("-", ""))


def counts(record: Record) -> bool:
    return not process([record], JOB).errors


@settings(max_examples=50, deadline=None)
@given(st.lists(_records, max_size=30), st.lists(st.integers(0, 10), max_size=4), st.integers(0, 4))
def test_any_split_comes_to_the_same_however_it_is_merged(records: list[Record], sizes: list[int], middle: int) -> None:
    whole = process(records, JOB)
    parts = split(records, sizes)
    assert merge_all(parts) == whole
    assert merge(merge_all(parts[:middle]), merge_all(parts[middle:])) == whole


_partials = st.builds(
    Partial,
    reports=st.integers(0, 9),
    errors=st.builds(Counter, st.lists(st.sampled_from(E), max_size=5)),
    left_out=st.lists(
        st.builds(
            LeftOut,
            st.builds(lambda: f"r[{next(_NUMBERS)}]"),
            st.none(),
            st.lists(st.sampled_from(list(E)[:3]), min_size=1, max_size=2, unique=True).map(tuple),
            st.just(""),
        ),
        max_size=5,
    ),
    duplicates=st.integers(0, 9),
    debug_mode=st.integers(0, 9),
    sums=st.dictionaries(st.integers(0, 5), st.integers(0, 2**40), max_size=4),
    units=st.dictionaries(
        st.builds(BudgetUnit, st.just("a"), st.integers(0, 3), st.just("o")), st.integers(1, 9), max_size=3
    ),
    made_of=st.dictionaries(
        st.builds(BudgetUnit, st.just("b"), st.integers(0, 30), st.just("o")), st.text(), max_size=10
    ),
    unqueried=st.integers(0, 9),
    unqueried_id=st.none() | st.integers(0, 9),
    unsupported_version=st.sampled_from(["", "2.0", "3.0"]),
)


def unordered(partial: Partial) -> Partial:
    """All but what tells the first of something."""
    return replace(partial, left_out=[], made_of={}, unsupported_version="")


@given(_partials, _partials, _partials)
def test_merge_is_a_monoid(one: Partial, two: Partial, three: Partial) -> None:
    before = deepcopy((one, two, three))
    assert merge(merge(one, two), three) == merge(one, merge(two, three)) == merge_all([one, two, three])
    assert merge(one, Partial()) == one == merge(Partial(), one)
    assert unordered(merge(one, two)) == unordered(merge(two, one))
    assert (one, two, three) == before


def test_the_smallest_filtering_id_that_is_not_queried_is_told_whichever_shard_has_it() -> None:
    for ids in ((3, 5, 4), (5, 4, 3), (None, 3, 5), (5, None, 3)):
        assert merge_all(Partial(unqueried_id=one) for one in ids).unqueried_id == 3
    assert merge_all([Partial(), Partial()]).unqueried_id is None


def test_of_all_shards_together_no_more_reports_are_told_than_of_one() -> None:
    def shard(name: str) -> Partial:
        return Partial(left_out=[LeftOut(f"{name}[{number}]", None, (E.DECRYPTION_ERROR,), "") for number in range(3)])

    told = [one.where for one in merge_all([shard("a"), shard("b"), shard("c")]).left_out]
    assert told == ["a[0]", "a[1]", "a[2]", "b[0]", "b[1]"]
