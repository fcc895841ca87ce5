from __future__ import annotations

from typing import Any

import pytest

from tests.injected_js.worklet.world import EVALUATE, Worklet, World, text_of

pytestmark = pytest.mark.browser

TOO_LONG = "'x'.repeat(2621441)"
READ_LOCK = "Failed to read the 'withLock' property from 'SharedStorageModifierMethodOptions': "
NOT_OPTIONS = "The provided value is not of type 'SharedStorageModifierMethodOptions'."


def length_of(parameter: str) -> str:
    """What is said of a key or a value that is too long, or of an empty key."""
    return f'Length of the "{parameter}" parameter is not valid'


def failed(method: str, text: str) -> str:
    """The message of an operation of sharedStorage."""
    return f"Failed to execute '{method}' on 'SharedStorage': {text}"


@pytest.mark.parametrize(
    ("method", "arguments", "name", "text"),
    [
        ("set", "", "TypeError", "2 arguments required, but only 0 present."),
        ("set", "'a'", "TypeError", "2 arguments required, but only 1 present."),
        ("set", "'a', 'b', 5", "TypeError", "The provided value is not of type 'SharedStorageSetMethodOptions'."),
        ("set", "Symbol('x'), 'b'", "TypeError", "Cannot convert a Symbol value to a string"),
        ("set", "'', 'b'", "DOMException DataError", length_of("key")),
        ("set", f"{TOO_LONG}, 'b'", "DOMException DataError", length_of("key")),
        ("set", f"'a', {TOO_LONG}", "DOMException DataError", length_of("value")),
        ("set", f"'', {TOO_LONG}, {{withLock: '-x'}}", "DOMException DataError", length_of("key")),
        ("set", f"'a', {TOO_LONG}, {{withLock: '-x'}}", "DOMException DataError", length_of("value")),
        ("set", "'a', 'b', {withLock: '-x'}", "DOMException DataError", "Lock name cannot start with '-'"),
        (
            "set",
            "'a', 'b', {withLock: Symbol()}",
            "TypeError",
            READ_LOCK + "Cannot convert a Symbol value to a string",
        ),
        ("append", "'a'", "TypeError", "2 arguments required, but only 1 present."),
        ("append", "'a', 'b', 5", "TypeError", NOT_OPTIONS),
        ("append", f"'a', {TOO_LONG}", "DOMException DataError", length_of("value")),
        ("append", "'', 'b'", "DOMException DataError", length_of("key")),
        ("delete", "", "TypeError", "1 argument required, but only 0 present."),
        ("delete", "''", "DOMException DataError", length_of("key")),
        ("delete", "'a', 'no options'", "TypeError", NOT_OPTIONS),
        ("clear", "1", "TypeError", NOT_OPTIONS),
        ("clear", "{withLock: '-'}", "DOMException DataError", "Lock name cannot start with '-'"),
        ("get", "", "TypeError", "1 argument required, but only 0 present."),
        ("batchUpdate", "", "TypeError", "1 argument required, but only 0 present."),
        ("batchUpdate", "5", "TypeError", "The provided value cannot be converted to a sequence."),
        ("batchUpdate", "[{}]", "TypeError", "Failed to convert value to 'SharedStorageModifierMethod'."),
        ("batchUpdate", "[sharedStorage]", "TypeError", "Failed to convert value to 'SharedStorageModifierMethod'."),
        ("batchUpdate", "[], {withLock: '-x'}", "DOMException DataError", "Lock name cannot start with '-'"),
        (
            "batchUpdate",
            "[new SharedStorageClearMethod({withLock: ''})]",
            "DOMException DataError",
            "The 'withLock' option is not allowed for methods within batchUpdate()",
        ),
    ],
)
async def test_methods_reject(shared_worklet: Worklet, method: str, arguments: str, name: str, text: str) -> None:
    before = len(shared_worklet.asked)
    outcome = await shared_worklet.outcome(f"sharedStorage.{method}({arguments})")
    assert outcome == ["rejects", name, failed(method, text)]
    assert shared_worklet.asked[before:] == []


