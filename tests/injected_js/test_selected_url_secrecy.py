"""That a page does not learn which URL was selected for a frame it made (worklet-isolation section 1, point 5)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.injected_js.conftest import Host, NewHost

pytestmark = pytest.mark.browser

AD = "https://ads.test/secret"
BLANK = "<!doctype html><body>"
SELECT = """
    await sharedStorage.worklet.addModule("/w.js");
    const select = (options) => sharedStorage.selectURL("o", [{ url: "https://ads.test/secret" }],
      { keepAlive: true, ...options });
    const settled = (ms = 400) => new Promise((go) => setTimeout(go, ms));
    const leaked = [];
    """


@pytest.fixture
async def page(new_host: NewHost) -> Host:
    host = await new_host(pages={AD: (BLANK, {}), "https://page.test/mine": (BLANK, {})})
    host.answer = lambda call: {"url": AD} if call["method"] == "resolveUrn" else {}
    return host


@pytest.mark.parametrize("before", ["/mine", "about:blank", ""])
async def test_navigate_events_of_the_frame_tell_nothing(page: Host, before: str) -> None:
    asked: list[dict[str, Any]] = []
    page.answer = lambda call: asked.append(call) if call["method"] == "resolveUrn" else {}
    await page.run(
        f"""{SELECT}
        const frame = document.createElement("iframe"); document.body.append(frame); frame.src = await select();
        if (argument !== "") frame.contentWindow.location = argument;
        await settled();
        globalThis.leaked = leaked;
        frame.contentWindow.navigation.addEventListener("navigate", (e) => leaked.push(e.destination.url), true);
        frame.contentWindow.navigation.onnavigate = (e) => leaked.push(e.destination.url);""",
        before,
    )
    answer = json.dumps(json.dumps({"url": AD}))
    await page.evaluate(f"{page.config.resolver}({asked[0]['id']}, {answer}); 0")
    await page.run("await new Promise((go) => setTimeout(go, 400));")
    assert page.page.frames[1].url == AD
    assert await page.run("return leaked;") == []


async def test_resource_timing_tells_nothing(page: Host) -> None:
    names = await page.run(
        f"""{SELECT}
        const element = document.createElement("fencedframe"); document.body.append(element);
        element.config = await select({{ resolveToConfig: true }});
        const frame = document.createElement("iframe"); document.body.append(frame); frame.src = await select();
        await settled(800);
        return performance.getEntries().map((e) => e.name).filter((name) => name.includes("ads.test"));"""
    )
    assert names == []


async def test_a_custom_element_of_the_pages_own_does_not_get_the_closed_tree(page: Host) -> None:
    tree = await page.run(
        f"""{SELECT}
        let internals;
        customElements.define("fenced-frame-view", class extends HTMLElement {{
          constructor() {{ super(); internals = this.attachInternals(); }} }});
        const element = document.createElement("fencedframe"); document.body.append(element);
        element.config = await select({{ resolveToConfig: true }}); await settled(800);
        return [internals?.shadowRoot?.innerHTML ?? null];"""
    )
    assert tree == [None]


@pytest.mark.parametrize("how", ["frame", "config"])
async def test_a_javascript_url_is_never_run(new_host: NewHost, how: str) -> None:
    host = await new_host()
    host.answer = lambda call: {"url": "javascript:void(top.leaked=1)"} if call["method"] == "resolveUrn" else {}
    show = {
        "frame": """const f = document.createElement("iframe"); document.body.append(f); f.src = await select();""",
        "config": """const f = document.createElement("fencedframe"); document.body.append(f);
                     f.config = await select({ resolveToConfig: true });""",
    }[how]
    assert await host.run(f"{SELECT} {show} await settled(); return typeof top.leaked;") == "undefined"
