from __future__ import annotations

import json
from typing import Any

import pytest

from tests.injected_js.worklet.world import Worklet, World

pytestmark = pytest.mark.browser

OURS = """
(() => {
  const found = [];
  const visit = (path, object) => {
    for (const key of Reflect.ownKeys(object)) {
      if (key === "constructor" || key === "prototype") continue;
      const { value, get, set } = Object.getOwnPropertyDescriptor(object, key);
      for (const f of [value, get, set]) if (typeof f === "function") found.push([`${path}.${String(key)}`, f]);
    }
  };
  const interfaces = ["SharedStorage", "PrivateAggregation", "SharedStorageModifierMethod", "SharedStorageSetMethod",
    "SharedStorageAppendMethod", "SharedStorageDeleteMethod", "SharedStorageClearMethod", "Lock", "LockManager",
    "SharedStorageWorkletNavigator", "SharedStorageWorkletGlobalScope"];
  for (const name of interfaces) {
    found.push([name, globalThis[name]]);
    visit(name, globalThis[name].prototype);
  }
  visit("iterator", Object.getPrototypeOf(sharedStorage.keys()));
  for (const name of ["sharedStorage", "privateAggregation", "navigator"]) {
    found.push([name, Object.getOwnPropertyDescriptor(globalThis, name).get]);
  }
  found.push(["register", register], ["interestGroups", interestGroups], ["toString", Function.prototype.toString]);
  return found;
})()
"""


async def told_of_each(worklet: Worklet, expression: str) -> dict[str, list[Any]]:
    """``expression`` of each function of ours, by its path."""
    how, value = await worklet.outcome(f"{OURS}.map(([path, f]) => [path, {expression}])")
    assert how == "returns"
    found: dict[str, list[Any]] = dict(json.loads(value))
    assert len(found) > 30
    return found


async def test_functions_show_as_native_code_under_their_names(shared_worklet: Worklet) -> None:
    shown = await told_of_each(shared_worklet, "[f.name, String(f), Function.prototype.toString.call(f)]")
    for path, (name, *texts) in shown.items():
        assert texts == [f"function {name}() {{ [native code] }}"] * 2, path
        assert name.removeprefix("get ") == path.rpartition(".")[2], path


async def test_methods_and_getters_have_no_prototype_and_construct_nothing(shared_worklet: Worklet) -> None:
    constructs = "(() => { try { Reflect.construct(Object, [], f); return true; } catch { return false; } })()"
    facts = await told_of_each(shared_worklet, f"[{constructs}, Reflect.ownKeys(f).join()]")
    for path, found in facts.items():
        is_interface = path[0].isupper() and "." not in path
        assert found == ([True, "length,name,prototype"] if is_interface else [False, "length,name"]), path


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ("Function.prototype.toString.call(() => 1)", ["returns", '"() => 1"']),
        ("String(class A {})", ["returns", '"class A {}"']),
        ("Function.prototype.toString.call(parseInt)", ["returns", '"function parseInt() { [native code] }"']),
        (
            "Function.prototype.toString.call({})",
            ["throws", "TypeError", "Function.prototype.toString requires that 'this' be a Function"],
        ),
        (
            "new Function.prototype.toString()",
            ["throws", "TypeError", "Function.prototype.toString is not a constructor"],
        ),
        ("[Function.prototype.toString.name, Function.prototype.toString.length]", ["returns", '["toString",0]']),
        (
            "Object.entries(Object.getOwnPropertyDescriptor(Function.prototype, 'toString')).slice(1).join()",
            ["returns", '"writable,true,enumerable,false,configurable,true"'],
        ),
    ],
)
async def test_other_functions_show_as_ever(shared_worklet: Worklet, expression: str, outcome: list[str]) -> None:
    assert await shared_worklet.outcome(expression) == outcome


async def test_stacks_of_exceptions_of_ours_begin_where_they_were_called(world: World) -> None:
    call = "privateAggregation.contributeToHistogram()"
    module = f"register('a', class A {{ run() {{ try {{ {call}; }} catch (e) {{ throw e.stack; }} }} }});"
    worklet = await world.worklet(f"{module}\n//# sourceURL=https://a.test/op.js")
    message, *frames = (await worklet.call("a"))["failure"].split("\n")
    assert message.startswith("TypeError: Failed to execute 'contributeToHistogram'")
    column = module.index("contributeToHistogram(") + 1
    assert frames == [f"    at A.run (https://a.test/op.js:1:{column})"]
