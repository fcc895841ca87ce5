from __future__ import annotations

import json

import pytest

from tests.injected_js.worklet.world import Worklet, World

pytestmark = pytest.mark.browser

TOP_LEVEL = """
const facts = (e) => [e.constructor.name, e.name, e.code, e.message];
const attempt = (steps) => { try { return [typeof steps()]; } catch (e) { return facts(e); } };
const both = () => [attempt(() => sharedStorage), attempt(() => privateAggregation)];
const others = [() => crypto, () => navigator, () => navigator.locks, () => interestGroups()];
const seen = [...both(), ...others.map(attempt)];
register("seen", class { run() { throw JSON.stringify(seen); } });
register("now", class { run() { throw JSON.stringify(both()); } });
"""


async def test_storage_and_aggregation_are_out_of_reach_while_the_module_script_runs(world: World) -> None:
    def denied(name: str) -> list[object]:
        context = f"Failed to read the '{name}' property from 'SharedStorageWorkletGlobalScope': "
        return ["DOMException", "NotAllowedError", 0, f"{context}{name} cannot be accessed during addModule()."]

    worklet = await world.worklet(TOP_LEVEL)
    seen = json.loads((await worklet.call("seen"))["failure"])
    assert seen == [denied("sharedStorage"), denied("privateAggregation"), *[["object"]] * 4]
    assert json.loads((await worklet.call("now"))["failure"]) == [["object"], ["object"]]


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [
        ("interestGroups()", ["resolves", "[]"]),
        (
            "String(navigator) + String(navigator.locks)",
            ["returns", '"[object SharedStorageWorkletNavigator][object LockManager]"'],
        ),
        ("navigator === navigator && navigator.locks === navigator.locks", ["returns", "true"]),
        (
            "(() => { const names = []; for (const name in navigator) names.push(name); return names; })()",
            ["returns", '["locks"]'],
        ),
        (
            "Object.getOwnPropertyDescriptor(SharedStorageWorkletNavigator.prototype, 'locks').get.call({})",
            ["throws", "TypeError", "Illegal invocation"],
        ),
        (
            "Object.getOwnPropertyDescriptor(globalThis, 'navigator').get.call({})",
            ["throws", "TypeError", "Illegal invocation"],
        ),
        (
            "new SharedStorageWorkletNavigator()",
            ["throws", "TypeError", "Failed to construct 'SharedStorageWorkletNavigator': Illegal constructor"],
        ),
        ("new Lock()", ["throws", "TypeError", "Failed to construct 'Lock': Illegal constructor"]),
        ("SharedStorage()", ["throws", "TypeError", "Illegal constructor"]),
        ("typeof DOMException", ["returns", '"undefined"']),
    ],
)
async def test_what_the_global_object_has(shared_worklet: Worklet, expression: str, outcome: list[str]) -> None:
    assert await shared_worklet.outcome(expression) == outcome


@pytest.mark.parametrize("name", ["sharedStorage", "privateAggregation", "navigator"])
async def test_objects_are_read_only_accessors_of_the_global_object(shared_worklet: Worklet, name: str) -> None:
    facts = (
        f"(() => {{ const it = Object.getOwnPropertyDescriptor(globalThis, '{name}');"
        " return [it.enumerable, it.configurable, it.get.name, it.set ?? null]; })()"
    )
    assert await shared_worklet.outcome(facts) == [
        "returns",
        json.dumps([True, True, f"get {name}", None], separators=(",", ":")),
    ]
    assigned = f"(() => {{ globalThis.{name} = 5; return typeof {name}; }})()"
    assert await shared_worklet.outcome(assigned) == ["returns", '"object"']


@pytest.mark.parametrize(("name", "length"), [("register", 2), ("interestGroups", 0)])
async def test_functions_are_ordinary_operations_of_the_global_object(
    shared_worklet: Worklet, name: str, length: int
) -> None:
    facts = (
        f"(() => {{ const it = Object.getOwnPropertyDescriptor(globalThis, '{name}');"
        " return [it.enumerable, it.configurable, it.writable, it.value.name, it.value.length]; })()"
    )
    expected = json.dumps([True, True, True, name, length], separators=(",", ":"))
    assert await shared_worklet.outcome(facts) == ["returns", expected]