@pytest.mark.parametrize("key", ["''", TOO_LONG])
async def test_get_rejects_a_key_that_cannot_be_in_a_sentence_of_its_own(shared_worklet: Worklet, key: str) -> None:
    outcome = await shared_worklet.outcome(f"sharedStorage.get({key})")
    assert outcome == ["rejects", "DOMException DataError", length_of("key") + "."]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("new SharedStorageModifierMethod()", "Illegal constructor"),
        ("new SharedStorageSetMethod('')", "2 arguments required, but only 1 present."),
        ("new SharedStorageSetMethod('', 'v')", length_of("key")),
        (f"new SharedStorageSetMethod('a', {TOO_LONG})", length_of("value")),
        ("new SharedStorageSetMethod('a', 'v', {withLock: '-x'})", "Lock name cannot start with '-'"),
        ("new SharedStorageAppendMethod('a')", "2 arguments required, but only 1 present."),
        ("new SharedStorageAppendMethod('', 'v')", length_of("key")),
        ("new SharedStorageDeleteMethod()", "1 argument required, but only 0 present."),
        ("new SharedStorageDeleteMethod('')", length_of("key")),
        ("new SharedStorageClearMethod(5)", NOT_OPTIONS),
        (
            "SharedStorageClearMethod()",
            "Please use the 'new' operator, this DOM object constructor cannot be called as a function.",
        ),
    ],
)
async def test_method_objects_are_checked_where_they_are_made(shared_worklet: Worklet, call: str, text: str) -> None:
    how, name, message = await shared_worklet.outcome(call)
    assert how == "throws"
    assert name == ("DOMException DataError" if text.startswith(("Length", "Lock")) else "TypeError")
    assert message == f"Failed to construct '{call.removeprefix('new ').split('(')[0]}': {text}"


@pytest.mark.parametrize(
    ("call", "update"),
    [
        (
            "set('k', 'v')",
            {"methods": [{"op": "set", "key": "k", "value": "v", "ignoreIfPresent": False}], "lock": None},
        ),
        (
            "set(1, null, {ignoreIfPresent: 'yes', withLock: ''})",
            {"methods": [{"op": "set", "key": "1", "value": "null", "ignoreIfPresent": True}], "lock": ""},
        ),
        ("append('k', '', null)", {"methods": [{"op": "append", "key": "k", "value": ""}], "lock": None}),
        ("delete('\\ud800', {withLock: 5})", {"methods": [{"op": "delete", "key": "\ufffd"}], "lock": "5"}),
        ("clear()", {"methods": [{"op": "clear"}], "lock": None}),
    ],
)
async def test_writes_are_asked_of_the_host(shared_worklet: Worklet, call: str, update: dict[str, Any]) -> None:
    assert await shared_worklet.outcome(f"sharedStorage.{call}") == ["resolves", "undefined"]
    asked = shared_worklet.asked[-1]
    assert asked["operation"] == shared_worklet.last
    assert without_locks(asked) == ("update", update | {"batch": False})


