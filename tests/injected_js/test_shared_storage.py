"""``window.sharedStorage`` and its writes, as Chromium 143 has them (shared-storage sections 1 to 3, 10)."""

from __future__ import annotations

from typing import Any

import pytest

from agent.model.shared_storage_limits import SharedStorageLimits
from tests.injected_js.conftest import URL, Host, NewHost

pytestmark = pytest.mark.browser

SET = "Failed to execute 'set' on 'SharedStorage': "
BATCH = "Failed to execute 'batchUpdate' on 'SharedStorage': "
DISABLED = {"name": "OperationError", "message": "sharedStorage is disabled", "dom": True}


def writes(host: Host) -> list[dict[str, Any]]:
    """What the host was told of writes."""
    return [call["options"] for call in host.calls if call["method"] == "update"]


async def test_it_is_an_accessor_of_the_window_itself(shared_host: Host) -> None:
    facts = await shared_host.run(
        """const d = Object.getOwnPropertyDescriptor(window, "sharedStorage");
        window.sharedStorage = 5;
        return [d.enumerable, d.configurable, d.get.name, d.get.length, d.set ?? null,
          "sharedStorage" in Window.prototype, sharedStorage === sharedStorage,
          sharedStorage.worklet === sharedStorage.worklet, `${sharedStorage} ${sharedStorage.worklet}`,
          Object.keys(sharedStorage), sharedStorage instanceof EventTarget];"""
    )
    tags = "[object SharedStorage] [object SharedStorageWorklet]"
    assert facts == [True, True, "get sharedStorage", 0, None, False, True, True, tags, [], False]


async def test_members_stand_in_the_order_of_143_with_their_lengths(shared_host: Host) -> None:
    members = await shared_host.run(
        """return [SharedStorage, SharedStorageWorklet].map(({ prototype: p }) => Reflect.ownKeys(p).map((key) => {
          const { value, get } = Object.getOwnPropertyDescriptor(p, key);
          return [String(key), typeof value === "function" ? value.length : get ? "accessor" : value,
            typeof value === "function" && key !== "constructor" ? "prototype" in value : false];
        }));"""
    )
    assert members == [
        [
            ["append", 2, False],
            ["clear", 0, False],
            ["delete", 1, False],
            ["get", 1, False],
            ["set", 2, False],
            ["batchUpdate", 1, False],
            ["constructor", 0, False],
            ["worklet", "accessor", False],
            ["createWorklet", 1, False],
            ["run", 1, False],
            ["selectURL", 2, False],
            ["Symbol(Symbol.toStringTag)", "SharedStorage", False],
        ],
        [
            ["addModule", 1, False],
            ["constructor", 0, False],
            ["run", 1, False],
            ["selectURL", 2, False],
            ["Symbol(Symbol.toStringTag)", "SharedStorageWorklet", False],
        ],
    ]


async def test_functions_look_native_in_every_realm(shared_host: Host) -> None:
    foreign = await shared_host.run(
        r"""const { contentWindow: other } = document.body.appendChild(document.createElement("iframe"));
        const functions = [SharedStorage, SharedStorageWorklet, SharedStorageSetMethod,
          Object.getOwnPropertyDescriptor(window, "sharedStorage").get,
          Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "sharedStorageWritable").set,
          HTMLFencedFrameElement.canLoadOpaqueURL, FencedFrameConfig.prototype.setSharedStorageContext];
        for (const { prototype: p } of [SharedStorage, SharedStorageWorklet]) {
          for (const { value, get } of Object.values(Object.getOwnPropertyDescriptors(p))) functions.push(value ?? get);
        }
        return functions.filter((f) => typeof f === "function").map((f) => other.Function.prototype.toString.call(f))
          .filter((text) => !/^function \w*\(\) \{ \[native code\] \}$/.test(text));"""
    )
    assert foreign == []


async def test_another_realms_object_serves(host: Host) -> None:
    await host.run(
        """const { contentWindow: other } = document.body.appendChild(document.createElement("iframe"));
        const get = Object.getOwnPropertyDescriptor(window, "sharedStorage").get;
        if (get.call(other) !== other.sharedStorage || get.call(undefined) !== sharedStorage) throw new Error("getter");
        await SharedStorage.prototype.set.call(other.sharedStorage, "a", "b");
        await other.sharedStorage.batchUpdate([new SharedStorageClearMethod()]);"""
    )
    assert [[method["op"] for method in update["methods"]] for update in writes(host)] == [["set"], ["clear"]]


