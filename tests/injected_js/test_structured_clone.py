"""The structured clone of ``data``, and its text (shared-storage section 5)."""

from __future__ import annotations

import json

import pytest

from tests.injected_js.conftest import Host

pytestmark = pytest.mark.browser


async def encoded(host: Host, expression: str) -> list[object]:
    """What the host is told of ``data``."""
    worklet = "const worklet = await sharedStorage.createWorklet('/w.js');"
    await host.run(f"{worklet} await worklet.run('op', {{ data: {expression} }});")
    text = host.calls[-1]["options"]["data"]
    value: list[object] = json.loads(text)
    return value


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("{ a: null, b: true, c: 's', d: 1.5 }", [[0], ["object", "a", None, "b", True, "c", "s", "d", 1.5]]),
        ("[undefined]", [[0], ["array", 1, "0", ["u"]]]),
        (
            "[NaN, -0, Infinity, -Infinity]",
            [[0], ["array", 4, "0", ["n", "NaN"], "1", ["n", "-0"], "2", ["n", "Infinity"], "3", ["n", "-Infinity"]]],
        ),
        ("[-(2n ** 70n)]", [[0], ["array", 1, "0", ["b", "-1180591620717411303424"]]]),
        ("Object.assign([1, , 3], { x: 4 })", [[0], ["array", 3, "0", 1, "2", 3, "x", 4]]),
        ("new Date(0)", [[0], ["date", 0]]),
        ("new Date(NaN)", [[0], ["date", ["n", "NaN"]]]),
        ("/a\\/b/dgimsvy", [[0], ["regexp", "a\\/b", "dgimsvy"]]),
        ("new Map([['k', {}]])", [[0], ["map", "k", [1]], ["object"]]),
        ("new Set([1, 1, 'x'])", [[0], ["set", 1, "x"]]),
        ("Object(false)", [[0], ["wrapper", False]]),
        ("Object(-0)", [[0], ["wrapper", ["n", "-0"]]]),
        ("Object(1n)", [[0], ["wrapper", ["b", "1"]]]),
        ("new Uint8Array([0, 255]).buffer", [[0], ["buffer", "AP8=", None]]),
        ("new ArrayBuffer(1, { maxByteLength: 8 })", [[0], ["buffer", "AA==", 8]]),
        ("new Float64Array(1)", [[0], ["view", "Float64Array", [1], 0, 1], ["buffer", "AAAAAAAAAAA=", None]]),
        (
            "new DataView(new ArrayBuffer(3), 1, 1)",
            [[0], ["view", "DataView", [1], 1, 1], ["buffer", "AAAA", None]],
        ),
        (
            "new Uint16Array(new ArrayBuffer(2, { maxByteLength: 4 }))",
            [[0], ["view", "Uint16Array", [1], 0, None], ["buffer", "AAA=", 4]],
        ),
        ("new (class C { x = 1; get y() { return 2; } })()", [[0], ["object", "x", 1]]),
        ("{ get a() { return 'read'; } }", [[0], ["object", "a", "read"]]),
        ("JSON.parse('{\"__proto__\": 1}')", [[0], ["object", "__proto__", 1]]),
        ("{ blob: new Blob([]) }", [[0], ["object", "blob", [1]], ["foreign"]]),
    ],
)
async def test_each_kind_of_value_has_its_text(shared_host: Host, expression: str, text: list[object]) -> None:
    assert await encoded(shared_host, expression) == text


async def test_cycles_and_shared_references_stay_what_they_are(shared_host: Host) -> None:
    made = "(() => { const a = { twice: [] }; a.self = a; a.twice.push(a.twice, a); return a; })()"
    assert await encoded(shared_host, made) == [
        [0],
        ["object", "twice", [1], "self", [0]],
        ["array", 2, "0", [1], "1", [0]],
    ]


async def test_views_share_their_buffer(shared_host: Host) -> None:
    made = "(() => { const b = new ArrayBuffer(2); return [new Uint8Array(b, 1), new Int8Array(b, 0, 1), b]; })()"
    assert await encoded(shared_host, made) == [
        [0],
        ["array", 3, "0", [1], "1", [2], "2", [3]],
        ["view", "Uint8Array", [3], 1, 1],
        ["view", "Int8Array", [3], 0, 1],
        ["buffer", "AAA=", None],
    ]


async def test_errors_keep_their_name_message_stack_and_cause(shared_host: Host) -> None:
    made = "(() => { const e = new RangeError('m', { cause: 5 }); e.stack = 's'; return e; })()"
    assert await encoded(shared_host, made) == [[0], ["error", "RangeError", True, "m", "s", True, 5]]
    mine = "(() => { class Mine extends Error {} const e = new Mine(); e.stack = 's'; return e; })()"
    assert await encoded(shared_host, mine) == [[0], ["error", "Error", False, ["u"], "s", False, ["u"]]]


async def test_depth_is_no_limit_of_ours(shared_host: Host) -> None:
    depth = 2000
    text = await encoded(
        shared_host, f"(() => {{ let a = []; for (let i = 0; i < {depth}; i++) a = [a]; return a; }})()"
    )
    assert len(text) == depth + 2


@pytest.mark.parametrize(
    ("expression", "quoted"),
    [
        ("{ f() {} }", "f() {}"),
        ("{ s: Symbol('x') }", "Symbol(x)"),
        ("document", "HTMLDocument object"),
        ("{ x: new WeakMap() }", "#<WeakMap>"),
    ],
)
async def test_what_cannot_be_cloned_is_refused_in_the_words_of_the_call(
    shared_host: Host, expression: str, quoted: str
) -> None:
    thrown = await shared_host.thrown(f"sharedStorage.worklet.run('a', {{ data: {expression} }})")
    message = f"Failed to execute 'run' on 'SharedStorageWorklet': {quoted} could not be cloned."
    assert thrown == ["rejected", "DOMException DataCloneError", message]


async def test_what_a_getter_throws_is_left_as_it_is(shared_host: Host) -> None:
    thrown = await shared_host.thrown("sharedStorage.run('a', { data: { get x() { throw new RangeError('mine'); } } })")
    assert thrown == ["rejected", "RangeError", "mine"]
