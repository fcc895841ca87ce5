from __future__ import annotations

import pytest

from tests.injected_js.worklet.world import EVALUATE, Worklet, World, text_of

pytestmark = pytest.mark.browser

REGISTER = "Failed to execute 'register' on 'SharedStorageWorkletGlobalScope': "
URLS = ["https://a.test/0", "https://a.test/1#x", "https://a.test/2"]


@pytest.mark.parametrize(
    ("call", "name", "message"),
    [
        ("register()", "TypeError", "2 arguments required, but only 0 present."),
        ("register('x')", "TypeError", "2 arguments required, but only 1 present."),
        ("register('x', 5)", "TypeError", "parameter 2 is not of type 'Function'."),
        ("register('', 5)", "TypeError", "parameter 2 is not of type 'Function'."),
        ("register('', class { run() {} })", "DOMException DataError", "Operation name cannot be empty."),
        ("register('evaluate', class {})", "DOMException DataError", "Operation name already registered."),
        ("register('x', () => 1)", "TypeError", "constructor prototype is not an object"),
        (
            "(() => { function F() {} F.prototype = 3; register('x', F); })()",
            "TypeError",
            "constructor prototype is not an object",
        ),
        ("register('x', class {})", "TypeError", 'Property "run" doesn\'t exist'),
        ("(() => { class A {} A.prototype.run = 5; register('x', A); })()", "TypeError", '"run" is not a function'),
    ],
)
async def test_register_refuses(shared_worklet: Worklet, call: str, name: str, message: str) -> None:
    assert await shared_worklet.outcome(call) == ["throws", name, REGISTER + message]


async def test_register_belongs_to_the_global_object(shared_worklet: Worklet) -> None:
    assert await shared_worklet.outcome("register.call({}, 'x', class { run() {} })") == [
        "throws",
        "TypeError",
        "Illegal invocation",
    ]


async def test_register_converts_the_name_first_and_gives_nothing(worklet: Worklet) -> None:
    assert await worklet.outcome("register(5, class { run() {} })") == ["returns", "undefined"]
    assert await worklet.outcome("register('__proto__', class { run() {} })") == ["returns", "undefined"]
    for name in ("5", "__proto__"):
        assert (await worklet.call(name))["failure"] is None
    assert (await worklet.call("toString"))["failure"] == "Cannot find operation name."


async def test_run_is_the_prototypes_at_the_time_of_register(world: World) -> None:
    worklet = await world.worklet(
        "class A { run() { throw 'first'; } } register('a', A); A.prototype.run = () => { throw 'later'; };"
    )
    assert (await worklet.call("a"))["failure"] == "first"


async def test_a_class_is_constructed_once_at_its_first_call_and_keeps_its_state(world: World) -> None:
    worklet = await world.worklet(
        "let made = 0; class A { constructor() { made++; this.calls = 0; } run() { throw `${made} ${++this.calls}`; } }"
        "register('a', A); register('made', class { run() { throw `${made}`; } });"
    )
    failures = [(await worklet.call(name))["failure"] for name in ("made", "a", "a", "made")]
    assert failures == ["0", "1 1", "1 2", "1"]


async def test_a_constructor_that_throws_leaves_its_operation_without_an_instance(world: World) -> None:
    worklet = await world.worklet(
        "let tries = 0; register('a', class { constructor() { tries++; throw new Error('no'); } run() {} });"
        "register('tries', class { run() { throw `${tries}`; } });"
    )
    for _ in range(2):
        assert await worklet.call("a") == {
            "index": None,
            "failure": "Empty operation definition instance.",
            "uncaughtError": False,
        }
    assert (await worklet.call("tries"))["failure"] == "1"


async def test_data_that_cannot_be_read_fails_the_operation(shared_worklet: Worklet) -> None:
    assert await shared_worklet.call("evaluate", '[[0],["foreign"]]') == {
        "index": None,
        "failure": "Cannot deserialize data.",
        "uncaughtError": False,
    }


async def test_run_has_one_argument_and_selecturl_two_also_without_data(world: World) -> None:
    worklet = await world.worklet(
        "register('a', class { run(...all) {"
        "  throw JSON.stringify([all.length, arguments.length, all.map(String)]); } });"
    )
    assert (await worklet.call("a"))["failure"] == '[1,1,["undefined"]]'
    assert (await worklet.call("a", text_of("d")))["failure"] == '[1,1,["d"]]'
    assert (await worklet.call("a", urls=URLS[:2]))[
        "failure"
    ] == '[2,2,["https://a.test/0,https://a.test/1#x","undefined"]]'


