"""Worklets as a page sees them: module scripts, ``run`` and ``selectURL`` (shared-storage sections 4, 5 and 7)."""

from __future__ import annotations

from typing import Any

import pytest

from agent.model.shared_storage_limits import SharedStorageLimits
from tests.injected_js.conftest import Host, NewHost

pytestmark = pytest.mark.browser

OPERATION_ERROR = "DOMException OperationError"
DATA_ERROR = "DOMException DataError"
EXPIRED = (
    "The sharedStorage worklet cannot execute further operations because the previous operation did not include the "
    "option 'keepAlive: true'."
)
LOADED = "await sharedStorage.worklet.addModule('/w.js');"


def options_of(host: Host, method: str) -> list[dict[str, Any]]:
    """What the host was told by ``method``."""
    return [call["options"] for call in host.calls if call["method"] == method]


def data_origins(host: Host) -> list[str]:
    """Whose data the worklets were asked for."""
    return [one["dataOrigin"] for one in options_of(host, "createWorklet")]


async def test_the_module_script_is_asked_for_once(host: Host) -> None:
    assert await host.run("return sharedStorage.worklet.addModule('w.js?x#f', { credentials: 'include' })") is None
    once = "addModule() can only be invoked once per worklet."
    assert await host.thrown("sharedStorage.worklet.addModule('/w.js')") == ["rejected", OPERATION_ERROR, once]
    (options,) = options_of(host, "createWorklet")
    assert options == {
        "worklet": options["worklet"],
        "url": "https://page.test/w.js?x#f",
        "credentials": "include",
        "dataOrigin": "context-origin",
        "own": True,
    }


async def test_a_failed_load_uses_the_one_call_up_and_run_resolves_all_the_same(host: Host) -> None:
    text = "Failed to load https://page.test/w.js HTTP status = 404 Not Found."
    host.answer = lambda _: {"error": {"name": "OperationError", "message": text, "dom": True}}
    assert await host.thrown("sharedStorage.worklet.addModule('/w.js')") == ["rejected", OPERATION_ERROR, text]
    once = "addModule() can only be invoked once per worklet."
    assert await host.thrown("sharedStorage.worklet.addModule('/w.js')") == ["rejected", OPERATION_ERROR, once]
    assert await host.thrown("sharedStorage.run('a')") is None


@pytest.mark.parametrize(
    ("url", "name", "message"),
    [
        ("https://", DATA_ERROR, "The module script url is invalid."),
        ("data:text/javascript,1", OPERATION_ERROR, "data: module script url is not allowed."),
    ],
)
async def test_a_url_that_can_be_no_module_script_leaves_the_one_call(
    host: Host, url: str, name: str, message: str
) -> None:
    assert await host.thrown("sharedStorage.worklet.addModule(argument)", url) == ["rejected", name, message]
    assert await host.thrown("sharedStorage.worklet.addModule('/w.js')") is None


async def test_every_created_worklet_is_one_of_its_own(host: Host) -> None:
    facts = await host.run(
        """const [a, b] = [await sharedStorage.createWorklet("/a.js"), await sharedStorage.createWorklet("/b.js")];
        await a.run("x"); await b.run("y", { keepAlive: true }); await b.run("z");
        return [a instanceof SharedStorageWorklet, a !== b, a !== sharedStorage.worklet];"""
    )
    assert facts == [True, True, True]
    first, second = (one["worklet"] for one in options_of(host, "createWorklet"))
    assert [(one["worklet"], one["name"]) for one in options_of(host, "run")] == [
        (first, "x"),
        (second, "y"),
        (second, "z"),
    ]
    assert first != second


async def test_the_origin_of_the_data_is_told(host: Host) -> None:
    await host.run(
        """await sharedStorage.createWorklet("https://other.test/w.js");
        await sharedStorage.createWorklet("https://other.test/w.js", { dataOrigin: "script-origin" });"""
    )
    assert data_origins(host) == ["context-origin", "script-origin"]
    bad = ["rejected", "TypeError", 'The "dataOrigin" parameter is not a valid keyword or URL.']
    assert await host.thrown("sharedStorage.createWorklet('/w.js', { dataOrigin: 'nope' })") == bad
    assert await host.thrown("sharedStorage.createWorklet('/w.js', { dataOrigin: 'https://b.test' })") == bad


