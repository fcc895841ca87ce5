"""Scenarios 1 to 16: storing, and making and calling worklets."""

from __future__ import annotations

import asyncio

import pytest

from agent.model.shared_storage import StorageEvent
from tests.scenarios.world import JAVASCRIPT, A, Answer, World, observed, operation

pytestmark = pytest.mark.browser
SET = "Failed to execute 'set' on 'SharedStorage': "
OPAQUE = "The shared storage method is not allowed in an opaque origin context"


@pytest.mark.parametrize(
    ("url", "kind"), [("http://insecure.example/", "undefined"), ("http://localhost/", "object"), (f"{A}/", "object")]
)
async def test_1_it_is_in_secure_contexts_alone(world: World, url: str, kind: str) -> None:
    world.agent.map("localhost", world.application)
    page = await world.open(url)
    assert await page.evaluate("typeof sharedStorage") == kind


async def test_2_a_key_must_not_be_empty_nor_a_value_too_long_and_what_exceeds_the_quota_is_dropped(
    world: World,
) -> None:
    page = await world.open()
    assert await world.outcome(page, "sharedStorage.set('', 'v')") == (
        f'DataError: {SET}Length of the "key" parameter is not valid'
    )
    assert await world.outcome(page, "sharedStorage.set('k', 'x'.repeat(2621441))") == (
        f'DataError: {SET}Length of the "value" parameter is not valid'
    )
    assert await world.outcome(page, "sharedStorage.set('k', 'x'.repeat(2621440))") is None
    assert await world.inside(page, "return [typeof await sharedStorage.get('k')];") == ["undefined"]


async def test_3_in_a_worklet_the_same_write_rejects(world: World) -> None:
    page = await world.open()
    said = await world.inside(page, "await sharedStorage.set('k', 'x'.repeat(2621440));")
    assert said == "OperationError: sharedStorage.set() failed"


async def test_4_writes_take_effect_in_their_order(world: World) -> None:
    page = await world.open()
    await page.evaluate("""() => {
        sharedStorage.set("a", "1");
        sharedStorage.set("a", "2", { ignoreIfPresent: true });
        sharedStorage.append("a", "x");
        sharedStorage.append("n", "y");
        sharedStorage.delete("zz");
    }""")
    code = "return [await sharedStorage.get('a'), await sharedStorage.get('n'), await sharedStorage.length()];"
    assert await world.inside(page, code) == ["1x", "y", 2]


async def test_5_keys_come_by_their_code_units_and_the_object_itself_is_not_iterable(world: World) -> None:
    page = await world.open()
    await page.evaluate("""() => { for (const key of ["b", "a", "Z", "é", "10", "9", "aa"]) {
        sharedStorage.set(key, "");
    } }""")
    code = "const keys = []; for await (const key of sharedStorage.keys()) keys.push(key); return keys;"
    assert await world.inside(page, code) == ["10", "9", "Z", "a", "aa", "b", "é"]
    said = await world.inside(page, "for await (const entry of sharedStorage);")
    assert said == "TypeError: sharedStorage is not async iterable"


async def test_6_an_entry_written_30_days_and_1_s_ago_is_gone(world: World) -> None:
    page = await world.open()
    await world.outcome(page, "sharedStorage.set('old', '1')")
    await world.agent.clock.advance("30d")
    await world.agent.clock.advance("1s")
    await world.outcome(page, "sharedStorage.set('new', '1')")
    look = "return [(await sharedStorage.get('old')) ?? 'undefined', await sharedStorage.length()];"
    assert await world.inside(page, look) == ["undefined", 1]
    await world.outcome(page, "sharedStorage.set('old', '2', { ignoreIfPresent: true })")
    assert await world.entries() == {"new": "1", "old": "2"}


async def test_7_get_on_a_normal_page_rejects(world: World) -> None:
    page = await world.open()
    outcome = await world.outcome(page, "sharedStorage.get('a')")
    assert outcome == "OperationError: Cannot call get() outside of a fenced frame."


@pytest.mark.parametrize("call", ["set('a', '1')", "worklet.addModule('/w.js')", "createWorklet('/w.js')"])
async def test_8_a_sandboxed_frame_of_no_origin_is_refused(world: World, call: str) -> None:
    page = await world.open()
    frame = await world.frame(page, "<iframe sandbox=allow-scripts src=/frame></iframe>")
    outcome = await world.outcome(frame, f"sharedStorage.{call}")
    assert outcome.startswith("InvalidAccessError: ")


async def test_9_where_the_policy_denies_it_nothing_goes_and_run_has_no_worklet(world: World) -> None:
    world.answers["a.test/"] = Answer(headers={"Permissions-Policy": "shared-storage=()"})
    page = await world.open()
    for call in ("set('a', '1')", "worklet.addModule('/w.js')", "createWorklet('/w.js')"):
        assert (await world.outcome(page, f"sharedStorage.{call}")).startswith("InvalidAccessError: "), call
    outcome = await world.outcome(page, "sharedStorage.run('op')")
    assert outcome == "OperationError: sharedStorage.worklet.addModule() has to be called before run()."
    assert await world.entries() == {}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer("", JAVASCRIPT, 404), "Failed to load {url} HTTP status = 404 Not Found."),
        (Answer("", "text/plain"), "Rejecting load of {url} due to unexpected MIME type."),
        (Answer("throw new Error('boom')", JAVASCRIPT), "Error: boom\n    at {url}:1:7"),
        (Answer("import './x.js'", JAVASCRIPT), "SyntaxError: Cannot use import statement outside a module"),
    ],
    ids=["404", "text/plain", "throws", "import"],
)
async def test_10_add_module_says_why_it_failed(world: World, answer: Answer, message: str) -> None:
    world.answers["a.test/w.js"] = answer
    page = await world.open()
    outcome = await world.outcome(page, "sharedStorage.worklet.addModule('/w.js')")
    assert outcome == f"OperationError: {message}".format(url=f"{A}/w.js")