@pytest.mark.parametrize(
    ("expression", "thrown"),
    [
        ("new SharedStorage()", ["thrown", "TypeError", "Failed to construct 'SharedStorage': Illegal constructor"]),
        ("SharedStorage()", ["thrown", "TypeError", "Illegal constructor"]),
        ("SharedStorage.prototype.set.call({}, 'a', 'b')", ["rejected", "TypeError", f"{SET}Illegal invocation"]),
        (
            "Object.getOwnPropertyDescriptor(SharedStorage.prototype, 'worklet').get.call({})",
            ["thrown", "TypeError", "Illegal invocation"],
        ),
        (
            "Object.getOwnPropertyDescriptor(window, 'sharedStorage').get.call({})",
            ["thrown", "TypeError", "Illegal invocation"],
        ),
        (
            "sharedStorage.get('a')",
            ["rejected", "DOMException OperationError", "Cannot call get() outside of a fenced frame."],
        ),
        (
            "sharedStorage.get()",
            [
                "rejected",
                "TypeError",
                "Failed to execute 'get' on 'SharedStorage': 1 argument required, but only 0 present.",
            ],
        ),
        ("sharedStorage.set('a')", ["rejected", "TypeError", f"{SET}2 arguments required, but only 1 present."]),
        (
            "sharedStorage.set('', 'v')",
            ["rejected", "DOMException DataError", f'{SET}Length of the "key" parameter is not valid'],
        ),
        (
            "sharedStorage.set('', 'v', { withLock: '-l' })",
            ["rejected", "DOMException DataError", f'{SET}Length of the "key" parameter is not valid'],
        ),
        (
            "sharedStorage.set('k', 'v', { withLock: '-l' })",
            ["rejected", "DOMException DataError", f"{SET}Lock name cannot start with '-'"],
        ),
        (
            "sharedStorage.batchUpdate([new SharedStorageSetMethod('a', '1', { withLock: 'x' })])",
            [
                "rejected",
                "DOMException DataError",
                f"{BATCH}The 'withLock' option is not allowed for methods within batchUpdate()",
            ],
        ),
        (
            "sharedStorage.set({ toString() { throw new RangeError('mine'); } }, 'v')",
            ["rejected", "RangeError", "mine"],
        ),
    ],
)
async def test_what_143_refuses_is_refused_in_its_words(shared_host: Host, expression: str, thrown: list[str]) -> None:
    assert await shared_host.thrown(expression) == thrown


async def test_a_key_and_a_value_may_be_as_long_as_the_limit(new_host: NewHost) -> None:
    host = await new_host(shared_storage_limits=SharedStorageLimits(max_string_length=3))
    assert await host.thrown("sharedStorage.set('abc', 'abc')") is None
    message = 'Length of the "{}" parameter is not valid'
    assert (await host.thrown("sharedStorage.set('abcd', '')"))[2] == SET + message.format("key")
    assert (await host.thrown("sharedStorage.set('a', 'abcd')"))[2] == SET + message.format("value")


async def test_writes_are_told_in_the_order_of_the_program(host: Host) -> None:
    values = await host.run(
        r"""const x = new SharedStorageAppendMethod("x", "y");
        return Promise.all([sharedStorage.set(1, null), sharedStorage.set("\ud800", "\udc00", { ignoreIfPresent: "y" }),
          sharedStorage.append("a", "b", { withLock: "" }), sharedStorage.delete("a", { withLock: "l" }),
          sharedStorage.clear(null), sharedStorage.batchUpdate([], { withLock: "m" }),
          sharedStorage.batchUpdate(new Set([x, new SharedStorageDeleteMethod("x")]))
        ]).then((all) => all.every((value) => value === undefined));"""
    )
    assert values is True
    assert writes(host) == [
        {
            "methods": [{"op": "set", "key": "1", "value": "null", "ignoreIfPresent": False}],
            "lock": None,
            "batch": False,
        },
        {
            "methods": [{"op": "set", "key": "\ufffd", "value": "\ufffd", "ignoreIfPresent": True}],
            "lock": None,
            "batch": False,
        },
        {"methods": [{"op": "append", "key": "a", "value": "b"}], "lock": "", "batch": False},
        {"methods": [{"op": "delete", "key": "a"}], "lock": "l", "batch": False},
        {"methods": [{"op": "clear"}], "lock": None, "batch": False},
        {"methods": [], "lock": "m", "batch": True},
        {
            "methods": [{"op": "append", "key": "x", "value": "y"}, {"op": "delete", "key": "x"}],
            "lock": None,
            "batch": True,
        },
    ]