async def test_an_origin_is_taken_where_the_setting_allows_it(new_host: NewHost) -> None:
    host = await new_host(shared_storage_limits=SharedStorageLimits(custom_data_origin=True))
    await host.run("await sharedStorage.createWorklet('/w.js', { dataOrigin: 'https://b.test/path' })")
    assert data_origins(host) == ["https://b.test"]
    bad = ["rejected", "TypeError", 'The "dataOrigin" parameter is not a valid keyword or URL.']
    assert await host.thrown("sharedStorage.createWorklet('/w.js', { dataOrigin: 'nope' })") == bad


async def test_a_blobs_text_is_told_before_what_runs_in_it(host: Host) -> None:
    await host.run(
        """const url = URL.createObjectURL(new Blob(["héllo"], { type: "text/javascript" }));
        const loaded = sharedStorage.worklet.addModule(url);
        URL.revokeObjectURL(url);
        await sharedStorage.run("x");
        await loaded;"""
    )
    assert [call["method"] for call in host.calls] == ["createWorklet", "run"]
    assert (host.calls[0]["options"]["text"], host.calls[0]["options"]["textType"]) == ("héllo", "text/javascript")


async def test_a_blob_that_is_gone_is_told_without_a_text(host: Host) -> None:
    await host.run("await sharedStorage.createWorklet('blob:https://page.test/0a')")
    assert [(one["text"], one["textType"]) for one in options_of(host, "createWorklet")] == [(None, "")]


async def test_run_resolves_at_once_with_nothing(host: Host) -> None:
    host.answer = lambda _: None
    value = await host.run(
        """sharedStorage.worklet.addModule("/w.js");
        return [await sharedStorage.run("op", { keepAlive: true }), await sharedStorage.worklet.run("op")];"""
    )
    assert value == [None, None]
    assert options_of(host, "run") == [
        {
            "worklet": options_of(host, "createWorklet")[0]["worklet"],
            "name": "op",
            "data": None,
            "keepAlive": keep_alive,
            "config": {
                "contextId": None,
                "filteringIdMaxBytes": 1,
                "aggregationCoordinatorOrigin": None,
                "maxContributions": None,
            },
        }
        for keep_alive in (True, False)
    ]


async def test_select_url_resolves_at_once_with_a_urn(host: Host) -> None:
    host.answer = lambda call: {} if call["method"] == "createWorklet" else None
    urn = await host.run(
        f"""{LOADED} return sharedStorage.selectURL("op", [{{ url: "a#f" }}, {{ url: "https://b.test",
        reportingMetadata: {{ click: "/r" }} }}], {{ savedQuery: "q", data: {{}}, keepAlive: true }});"""
    )
    assert urn.startswith("urn:uuid:")
    assert urn[9 + 14] == "4"
    (options,) = options_of(host, "selectURL")
    assert options["urls"] == [
        {"url": "https://page.test/a#f", "reportingMetadata": {}},
        {"url": "https://b.test/", "reportingMetadata": {"click": "https://page.test/r"}},
    ]
    facts = ("urn", "savedQuery", "resolveToConfig", "data", "keepAlive")
    assert [options[key] for key in facts] == [urn, "q", False, '[[0],["object"]]', True]


async def test_a_page_has_so_many_urns_and_no_more(new_host: NewHost) -> None:
    host = await new_host(shared_storage_limits=SharedStorageLimits(max_urns=1))
    await host.run(f"{LOADED} await sharedStorage.selectURL('a', [{{ url: '/1' }}], {{ keepAlive: true }})")
    message = "sharedStorage.selectURL() failed because number of urn::uuid to url mappings has reached the limit."
    refused = ["rejected", OPERATION_ERROR, message]
    assert await host.thrown("sharedStorage.selectURL('a', [{ url: '/1' }], { keepAlive: true })") == refused
    assert len(options_of(host, "selectURL")) == 1


