from __future__ import annotations

import json
from importlib.resources import files

import pytest

from tests.injected_js.worklet.world import Worklet, World

pytestmark = pytest.mark.browser

OPERATION = "register('look', class { run(data) { throw JSON.stringify((0, eval)(`(data) => (${look})`)(data)); } });"
ENCODER = ("primordials.js", "dom_primordials.js", "failures.js", "structured_clone.js")


async def encoded(worklet: Worklet, value: str) -> str:
    """What the page's half makes of the value of an expression."""
    parts = [files("injected_js").joinpath(name).read_text("utf-8") for name in ENCODER]
    script = f'(() => {{ "use strict"; {"".join(parts)} return encodedClone; }})()'
    text: str = await worklet.page.evaluate(f"{script}({value})")
    return text


async def looked_at(world: World, text: str, look: str) -> object:
    """What ``look``, an expression of ``data``, sees where an operation was called with ``text``."""
    worklet = await world.worklet(f"const look = {json.dumps(look)};{OPERATION}")
    return json.loads((await worklet.call("look", text))["failure"])


@pytest.mark.parametrize(
    ("value", "look", "seen"),
    [
        ("undefined", "[typeof data]", ["undefined"]),
        ("'\\ud800 \\u2028'", "data === '\\ud800 \\u2028'", True),
        ("-0", "Object.is(data, -0)", True),
        ("[NaN, Infinity, -Infinity, 5e-324]", "data.map(String)", ["NaN", "Infinity", "-Infinity", "5e-324"]),
        ("2n ** 70n", "String(data === 2n ** 70n)", "true"),
        ("new Date(5)", "[data instanceof Date, data.getTime()]", [True, 5]),
        ("new Date(NaN)", "[data instanceof Date, String(data.getTime())]", [True, "NaN"]),
        (
            "/a\\/b\\n/giy",
            "[data instanceof RegExp, data.source, data.flags, data.lastIndex]",
            [True, "a\\/b\\n", "giy", 0],
        ),
        (
            "new Map([[1, 2], ['k', new Map()]])",
            "[data.constructor === Map, [...data.keys()], data.get('k').size]",
            [True, [1, "k"], 0],
        ),
        ("new Set(['a', 1, null])", "[data.constructor === Set, [...data]]", [True, ["a", 1, None]]),
        ("[1, , 3]", "[data.length, 1 in data, data.constructor === Array]", [3, False, True]),
        ("Object.assign([1], {extra: 2})", "[data.length, data.extra]", [1, 2]),
        ("new Array(4294967295)", "[data.length, Object.keys(data).length]", [4294967295, 0]),
        (
            'JSON.parse(\'{"__proto__": 1, "b": 2, "1": 3}\')',
            "[Object.keys(data), data.constructor === Object]",
            [["1", "__proto__", "b"], True],
        ),
        (
            "[new Boolean(false), new Number(-0), new String('s'), Object(5n)]",
            "data.map((one) => [typeof one, String(one.valueOf()), one.constructor.name])",
            [
                ["object", "false", "Boolean"],
                ["object", "0", "Number"],
                ["object", "s", "String"],
                ["object", "5", "BigInt"],
            ],
        ),
        (
            "(() => { const e = new RangeError('r', { cause: { deep: 1 } }); e.stack = 'at home'; return e; })()",
            "[data instanceof RangeError, data.message, data.cause.deep, data.stack, Object.keys(data).length]",
            [True, "r", 1, "at home", 0],
        ),
        (
            "new TypeError()",
            "[data.name, Object.hasOwn(data, 'message'), Object.hasOwn(data, 'cause')]",
            ["TypeError", False, False],
        ),
        (
            "new Uint8Array([1, 255]).buffer",
            "[data.constructor === ArrayBuffer, ...new Uint8Array(data)]",
            [True, 1, 255],
        ),
        (
            "new ArrayBuffer(2, {maxByteLength: 9})",
            "[data.resizable, data.byteLength, data.maxByteLength]",
            [True, 2, 9],
        ),
        (
            "new Float64Array([1.5, -0])",
            "[data.constructor.name, data.length, Object.is(data[1], -0)]",
            ["Float64Array", 2, True],
        ),
        (
            "new BigUint64Array([2n ** 64n - 1n])",
            "[data.constructor.name, String(data[0])]",
            ["BigUint64Array", str(2**64 - 1)],
        ),
        ("new Float16Array([0.5])", "[data.constructor.name, data[0]]", ["Float16Array", 0.5]),
        (
            "(() => { const b = new ArrayBuffer(8); return [new Uint8Array(b, 2, 3), new DataView(b, 4), b]; })()",
            (
                "[data[0].buffer === data[2] && data[1].buffer === data[2],"
                " data[0].byteOffset, data[0].length, data[1].byteLength]"
            ),
            [True, 2, 3, 4],
        ),
        (
            "new Uint8Array(new ArrayBuffer(2, {maxByteLength: 9}))",
            "(data.buffer.resize(5), data.length)",
            5,
        ),
        (
            (
                "(() => { const a = {}; a.self = a; a.list = [a]; a.map = new Map([[a, a]]);"
                " a.twice = [a.list, a.list]; return a; })()"
            ),
            "[data.self === data, data.list[0] === data, data.map.get(data) === data, data.twice[0] === data.twice[1]]",
            [True, True, True, True],
        ),
    ],
)
async def test_what_pages_encode_comes_out_again(world: World, value: str, look: str, seen: object) -> None:
    text = await encoded(await world.worklet(), value)
    assert await looked_at(world, text, look) == seen


async def test_a_deep_value_is_read_without_recursion(world: World) -> None:
    depth = 50_000
    text = json.dumps([[0], *(["array", 1, "0", [number + 1]] for number in range(depth)), ["array", 0]])
    deep = "(() => { let n = 0; for (let a = data; a.length; a = a[0]) n++; return n; })()"
    assert await looked_at(world, text, deep) == depth


@pytest.mark.parametrize(
    "text",
    [
        "",
        '[[0],["foreign"]]',
        '[[0],["array",-1]]',
        '[[0],["regexp","(",""]]',
        '[[0],["buffer","%",null]]',
        '[[0],["view","Uint16Array",[1],1,null],["buffer","AAAA",null]]',
        '[[0],["view","Object",[1],0,1],["buffer","AAAA",null]]',
        '[[0],["error","Object",false,["u"],["u"],false,["u"]]]',
        '[["b","x"]]',
    ],
)
async def test_what_stands_for_nothing_cannot_be_read(shared_worklet: Worklet, text: str) -> None:
    end = await shared_worklet.call("evaluate", text)
    assert (end["failure"], end["uncaughtError"]) == ("Cannot deserialize data.", False)
