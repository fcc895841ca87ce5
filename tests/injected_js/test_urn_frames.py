"""Frames whose ``src`` is the urn that selectURL gave (shared-storage section 6, real-chromium section 4.3)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.injected_js.conftest import Host, NewHost

pytestmark = pytest.mark.browser

AD = "https://page.test/ad#part"
OTHER = "https://page.test/other"
SELECT = """
    await sharedStorage.worklet.addModule("/w.js");
    const urn = await sharedStorage.selectURL("o", [{ url: "/ad#part" }], { keepAlive: true });
    const loads = [];
    const make = () => {
      const frame = document.createElement("iframe");
      frame.onload = () => loads.push(frame.contentWindow.location.href);
      return frame;
    };
    const after = (delay) => new Promise((go) => setTimeout(go, delay));
    const until = async (met) => { for (let i = 0; i < 100 && !met(); i++) await after(10); };
    const settled = () => after(100);
    """
SHOWN = "await until(() => loads.some((load) => load !== 'about:blank')); await settled();"


def answer(call: dict[str, Any]) -> dict[str, Any]:
    return {"url": AD} if call["method"] == "resolveUrn" else {}


@pytest.fixture
async def page(host: Host) -> Host:
    host.answer = answer
    return host


@pytest.mark.parametrize(
    "show",
    [
        "const frame = make(); frame.src = urn; document.body.append(frame);",
        "const frame = make(); document.body.append(frame); frame.src = urn;",
        "const frame = make(); frame.setAttribute('src', urn); document.body.append(frame);",
        "const frame = make(); frame.src = urn; await settled(); document.body.append(frame);",
        """document.body.innerHTML = `<p><iframe src="${urn}"></iframe>`;
           const frame = document.querySelector("iframe");
           frame.onload = () => loads.push(frame.contentWindow.location.href);""",
        """const frame = make(); frame.src = urn; const d = document.createElement("div");
           d.append(frame); document.body.append(d);""",
        """const d = document.createElement("div"), root = d.attachShadow({ mode: "closed" }); document.body.append(d);
           const frame = make(); frame.src = urn; root.append(frame);""",
    ],
    ids=["src first", "src last", "attribute", "inserted late", "markup", "in a tree", "shadow tree"],
)
async def test_a_frame_shows_the_selected_url_and_keeps_its_src(page: Host, show: str) -> None:
    src, loads = await page.run(f"{SELECT} {show} {SHOWN} return [frame.src, loads];")
    assert src.startswith("urn:uuid:")
    of_blank_page = ["about:blank"] if "append(frame); frame.src" in show else []
    assert loads == [*of_blank_page, AD]
    assert next(call["options"] for call in page.calls if call["method"] == "resolveUrn") == {"urn": src}


async def test_the_attribute_is_there_as_if_the_browser_knew_it(page: Host) -> None:
    facts = await page.run(
        f"""{SELECT} const frame = make(); frame.src = "/other"; frame.src = urn;
        const facts = [frame.src === urn, frame.getAttribute("src") === urn, frame.hasAttribute("SRC"),
          frame.outerHTML === `<iframe src="${{urn}}"></iframe>`, frame.attributes.length,
          frame.cloneNode().src === urn];
        frame.setAttribute("src", "/x");
        facts.push(frame.src, frame.getAttribute("src"), frame.attributes.length);
        frame.setAttribute("src", urn); frame.src = "/y"; facts.push(frame.src);
        frame.src = urn; frame.removeAttribute("src"); return [...facts, frame.src, frame.attributes.length];"""
    )
    assert facts == [True] * 4 + [1, True, "https://page.test/x", "/x", 1, "https://page.test/y", "", 0]


async def test_no_other_application_is_asked_to_open_it(page: Host) -> None:
    heard: list[str] = []
    page.page.on("console", lambda message: heard.append(message.text))
    await page.run(
        f"""{SELECT} for (let i = 0; i < 3; i++) {{
          const frame = make(); frame.src = urn; document.body.append(frame); await until(() => loads.length > i);
        }}"""
    )
    assert heard == []


async def test_the_load_waits_for_the_operation(page: Host) -> None:
    page.answer = lambda call: None if call["method"] == "resolveUrn" else {}
    before, after = await page.run(
        f"""{SELECT} const frame = make(); frame.src = urn; document.body.append(frame); await settled();
        return [loads.length, frame.contentWindow.location.href];"""
    )
    assert (before, after) == (0, "about:blank")


async def test_a_frame_that_was_given_another_url_meanwhile_keeps_it(page: Host) -> None:
    page.answer = lambda call: None if call["method"] == "resolveUrn" else {}
    await page.run(
        f"""{SELECT} window.frame = make(); frame.src = urn; document.body.append(frame); await settled();
        frame.src = '/other';"""
    )
    (asked,) = [call for call in page.calls if call["method"] == "resolveUrn"]
    late = json.dumps(json.dumps({"url": AD}))
    await page.session.send("Runtime.evaluate", {"expression": f"{page.config.resolver}({asked['id']}, {late})"})
    await asyncio.sleep(0.2)
    assert await page.run("return frame.contentWindow.location.href") == OTHER


async def test_a_frame_that_is_moved_shows_it_again(page: Host) -> None:
    loads = await page.run(
        f"""{SELECT} const frame = make(); frame.src = urn; document.body.append(frame);
        await until(() => loads.length); document.body.append(document.createElement("div"));
        document.querySelector("div").append(frame); await until(() => loads.length > 1); return loads;"""
    )
    assert loads == [AD, AD]


async def test_a_urn_that_another_document_gave_is_shown(new_host: NewHost) -> None:
    page = await new_host()
    page.answer = answer
    urn = "urn:uuid:01234567-89ab-4cde-8f01-23456789abcd"
    shown = await page.run(
        """const frame = document.createElement("iframe"); frame.src = argument; document.body.append(frame);
        await new Promise((go) => { frame.onload = go; }); return frame.contentWindow.location.href;""",
        urn,
    )
    assert shown == AD
    assert [call["options"] for call in page.calls] == [{"urn": urn}]


async def test_an_unknown_urn_shows_nothing(page: Host) -> None:
    page.answer = lambda _: {}
    body = (
        f"{SELECT} const frame = make(); frame.src = urn; document.body.append(frame); await settled(); return loads;"
    )
    assert await page.run(body) == []