async def test_a_write_does_not_wait_for_the_host(host: Host) -> None:
    host.answer = lambda _: None
    await host.run("await sharedStorage.set('a', 'b')")
    assert [call["id"] for call in host.calls] == [0]


async def test_where_the_host_may_refuse_it_is_asked(new_host: NewHost) -> None:
    host = await new_host(shared_storage_asks=True)
    host.answer = lambda _: {"error": DISABLED}
    disabled = ["rejected", "DOMException OperationError", "sharedStorage is disabled"]
    assert await host.thrown("sharedStorage.set('a', 'b')") == disabled
    assert await host.thrown("sharedStorage.batchUpdate([])") == disabled
    host.answer = lambda _: {}
    assert await host.thrown("sharedStorage.set('a', 'b')") is None


async def test_an_opaque_origin_is_refused(new_host: NewHost) -> None:
    script = """<script>(async () => { const text = (e) => `${e.name}: ${e.message}`; const all = [];
          for (const call of [() => sharedStorage.set("a", "b"), () => sharedStorage.get("a"),
            () => sharedStorage.worklet.addModule("https://page.test/w.js"),
            () => sharedStorage.createWorklet("https://page.test/w.js", { dataOrigin: "context-origin" })]) {
            try { await call(); all.push("ok"); } catch (e) { all.push(text(e)); } }
          try { new SharedStorageSetMethod("a", "b"); } catch (e) { all.push(text(e)); }
          parent.postMessage(all, "*"); })()</script>"""
    host = await new_host(pages={f"{URL}sandboxed": (script, {})}, everywhere=True)
    body = """const frame = document.createElement("iframe");
        frame.sandbox = "allow-scripts"; frame.src = "/sandboxed"; document.body.append(frame);
        return new Promise((go) => { onmessage = ({ data }) => go(data); });"""
    opaque = "The shared storage method is not allowed in an opaque origin context"
    opaque_data = "InvalidAccessError: The shared storage method is not allowed to have an opaque data origin"
    assert await host.run(body) == [
        f"InvalidAccessError: {SET}{opaque}",
        f"InvalidAccessError: Failed to execute 'get' on 'SharedStorage': {opaque}",
        opaque_data,
        opaque_data,
        f"InvalidAccessError: Failed to construct 'SharedStorageSetMethod': {opaque}",
    ]


async def test_without_the_policy_nothing_is_written(host: Host) -> None:
    await host.evaluate(f"""{host.config.resolver}(0, '{{"withoutFeatures":["shared-storage"]}}')""")
    denied = 'The "shared-storage" Permissions Policy denied the method on window.sharedStorage.'
    assert await host.thrown("sharedStorage.set('a', 'b')") == [
        "rejected",
        "DOMException InvalidAccessError",
        SET + denied,
    ]
    assert await host.thrown("sharedStorage.worklet.addModule('/w.js')") == [
        "rejected",
        "DOMException InvalidAccessError",
        'The "shared-storage" Permissions Policy denied the method for the worklet origin.',
    ]
    message = "sharedStorage.worklet.addModule() has to be called before run()."
    assert await host.thrown("sharedStorage.run('a')") == ["rejected", "DOMException OperationError", message]
    assert host.calls == []


async def test_it_is_not_there_where_the_context_is_not_secure(new_host: NewHost) -> None:
    host = await new_host("http://page.test/")
    assert await host.run(
        "return [typeof sharedStorage, typeof SharedStorage, 'sharedStorageWritable' in HTMLImageElement.prototype]"
    ) == ["undefined", "undefined", False]