async def test_urls_are_an_ordinary_array_of_strings(world: World) -> None:
    worklet = await world.worklet(
        "register('a', class { run(urls) {"
        "  return urls.map((url) => typeof url).join() === 'string,string' && Array.isArray(urls)"
        "    && urls.constructor === Array && urls.push('more') === 3; } });"
    )
    assert (await worklet.call("a", urls=URLS[:2]))["index"] == 1


async def test_run_gets_the_instance_as_this_and_the_failure_is_the_stack_with_no_frame_of_ours(world: World) -> None:
    module = "class A { async run() { if (this instanceof A) throw new Error('boom') } } register('a', A)"
    worklet = await world.worklet(f"{module}\n//# sourceURL=https://a.test/op.js")
    end = await worklet.call("a")
    column = module.index("new Error") + 1
    assert end == {
        "index": None,
        "failure": f"Error: boom\n    at A.run (https://a.test/op.js:1:{column})",
        "uncaughtError": True,
    }


@pytest.mark.parametrize(
    ("thrown", "text"),
    [
        ("'words'", "words"),
        ("5", "5"),
        ("undefined", "undefined"),
        ("{ stack: 'own' }", "own"),
        ("{ toString: () => 'as text' }", "as text"),
    ],
)
async def test_the_failure_of_other_exceptions_is_their_text(world: World, thrown: str, text: str) -> None:
    worklet = await world.worklet(f"register('a', class {{ run() {{ throw ({thrown}); }} }});")
    assert await worklet.call("a") == {"index": None, "failure": text, "uncaughtError": True}


async def test_a_failure_that_cannot_be_put_into_words_still_ends_the_operation(world: World) -> None:
    worklet = await world.worklet("register('a', class { run() { throw { get stack() { throw 1; } }; } });")
    end = await worklet.call("a")
    assert end["uncaughtError"] is True
    assert end["failure"]


async def test_of_an_endless_failure_the_beginning_is_told(world: World) -> None:
    worklet = await world.worklet("register('a', class { run() { throw 'x'.repeat(1e8); } });")
    assert (await worklet.call("a"))["failure"] == "x" * 10_000


NO_INTEGER = "Promise did not resolve to an uint32 number."
OUTSIDE = "Promise resolved to a number outside the length of the input urls."


@pytest.mark.parametrize(
    ("value", "index", "failure"),
    [
        ("0", 0, None),
        ("2", 2, None),
        ("'1'", 1, None),
        ("1.9", 1, None),
        ("true", 1, None),
        ("4294967297", 1, None),
        ("Promise.resolve(2)", 2, None),
        ("{ then(f) { f(1); } }", 1, None),
        ("{ valueOf: () => 2 }", 2, None),
        ("undefined", 0, None),
        ("null", 0, None),
        ("NaN", 0, None),
        ("'abc'", 0, None),
        ("{}", 0, None),
        ("-1", None, OUTSIDE),
        ("3", None, OUTSIDE),
        ("1n", None, NO_INTEGER),
        ("Symbol()", None, NO_INTEGER),
        ("{ valueOf() { throw 1; } }", None, NO_INTEGER),
    ],
)
async def test_what_selecturls_operation_gives_becomes_an_index(
    world: World, value: str, index: int | None, failure: str | None
) -> None:
    worklet = await world.worklet(f"register('a', class {{ run() {{ return ({value}); }} }});")
    assert await worklet.call("a", urls=URLS) == {"index": index, "failure": failure, "uncaughtError": False}


@pytest.mark.parametrize("value", ["5", "1n", "Symbol()", "Promise.resolve('x')", "undefined"])
async def test_what_run_gives_does_not_matter(world: World, value: str) -> None:
    worklet = await world.worklet(f"register('a', class {{ run() {{ return ({value}); }} }});")
    assert await worklet.call("a") == {"index": None, "failure": None, "uncaughtError": False}


async def test_an_operation_that_never_ends_holds_up_no_other(world: World) -> None:
    worklet = await world.worklet(EVALUATE + "register('wait', class { run() { return new Promise(() => {}); } });")
    waiting = await worklet.start("wait")
    assert await worklet.outcome("1 + 1") == ["returns", "2"]
    assert waiting not in worklet.ends


async def test_an_operation_can_register_another(worklet: Worklet) -> None:
    await worklet.outcome("register('later', class { run() { throw 'here'; } })")
    assert (await worklet.call("later"))["failure"] == "here"
