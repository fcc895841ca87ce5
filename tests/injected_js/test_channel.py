"""The way to the host: what goes over it, and that no page finds, breaks or watches it."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from tests.injected_js.conftest import REPORT, URL, Host, NewHost

pytestmark = pytest.mark.browser

MEASURE = "navigator.attribution.measureConversion({ aggregationService: 'a', histogramSize: 1 })"
MEASURE_SEED = "navigator.privateAttribution.measureConversion({ aggregator: 'a', histogramSize: 1 })"
SAVE = "navigator.attribution.saveImpression({ histogramIndex: 1 })"


async def test_answers_become_objects_of_the_page(host: Host) -> None:
    facts = await host.run(
        f"""
        const saved = await {SAVE}, measured = await {MEASURE}, report = await {MEASURE_SEED};
        return [saved, Object.getPrototypeOf(saved) === Object.prototype, Reflect.ownKeys(measured),
          Object.getPrototypeOf(measured) === Object.prototype,
          measured.report instanceof Uint8Array, [...measured.report], report instanceof Uint8Array, [...report]];
        """
    )
    assert facts == [{}, True, ["report"], True, True, list(REPORT), True, list(REPORT)]


async def test_answers_find_their_call_in_any_order(new_host: NewHost) -> None:
    host = await new_host()
    waiting: list[dict[str, Any]] = []

    def answer(call: dict[str, Any]) -> dict[str, Any] | None:
        waiting.append(call)
        if len(waiting) == 3:  # answer all, last one first
            for late in reversed(waiting[:2]):
                host.tasks.start(_later(host, late), "late answer")
            return _size(call)
        return None

    async def _later(host: Host, call: dict[str, Any]) -> None:
        await asyncio.sleep(0.02)
        await host.evaluate(f"{host.config.resolver}({call['id']}, {json.dumps(json.dumps(_size(call)))})")

    def _size(call: dict[str, Any]) -> dict[str, Any]:
        return {"report": base64.b64encode(bytes([call["options"]["histogramSize"]])).decode()}

    host.answer = answer
    body = """
        const seed = navigator.privateAttribution;
        const measure = (histogramSize) => seed.measureConversion({ aggregator: "a", histogramSize });
        return (await Promise.all([measure(11), measure(22), measure(33)])).map((report) => report[0]);
        """
    assert await host.run(body) == [11, 22, 33]


async def test_ids_start_at_1_and_none_is_used_twice(host: Host) -> None:
    await host.run(f"await Promise.all([{SAVE}, {MEASURE}, {MEASURE_SEED}, {SAVE}])")
    assert [call["id"] for call in host.calls] == [1, 2, 3, 4]


async def test_a_frame_of_the_same_origin_gets_objects_of_its_own_realm(host: Host) -> None:
    facts = await host.run(
        f"""
        const frame = document.createElement("iframe");
        document.body.append(frame);
        const w = frame.contentWindow, promise = w.eval({json.dumps(MEASURE_SEED)}), report = await promise;
        const rejected = w.eval("navigator.attribution.saveImpression()"), error = await rejected.catch((e) => e);
        let thrown; try {{ w.navigator.privateAttribution.saveImpression(); }} catch (e) {{ thrown = e; }}
        return [promise instanceof w.Promise, report instanceof w.Uint8Array, rejected instanceof w.Promise,
          error instanceof w.TypeError, thrown instanceof w.TypeError,
          w.navigator.attribution !== navigator.attribution];
        """
    )
    assert facts == [True] * 6


async def test_members_work_on_objects_of_another_realm(host: Host) -> None:
    """Platform objects are no matter of one realm: the state is the object's, the exceptions are the function's."""
    facts = await host.run(
        """
        const frame = document.createElement("iframe");
        document.body.append(frame);
        const w = frame.contentWindow, theirs = w.navigator.attribution;
        const get = (name, holder = Navigator.prototype) => Object.getOwnPropertyDescriptor(holder, name).get;
        const promise = navigator.attribution.saveImpression.call(theirs, { histogramIndex: 1 });
        const error = await navigator.attribution.saveImpression.call(theirs).catch((e) => e);
        await promise;
        navigator.privateAttribution.saveImpression.call(w.navigator.privateAttribution,
          { histogramIndex: 1, ad: "a", conversionSite: "a.example" });
        return [promise instanceof w.Promise, error instanceof TypeError,
          get("attribution").call(w.navigator) === theirs,
          get("privateAttribution").call(w.navigator) === w.navigator.privateAttribution,
          get("aggregationServices", Attribution.prototype).call(theirs) === theirs.aggregationServices,
          navigator.attribution.aggregationServices.has.call(theirs.aggregationServices, "https://first.test/service")];
        """
    )
    assert facts == [True] * 6
    await host.sent("")
    assert [call["method"] for call in host.calls[:2]] == ["saveImpression"] * 2


async def test_a_call_from_a_frame_that_is_gone_is_rejected(host: Host) -> None:
    thrown = await host.thrown(
        """(() => {
          const frame = document.createElement("iframe");
          document.body.append(frame);
          const attribution = frame.contentWindow.navigator.attribution;
          frame.remove();
          return attribution.saveImpression({ histogramIndex: 1 });
        })()"""
    )
    message = "Failed to execute 'saveImpression' on 'Attribution': The document is not active."
    assert thrown == ["rejected", "DOMException InvalidStateError", message]
    assert host.calls == host.refusals == []


FIND = """
    const found = [];
    for (let o = window; o; o = Object.getPrototypeOf(o)) {
      for (const key of Reflect.ownKeys(o)) if (/^[bre][0-9a-f]{32}$/.test(String(key))) found.push(String(key));
    }
    """


async def test_the_binding_is_gone_before_any_script_of_the_page(new_host: NewHost) -> None:
    body = f"<!doctype html><script>window.early = (() => {{ {FIND} return found; }})();</script>"
    host = await new_host(pages={URL: (body, {})})
    facts = await host.run(
        f"""
        const here = (() => {{ {FIND} return found; }})();
        const frame = document.createElement("iframe");
        document.body.append(frame);
        const there = frame.contentWindow.eval(`(() => {{ {FIND} return found; }})()`);
        const types = argument.map((name) => typeof frame.contentWindow[name] + typeof window[name]);
        return [window.early, here, there, types];
        """,
        [host.config.binding, host.config.resolver, host.config.realm_event],
    )
    assert facts == [[], [], [], ["undefinedundefined"] * 3]


async def test_the_host_reaches_its_resolver_where_pages_cannot_list_it(host: Host) -> None:
    assert await host.evaluate(f"typeof {host.config.resolver}") == "function"
    assert await host.evaluate(f"{host.config.resolver!r} in globalThis") is False


async def test_strict_csp_and_trusted_types_change_nothing(new_host: NewHost) -> None:
    policy = "default-src 'none'; script-src 'nonce-x'; sandbox allow-scripts; require-trusted-types-for 'script'"
    page = f"<!doctype html><script nonce=x>window.result = {MEASURE_SEED}.then((r) => r.length)</script>"
    host = await new_host(pages={URL: (page, {"content-security-policy": policy})})
    assert await host.run("return window.result") == len(REPORT)


async def test_a_frame_keeps_its_interfaces_when_its_window_is_reused(host: Host) -> None:
    """The first navigation of a frame to its own origin goes on in the Window of the initial about:blank."""
    facts = await host.run(
        """
        const errors = [];
        const frame = Object.assign(document.createElement("iframe"), { src: "https://page.test/child" });
        document.body.append(frame);
        const w = frame.contentWindow, before = w.navigator.attribution;
        w.mark = 1;
        w.onerror = window.onerror = (e) => errors.push(String(e));
        await new Promise((go) => { frame.onload = go; });
        await w.navigator.attribution.saveImpression({ histogramIndex: 7 });
        return [w.location.href, w.mark, w.navigator.attribution === before, errors];
        """
    )
    assert facts == ["https://page.test/child", 1, True, []]
    assert [call["options"] for call in host.calls] == [{"histogramIndex": 7}]
