"""Scripts that break their own builtins break neither the interfaces nor see them work."""

from __future__ import annotations

import json

import pytest

from tests.injected_js.worklet.world import World

pytestmark = pytest.mark.browser

BROKEN = """
const seen = [];
const { stringify } = JSON, { ownKeys, getOwnPropertyDescriptor } = Reflect, { defineProperty } = Object;
const define = (object, name, descriptor) =>
  defineProperty(object, name, { __proto__: null, configurable: true, ...descriptor });
const note = (text) => { define(seen, seen.length, { value: text, enumerable: true }); };
register("work", class { async run(data) {
  const key = data.get("key");
  await sharedStorage.set(key, "1");
  await sharedStorage.append(key, "2");
  await sharedStorage.batchUpdate(new Methods());
  const first = await sharedStorage.get(key), second = await sharedStorage.length();
  const entries = sharedStorage.entries();
  const third = (await entries.next()).value[1];
  const fourth = await navigator.locks.request("l", { mode: "shared" }, (lock) => lock.mode);
  privateAggregation.contributeToHistogram({ bucket: 5n, value: 6 });
  privateAggregation.enableDebugMode({ debugKey: 7n });
  let last;
  try { privateAggregation.enableDebugMode(); } catch (e) { last = e.message; }
  delete Object.prototype.toJSON; // for the stringify of this script
  await sharedStorage.set("seen", stringify(seen));
  await sharedStorage.set("got", stringify([first, second, third, fourth, last]));
} });
class Methods { // an array would be read through the broken Array.prototype[Symbol.iterator], natively too
  [Symbol.iterator]() {
    let left = 1;
    return { next: () => left-- ? { value: new SharedStorageSetMethod("b", "x") } : { done: true } };
  }
}
register("break", class { run() {
  const holders = [Function.prototype, Map.prototype, Set.prototype, WeakMap.prototype, Promise, Promise.prototype,
    Reflect, JSON, Object, Number, BigInt, BigInt.prototype, Array, Array.prototype, Uint8Array, Uint8Array.prototype,
    Object.getPrototypeOf(Uint8Array.prototype), String.prototype, Date.prototype, RegExp.prototype, Error, Math];
  const all = holders.map(ownKeys), properties = [];
  holders.forEach((holder, i) => all[i].forEach((name) => properties.push([holder, name])));
  const kept = { constructor: true, prototype: true, get: true, then: true }; // the last two the script itself needs
  for (let i = 0; i < properties.length; i++) {
    const holder = properties[i][0], name = properties[i][1];
    const { configurable, value } = getOwnPropertyDescriptor(holder, name);
    if (!configurable || typeof value !== "function" || kept[name]) continue;
    define(holder, name, { value() { note(name.toString()); throw "trapped"; } });
  }
  const names = ["0", "1", "toJSON", "error", "lock", "message", "operation", "withLock_", "get", "set", "value"];
  for (let i = 0; i < names.length; i++) {
    define(Object.prototype, names[i], { get() { note(`get ${names[i]}`); }, set() { note(`set ${names[i]}`); } });
  }
} });
"""


async def test_a_broken_realm_neither_breaks_the_interfaces_nor_sees_them_work(world: World) -> None:
    worklet = await world.worklet(BROKEN)
    assert (await worklet.call("break"))["failure"] is None
    end = await worklet.call("work", json.dumps([[0], ["map", "key", "k"]]))
    assert end["failure"] is None, end
    assert json.loads(worklet.entries["got"]) == [
        "12",
        2,
        "x",
        "shared",
        "Failed to execute 'enableDebugMode' on 'PrivateAggregation': enableDebugMode may be called at most once",
    ]
    told = {one["method"]: one["args"] for one in worklet.told}
    assert told["contribute"] == {"bucket": "5", "value": 6, "filteringId": "0"}
    assert told["enableDebugMode"] == {"key": "7"}
    assert json.loads(worklet.entries["seen"]) == []


@pytest.mark.parametrize(
    "poison",
    [
        "Object.defineProperty(Promise.prototype, 'constructor', { get() { caught.push('constructor'); } })",
        "Object.defineProperty(Promise, Symbol.species, { get() { caught.push('species'); return Promise; } })",
        "Promise.prototype.then = function (...all) { caught.push('then'); return then.apply(this, all); }",
        "Object.defineProperty(Object.prototype, 'then', { get() { caught.push(Object.keys(this).join()); } })",
        (
            "Error.prepareStackTrace = (_, sites) => { for (const site of sites) {"
            " if (site.getFunction() || site.getThis()) caught.push(String(site)); } return 'stack'; }"
        ),
    ],
)
async def test_scripts_catch_nothing_of_ours_in_promises_and_stacks(world: World, poison: str) -> None:
    worklet = await world.worklet(
        "const caught = []; const then = Promise.prototype.then;"
        f"register('poison', class {{ run() {{ {poison}; }} }});"
        "register('work', class { run() {"
        "  sharedStorage.get('a'); sharedStorage.length(); navigator.locks.request('l', () => 1);"
        "  try { privateAggregation.contributeToHistogram(); } catch (e) { e.stack; }"
        "  return 1; } });"
        "register('caught', class { run() { throw caught.join(); } });"
    )
    await worklet.call("poison")
    assert (await worklet.call("work"))["failure"] is None
    await worklet.until(lambda: any(one["method"] == "releaseLock" for one in worklet.told))
    assert (await worklet.call("caught"))["failure"] == ""
