from __future__ import annotations

from typing import Any

import pytest

from tests.injected_js.worklet.world import EVALUATE, Worklet, World

pytestmark = pytest.mark.browser

REQUEST = "Failed to execute 'request' on 'LockManager': "
READ = "Failed to read the '{}' property from 'LockOptions': "
MODE = READ.format("mode") + "The provided value 'x' is not a valid enum value of type LockMode."
SIGNAL = READ.format("signal") + "Failed to convert value to 'AbortSignal'."


@pytest.mark.parametrize(
    ("arguments", "name", "text"),
    [
        ("", "TypeError", "2 arguments required, but only 0 present."),
        ("'a'", "TypeError", "2 arguments required, but only 1 present."),
        ("'a', 5", "TypeError", "parameter 2 is not of type 'Function'."),
        ("'a', {}, 5", "TypeError", "parameter 3 is not of type 'Function'."),
        ("'a', () => 1, undefined", "TypeError", "parameter 3 is not of type 'Function'."),
        ("'a', 5, () => 1", "TypeError", "The provided value is not of type 'LockOptions'."),
        ("'a', {mode: 'x'}, 5", "TypeError", MODE),
        ("'a', {signal: null}, () => 1", "TypeError", SIGNAL),
        ("'-a', () => 1", "DOMException NotSupportedError", "Names cannot start with '-'."),
        (
            "'a', {steal: true, ifAvailable: true}, () => 1",
            "DOMException NotSupportedError",
            "The 'steal' and 'ifAvailable' options cannot be used together.",
        ),
        (
            "'a', {steal: true, mode: 'shared'}, () => 1",
            "DOMException NotSupportedError",
            "The 'steal' option may only be used with 'exclusive' locks.",
        ),
    ],
)
async def test_request_rejects_in_the_words_of_the_native_one(
    shared_worklet: Worklet, arguments: str, name: str, text: str
) -> None:
    before = len(shared_worklet.asked)
    assert await shared_worklet.outcome(f"navigator.locks.request({arguments})") == ["rejects", name, REQUEST + text]
    assert shared_worklet.asked[before:] == []


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ("'a', () => 1", {"name": "a", "mode": "exclusive", "ifAvailable": False, "steal": False}),
        ("'', null, () => 1", {"name": "", "mode": "exclusive", "ifAvailable": False, "steal": False}),
        (
            "'a', {mode: 'shared', ifAvailable: 1}, () => 1",
            {"name": "a", "mode": "shared", "ifAvailable": True, "steal": False},
        ),
        ("5, {steal: true}, () => 1", {"name": "5", "mode": "exclusive", "ifAvailable": False, "steal": True}),
    ],
)
async def test_request_asks_the_host(shared_worklet: Worklet, arguments: str, asked: dict[str, Any]) -> None:
    assert await shared_worklet.outcome(f"navigator.locks.request({arguments})") == ["resolves", "1"]
    assert shared_worklet.asked[-1]["args"] == asked


async def test_the_callback_gets_the_lock_and_the_request_what_it_gives(shared_worklet: Worklet) -> None:
    facts = "[arguments.length, this === undefined, String(lock), lock.name, lock.mode]"
    callback = f"function (lock) {{ 'use strict'; return {facts}; }}"
    outcome = await shared_worklet.outcome(f"navigator.locks.request('l', {{mode: 'shared'}}, {callback})")
    assert outcome == ["resolves", '[1,true,"[object Lock]","l","shared"]']


async def test_the_callback_gets_null_where_the_lock_is_not_available_and_nothing_is_released(world: World) -> None:
    worklet = await world.worklet()
    worklet.answer = lambda _: {"lock": None}
    assert await worklet.outcome("navigator.locks.request('l', {ifAvailable: true}, (lock) => lock)") == [
        "resolves",
        "null",
    ]
    assert worklet.told == []


@pytest.mark.parametrize(
    ("callback", "outcome"),
    [
        ("async () => 5", ["resolves", "5"]),
        ("() => { throw new RangeError('x'); }", ["rejects", "RangeError", "x"]),
        ("() => Promise.reject(new RangeError('x'))", ["rejects", "RangeError", "x"]),
    ],
)
async def test_the_lock_is_released_once_when_the_callback_has_ended(
    world: World, callback: str, outcome: list[str]
) -> None:
    worklet = await world.worklet()
    assert await worklet.outcome(f"navigator.locks.request('l', {callback})") == outcome
    (asked,) = worklet.asked
    assert [(one["method"], one["args"]) for one in worklet.told] == [("releaseLock", {"lock": asked["id"]})]


async def test_the_lock_is_held_until_then(world: World) -> None:
    worklet = await world.worklet(
        EVALUATE + "let end; const held = () => new Promise((resolve) => { end = resolve; });"
        "register('hold', class { run() { return navigator.locks.request('l', held); } });"
        "register('end', class { run() { end(); } });"
    )
    holding = await worklet.start("hold")
    await worklet.outcome("1")
    assert worklet.told == []
    await worklet.call("end")
    await worklet.end_of(holding)
    assert [one["method"] for one in worklet.told] == ["releaseLock"]


async def test_a_stolen_lock_breaks_its_request(world: World) -> None:
    worklet = await world.worklet(
        EVALUATE
        + "register('hold', class { run() { return navigator.locks.request('l', () => sharedStorage.get('slow')); } });"
    )
    worklet.answer = lambda message: None if message["method"] == "get" else worklet.stored(message)
    holding = await worklet.start("hold")
    await worklet.until(lambda: len(worklet.asked) == 2)
    lock, slow = worklet.asked
    await worklet.hear("lockBroken", lock["id"], holding)
    end = await worklet.end_of(holding)
    assert end["failure"] == "AbortError: Lock broken by another request with the 'steal' option."
    await worklet.settle(slow, {"value": None})
    await worklet.outcome("1")
    assert worklet.told == []


async def test_query_is_denied(shared_worklet: Worklet) -> None:
    assert await shared_worklet.outcome("navigator.locks.query()") == [
        "rejects",
        "DOMException SecurityError",
        "Failed to execute 'query' on 'LockManager': Access to the Locks API is denied in this context.",
    ]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("Object.getOwnPropertyNames(Lock.prototype)", '["name","mode","constructor"]'),
        ("Object.getOwnPropertyNames(LockManager.prototype)", '["query","request","constructor"]'),
        ("[LockManager.prototype.request.length, LockManager.prototype.query.length]", "[2,0]"),
    ],
)
async def test_the_interfaces_are_laid_out_as_the_native_ones(
    shared_worklet: Worklet, expression: str, names: str
) -> None:
    assert await shared_worklet.outcome(expression) == ["returns", names]
