"""Section 9 of the digest: the grammar of ``Shared-Storage-Write``, and what of it comes to nothing."""

from __future__ import annotations

import pytest

from agent.engines.shared_storage.write_header import WriteHeader, parse_write_header
from agent.model.shared_storage import AppendMethod, ClearMethod, DeleteMethod, ModifierMethod, SetMethod
from agent.model.shared_storage_limits import SharedStorageLimits

A_IS_B = SetMethod("a", "b")
LIMITS = SharedStorageLimits()


def parse(field: str | bytes, limits: SharedStorageLimits = LIMITS) -> WriteHeader:
    return parse_write_header(field if isinstance(field, bytes) else field.encode(), limits)


@pytest.mark.parametrize(
    ("field", "methods"),
    [
        ('set;key="hello";value="world"', [SetMethod("hello", "world")]),
        ("SET;key=a;value=b", [A_IS_B]),
        ('"Set";key=a;value=b', [A_IS_B]),
        (":c2V0:;key=a;value=b", [A_IS_B]),
        ("set;key=tok;value=tv", [SetMethod("tok", "tv")]),
        ("set;key=:aGVsbG8=:;value=:d29ybGQ=:", [SetMethod("hello", "world")]),
        ("set;key=:w6k=:;value=:8J+YgA==:", [SetMethod("\u00e9", "\U0001f600")]),
        ('set;key="a";value=""', [SetMethod("a", "")]),
        ("set;key=a;value=b;ignore_if_present", [SetMethod("a", "b", ignore_if_present=True)]),
        ("set;key=a;value=b;ignore_if_present=?1", [SetMethod("a", "b", ignore_if_present=True)]),
        ("set;key=a;value=b;ignore_if_present=?0", [A_IS_B]),
        ("set;key=a;value=b;ignore_if_present=yes", [A_IS_B]),
        ("append;key=a;value=b", [AppendMethod("a", "b")]),
        ('delete;key="b"', [DeleteMethod("b")]),
        ("delete;key=b;value=5", [DeleteMethod("b")]),
        ("clear", [ClearMethod()]),
        ("clear;key=a", [ClearMethod()]),
        ("set;key=x;key=a;value=b", [A_IS_B]),
        ("set;key=a;value=b;other=5;more", [A_IS_B]),
        ('set;key=b;value="2", append;key="b";value="3"', [SetMethod("b", "2"), AppendMethod("b", "3")]),
        ("set;key=a;value=b, clear,set;key=z;value=y", [A_IS_B, ClearMethod(), SetMethod("z", "y")]),
    ],
)
def test_members_are_methods_in_their_order(field: str, methods: list[ModifierMethod]) -> None:
    assert parse(field) == WriteHeader(tuple(methods))


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ("bogus", "names no method: 'bogus'"),
        ("(set);key=a;value=c", "is neither token, string nor byte sequence"),
        ("5", "is neither token, string nor byte sequence"),
        ("?1", "is neither token, string nor byte sequence"),
        ("set;value=c", "set without a key"),
        ("set;key=a", "set without a value"),
        ("set;key=a;value", "set without a value"),
        ("set;key=n;value=5", "set without a value"),
        ("set;key=5;value=6", "set without a key"),
        ("set;key=n;value=b;value=5", "set without a value"),
        ("append;key=n;value=1.5", "append without a value"),
        ("append;value=c", "append without a key"),
        ("delete", "delete without a key"),
        ('set;key="";value=c', 'Length of the "key" parameter is not valid'),
        ('delete;key=""', 'Length of the "key" parameter is not valid'),
        ("set;key=sixteen-letters-;value=c", 'Length of the "key" parameter is not valid'),
        ("append;key=a;value=sixteen-letters-", 'Length of the "value" parameter is not valid'),
        ("set;key=:/w==:;value=c", "key is not UTF-8"),
        ("set;key=a;value=:7aCA:", "value is not UTF-8"),
        (":/w==:", "the member is not UTF-8"),
    ],
)
def test_a_member_that_is_no_method_is_dropped_alone_and_told(member: str, reason: str) -> None:
    header = parse(f"{member}, set;key=a;value=b", SharedStorageLimits(max_string_length=15))
    assert header.methods == (A_IS_B,)
    (dropped,) = header.dropped
    assert dropped.position == 1
    assert dropped.reason.startswith(reason)


@pytest.mark.parametrize(
    "field",
    [
        "set;key=a;value=b,",
        "set;KEY=a;value=b",
        'set;key="',
        "set;key=a;value=b delete;key=a",
        "set ;key=a;value=b",
        b'set;key="\xc3\xa9";value=b',
        "set;key=:***:;value=b",
        "set;key=@1;value=b",
        "(set @1), set;key=a;value=b",
        'set;key=%"a";value=b',
        "clear, @1",
    ],
)
def test_what_is_no_list_of_rfc_8941_is_ignored_as_a_whole(field: str | bytes) -> None:
    header = parse(field)
    assert (header.methods, header.dropped, header.lock) == ((), (), None)
    assert header.problem
    assert header.fix


@pytest.mark.parametrize("field", ["", "   "])
def test_an_empty_field_says_nothing(field: str) -> None:
    assert parse(field) == WriteHeader()


@pytest.mark.parametrize(
    ("field", "lock"),
    [
        ('options;with_lock="l1", set;key=a;value=b', "l1"),
        ("set;key=a;value=b, OPTIONS;with_lock=l1", "l1"),
        ("options;with_lock=:bDE=:, set;key=a;value=b", "l1"),
        ('options;with_lock="", set;key=a;value=b', ""),
        ("options;with_lock=x, set;key=a;value=b, options;with_lock=l1", "l1"),
        ("options, set;key=a;value=b", None),
        ("options;with_lock=5, set;key=a;value=b", None),
    ],
)
def test_options_name_the_lock_of_the_batch_wherever_they_stand(field: str, lock: str | None) -> None:
    assert parse(field) == WriteHeader((A_IS_B,), lock)


def test_a_reserved_name_of_the_batchs_lock_is_dropped_and_the_batch_runs_unlocked() -> None:
    header = parse('options;with_lock="-x", set;key=a;value=b')
    assert (header.methods, header.lock, header.problem) == ((A_IS_B,), None, None)
    assert [(one.position, one.reason) for one in header.dropped] == [
        (1, "the lock alone: Lock name cannot start with '-'")
    ]


def test_a_member_with_a_lock_of_its_own_drops_the_whole_batch() -> None:
    header = parse("set;key=a;value=b, set;key=c;value=d;with_lock=x, clear")
    assert header.methods == ()
    assert header.problem == "member 2 has a lock of its own, which no method of a batch can have"
    assert "options" in header.fix


def test_a_reserved_lock_of_a_member_is_ignored_and_the_write_applied() -> None:
    header = parse('set;key=a;value=b;with_lock="-l"')
    assert (header.methods, header.problem) == ((A_IS_B,), None)


def test_the_lock_of_a_member_that_is_dropped_anyway_drops_no_batch() -> None:
    assert parse("set;key=n;with_lock=x, set;key=a;value=b").methods == (A_IS_B,)