async def test_11_after_a_failed_add_module_there_is_no_second_one_and_run_resolves(world: World) -> None:
    world.answers["a.test/w.js"] = Answer("", JAVASCRIPT, 404)
    page = await world.open()
    await world.outcome(page, "sharedStorage.worklet.addModule('/w.js')")
    world.script("a.test/w.js", "")
    outcome = await world.outcome(page, "sharedStorage.worklet.addModule('/w.js')")
    assert outcome == "OperationError: addModule() can only be invoked once per worklet."
    assert await world.outcome(page, "sharedStorage.run('op')") is None


REGISTER = "Failed to execute 'register' on 'SharedStorageWorkletGlobalScope': "


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "class C { run() {} } register('a', C); register('a', C);",
            f"DataError: {REGISTER}Operation name already registered.",
        ),
        ("register('', class { run() {} });", f"DataError: {REGISTER}Operation name cannot be empty."),
        ("register('a', () => 1);", f"TypeError: {REGISTER}constructor prototype is not an object"),
        ("register('a', class {});", f'TypeError: {REGISTER}Property "run" doesn\'t exist'),
    ],
    ids=["twice", "empty", "arrow function", "without run"],
)
async def test_12_add_module_rejects_with_what_register_throws(world: World, script: str, message: str) -> None:
    world.script("a.test/w.js", script)
    page = await world.open()
    outcome = await world.outcome(page, "sharedStorage.worklet.addModule('/w.js')")
    assert outcome.startswith(f"OperationError: {message}")


async def test_13_run_resolves_whatever_becomes_of_the_operation(world: World) -> None:
    page = await world.open()
    await world.worklet(page, operation("throw new Error('boom');"))
    assert await world.outcome(page, "w.run('unknown', { keepAlive: true })") is None
    assert await world.outcome(page, "w.run('op', { keepAlive: true })") is None
    held = asyncio.Event()
    world.answers["a.test/slow.js"] = Answer(operation("await sharedStorage.set('ran', '1');"), JAVASCRIPT, after=held)
    await page.evaluate("() => { globalThis.added = sharedStorage.worklet.addModule('/slow.js'); }")
    assert await world.outcome(page, "sharedStorage.run('op', { keepAlive: true })") is None
    held.set()
    assert await world.outcome(page, "added") is None
    await world.until_ended(3)
    assert await world.entries() == {}
    assert await world.verdicts(StorageEvent.RUN) == ["failed"] * 3


async def test_14_without_keep_alive_the_second_call_rejects(world: World) -> None:
    page = await world.open()
    await world.worklet(page, operation(""))
    assert await world.outcome(page, "w.run('op')") is None
    assert await world.outcome(page, "w.run('op')") == (
        "OperationError: The sharedStorage worklet cannot execute further operations because the previous operation"
        " did not include the option 'keepAlive: true'."
    )


async def test_15_a_call_that_is_refused_for_its_context_id_expires_the_worklet_all_the_same(world: World) -> None:
    page = await world.open()
    await world.worklet(page, operation(""))
    outcome = await world.outcome(page, "w.run('op', { privateAggregationConfig: { contextId: 'x'.repeat(65) } })")
    assert outcome.startswith("DataError: ")
    assert outcome.endswith("contextId length cannot be larger than 64")
    outcome = await world.outcome(page, "w.run('op', { keepAlive: true })")
    assert outcome.startswith("OperationError: The sharedStorage worklet cannot execute further operations")


async def test_16_data_is_cloned_as_it_is(world: World) -> None:
    page = await world.open()
    await world.worklet(
        page,
        observed("""
            const { map, set, date, regexp, bytes, error, big, self, holes, zero } = first;
            return [map.get("k"), map instanceof Map, set.has(7), date.getTime(), String(regexp), bytes.join(),
                bytes instanceof Uint8Array, error instanceof RangeError && error.message, String(big), self === first,
                1 in holes, holes.length, Object.is(zero, -0)];
        """),
    )
    said = await world.said(
        page,
        """(() => {
            const data = { map: new Map([["k", "v"]]), set: new Set([7]), date: new Date(5), regexp: /a/gi,
                bytes: new Uint8Array([1, 2, 255]), error: new RangeError("far"), big: 2n ** 70n, holes: [1, , 3],
                zero: -0 };
            data.self = data;
            return w.run("op", { data, keepAlive: true });
        })()""",
    )
    big = "1180591620717411303424"
    assert said == ["v", True, True, 5, "/a/gi", "1,2,255", True, "far", big, True, False, 3, True]
    outcome = await world.outcome(page, "w.run('op', { data: { f() {} }, keepAlive: true })")
    assert outcome.startswith("DataCloneError: ")
    outcome = await world.outcome(page, "w.run('op', { data: 'str', keepAlive: true })")
    assert outcome.startswith("TypeError: ")