def without_locks(message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Method and arguments; the lock of a single write stands beside it, too."""
    methods = [{name: value for name, value in one.items() if name != "lock"} for one in message["args"]["methods"]]
    return message["method"], message["args"] | {"methods": methods}


async def test_a_batch_is_one_update(shared_worklet: Worklet) -> None:
    objects = (
        "[new SharedStorageSetMethod('a', '1', {ignoreIfPresent: true}), new SharedStorageAppendMethod('a', '2'),"
        " new SharedStorageDeleteMethod('b'), new (class extends SharedStorageClearMethod {})()]"
    )
    assert await shared_worklet.outcome(f"sharedStorage.batchUpdate({objects}, {{withLock: 'l'}})") == [
        "resolves",
        "undefined",
    ]
    methods = [
        {"op": "set", "key": "a", "value": "1", "ignoreIfPresent": True},
        {"op": "append", "key": "a", "value": "2"},
        {"op": "delete", "key": "b"},
        {"op": "clear"},
    ]
    assert without_locks(shared_worklet.asked[-1]) == ("update", {"methods": methods, "lock": "l", "batch": True})


async def test_a_longest_key_and_value_are_let_through(world: World) -> None:
    worklet = await world.worklet()
    for call in ("get('x'.repeat(2621440))", "set('k', 'x'.repeat(2621440))"):
        assert (await worklet.outcome(f"sharedStorage.{call}"))[0] == "resolves"


async def test_a_write_that_fails_rejects_in_the_hosts_words(world: World) -> None:
    worklet = await world.worklet()
    error = {"name": "OperationError", "message": "sharedStorage.set() failed"}
    worklet.answer = lambda _: {"error": error}
    assert await worklet.outcome("sharedStorage.set('a', 'b')") == [
        "rejects",
        "DOMException OperationError",
        "sharedStorage.set() failed",
    ]


async def test_reads_give_what_the_host_says(world: World) -> None:
    worklet = await world.worklet()
    worklet.entries = {"a": "1", "b": "2"}
    for call, value in [("get('a')", '"1"'), ("get('z')", "undefined"), ("length()", "2"), ("remainingBudget()", "12")]:
        assert await worklet.outcome(f"sharedStorage.{call}") == ["resolves", value]


@pytest.mark.parametrize(
    ("options", "value"), [({}, "undefined"), ({"context": None}, "undefined"), ({"context": "c"}, '"c"')]
)
async def test_context_is_the_embedders_string(world: World, options: dict[str, Any], value: str) -> None:
    worklet = await world.worklet(**options)
    assert await worklet.outcome("sharedStorage.context") == ["returns", value]


ALL = "(async () => { const all = []; for await (const one of sharedStorage.%s()) all.push(one); return all; })()"


@pytest.mark.parametrize(
    ("method", "value"),
    [("keys", '["a","b"]'), ("values", '["1","2"]'), ("entries", '[["a","1"],["b","2"]]')],
)
async def test_iterators_give_every_entry(world: World, method: str, value: str) -> None:
    worklet = await world.worklet()
    worklet.entries = {"b": "2", "a": "1"}
    assert await worklet.outcome(ALL % method) == ["resolves", value]


async def test_an_iterator_reads_one_snapshot_when_it_is_first_asked(world: World) -> None:
    worklet = await world.worklet()
    worklet.entries = {"b": "2"}
    late = (
        "(async () => { const keys = sharedStorage.keys(); await sharedStorage.set('a', '1');"
        " const all = [await keys.next()]; await sharedStorage.clear(); await sharedStorage.set('c', '3');"
        " all.push(await keys.next(), await keys.next());"
        " return all.map(({ done, value }) => [done, value ?? null]); })()"
    )
    assert await worklet.outcome(late) == ["resolves", '[[false,"a"],[false,"b"],[true,null]]']


async def test_calls_of_next_that_do_not_wait_keep_their_order(world: World) -> None:
    worklet = await world.worklet()
    worklet.entries = {str(number): "" for number in range(3)}
    at_once = (
        "(() => { const keys = sharedStorage.keys();"
        " return Promise.all([1, 2, 3, 4].map(() => keys.next()))"
        " .then((all) => all.map((one) => one.value ?? null)); })()"
    )
    assert await worklet.outcome(at_once) == ["resolves", '["0","1","2",null]']
    assert [one["method"] for one in worklet.asked] == ["entries"]


async def test_an_iterator_that_operations_share_answers_each_in_its_own_name(world: World) -> None:
    worklet = await world.worklet(
        "let shared; register('op', class { async run(bucket) {"
        "  shared ??= sharedStorage.keys();"
        "  const { value } = await shared.next();"
        "  privateAggregation.contributeToHistogram({ bucket, value: Number(value) }); } });"
    )
    worklet.entries = {str(number): "" for number in range(3)}
    worklet.answer = lambda _: None
    numbers = [await worklet.start("op", text_of(str(bucket))) for bucket in range(3)]
    await worklet.call("nothing")  # comes after the three have begun
    (asked,) = worklet.asked
    await worklet.settle(asked, worklet.stored(asked))
    for number in numbers:
        await worklet.end_of(number)
    contributed = sorted((one["operation"], one["args"]["bucket"], one["args"]["value"]) for one in worklet.told)
    assert contributed == [(number, str(place), place) for place, number in enumerate(numbers)]


async def test_a_snapshot_that_is_refused_rejects(world: World) -> None:
    worklet = await world.worklet()
    worklet.answer = lambda _: {"error": {"name": "OperationError", "message": "no"}}
    twice = (
        "(async () => { const keys = sharedStorage.keys(); await keys.next().catch(() => 0); return keys.next(); })()"
    )
    assert await worklet.outcome("sharedStorage.keys().next()") == ["rejects", "DOMException OperationError", "no"]
    assert await worklet.outcome(twice) == ["resolves", '{"done":true}']


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ("String(sharedStorage.keys())", ["returns", '"[object SharedStorage AsyncIterator]"']),
        ("Object.keys(Object.getPrototypeOf(sharedStorage.keys())).join()", ["returns", '"next"']),
        (
            "sharedStorage.keys()[Symbol.asyncIterator]().next().then((one) => Object.keys(one).join())",
            ["resolves", '"done,value"'],
        ),
        (
            "[...sharedStorage.keys()]",
            ["throws", "TypeError", "sharedStorage.keys is not a function or its return value is not iterable"],
        ),
        (
            "(async () => { for await (const one of sharedStorage); })()",
            ["rejects", "TypeError", "sharedStorage is not async iterable"],
        ),
        ("sharedStorage.keys.call({})", ["throws", "TypeError", "Illegal invocation"]),
        (
            "sharedStorage.keys().next.call(sharedStorage)",
            ["rejects", "TypeError", "Failed to execute 'next' on 'SharedStorage AsyncIterator': Illegal invocation"],
        ),
        ("sharedStorage.get.call({}, 'a')", ["rejects", "TypeError", failed("get", "Illegal invocation")]),
        ("['worklet', 'run', 'selectURL', 'createWorklet'].filter((name) => name in sharedStorage)", ["returns", "[]"]),
        ("Object.keys(sharedStorage)", ["returns", "[]"]),
    ],
)
async def test_the_shape_of_what_scripts_get(world: World, expression: str, outcome: list[str]) -> None:
    worklet = await world.worklet(EVALUATE)
    assert await worklet.outcome(expression) == outcome