async def test_after_a_call_that_kept_nothing_alive_there_is_no_other(host: Host) -> None:
    await host.run(f"{LOADED} await sharedStorage.run('a')")
    expired = ["rejected", OPERATION_ERROR, EXPIRED]
    assert await host.thrown("sharedStorage.run('a', { keepAlive: true })") == expired
    assert await host.thrown("sharedStorage.selectURL('a', [{ url: '/1' }])") == expired


async def test_a_refused_config_uses_up_a_worklet_that_was_not_to_be_kept(host: Host) -> None:
    await host.run(LOADED)
    config = "privateAggregationConfig: { contextId: 'x'.repeat(65) }"
    refused = ["rejected", DATA_ERROR, "contextId length cannot be larger than 64"]
    assert await host.thrown(f"sharedStorage.run('a', {{ keepAlive: true, {config} }})") == refused
    assert await host.thrown(f"sharedStorage.run('a', {{ {config} }})") == refused
    assert await host.thrown("sharedStorage.run('a')") == ["rejected", OPERATION_ERROR, EXPIRED]


async def test_data_that_cannot_be_cloned_leaves_the_worklet(host: Host) -> None:
    await host.run(LOADED)
    cannot = "Failed to execute 'run' on 'SharedStorage': () => 1 could not be cloned."
    assert await host.thrown("sharedStorage.run('a', { data: () => 1 })") == [
        "rejected",
        "DOMException DataCloneError",
        cannot,
    ]
    assert await host.thrown("sharedStorage.run('a')") is None


@pytest.mark.parametrize("method", ["run", "selectURL"])
async def test_a_worklet_without_a_module_script_runs_nothing(host: Host, method: str) -> None:
    message = f"sharedStorage.worklet.addModule() has to be called before {method}()."
    refused = ["rejected", OPERATION_ERROR, message]
    assert await host.thrown(f"sharedStorage.{method}('a', [{{ url: '/1' }}])") == refused
    assert await host.thrown(f"sharedStorage.worklet.{method}('a', [{{ url: '/1' }}])") == refused


async def test_without_its_policy_no_url_is_selected(host: Host) -> None:
    await host.evaluate(f"""{host.config.resolver}(0, '{{"withoutFeatures":["shared-storage-select-url"]}}')""")
    await host.run(LOADED)
    message = 'The "shared-storage-select-url" Permissions Policy denied the method for the worklet origin.'
    denied = ["rejected", "DOMException InvalidAccessError", message]
    assert await host.thrown("sharedStorage.selectURL('a', [{ url: '/1' }])") == denied
    assert await host.thrown("sharedStorage.run('a')") is None


async def test_the_host_says_whether_another_origins_worklet_may_select(host: Host) -> None:
    host.answer = lambda _: {"selectURLAllowed": False}
    script = "sharedStorage.createWorklet('https://b.test/w.js', { dataOrigin: 'script-origin' })"
    thrown = await host.thrown(f"{script}.then((worklet) => worklet.selectURL('a', [{{ url: '/1' }}]))")
    assert thrown[1] == "DOMException InvalidAccessError"


async def test_where_the_host_may_refuse_operations_wait_for_its_word(new_host: NewHost) -> None:
    host = await new_host(shared_storage_asks=True)
    disabled = {"name": "OperationError", "message": "sharedStorage.selectURL is disabled", "dom": True}
    host.answer = lambda call: {"error": disabled} if call["method"] == "selectURL" else {}
    await host.run(f"{LOADED} await sharedStorage.run('a', {{ keepAlive: true }})")
    thrown = await host.thrown("sharedStorage.selectURL('a', [{ url: '/1' }], { keepAlive: true })")
    assert thrown == ["rejected", OPERATION_ERROR, "sharedStorage.selectURL is disabled"]


async def test_a_window_that_is_gone_calls_nothing(host: Host) -> None:
    thrown = await host.thrown(
        """(() => { const frame = document.body.appendChild(document.createElement("iframe"));
        const { sharedStorage: gone } = frame.contentWindow; frame.remove(); return gone.run("a"); })()"""
    )
    message = "Failed to execute 'run' on 'SharedStorage': A browsing context is required."
    assert thrown == ["rejected", "DOMException InvalidAccessError", message]
