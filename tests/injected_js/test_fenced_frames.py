"""FencedFrameConfig, and the <fencedframe> that shows one (shared-storage sections 5, 6 and 8)."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.injected_js.conftest import Host, NewHost

pytestmark = pytest.mark.browser

AD = "https://page.test/ad"
GREEN = "<!doctype html><body style='margin:0;background:rgb(0,128,0)'>"
SELECT = """
    document.body.innerHTML = `<div style="height: 150px"></div>
      <fencedframe style="width: 200px; height: 100px"></fencedframe>`;
    const worklet = await sharedStorage.createWorklet("/w.js");
    const config = await worklet.selectURL("o", [{ url: "/ad" }], { keepAlive: true, resolveToConfig: true });
    const element = document.querySelector("fencedframe");
    const settled = () => new Promise((go) => setTimeout(go, 300));
    const view = () => document.documentElement.lastElementChild;
    """


def answer(call: dict[str, Any]) -> dict[str, Any]:
    return {"url": AD} if call["method"] == "resolveUrn" else {}


@pytest.fixture
async def page(new_host: NewHost) -> Host:
    host = await new_host(pages={AD: (GREEN, {})})
    host.answer = answer
    return host


def shown(page: Host) -> list[str]:
    """URLs of the frames of the page."""
    return [frame.url for frame in page.page.frames[1:]]


async def test_a_config_is_an_object_of_the_native_interface(page: Host) -> None:
    facts = await page.run(
        f"""{SELECT} const p = FencedFrameConfig.prototype;
        return [config instanceof FencedFrameConfig, String(config), Object.keys(config),
          p.setSharedStorageContext.length, HTMLFencedFrameElement.canLoadOpaqueURL(), element.config];"""
    )
    assert facts == [True, "[object FencedFrameConfig]", [], 1, True, None]


async def test_the_selected_url_is_shown_where_the_element_stands(page: Host) -> None:
    boxes = await page.run(
        f"""{SELECT} element.config = config; await settled(); scrollTo(0, 50);
        element.style.width = "240px"; await settled();
        const box = (e) => {{ const r = e.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; }};
        return [box(element), box(view()), element.config === config, view().shadowRoot, window.length];"""
    )
    element, view, is_same, root, frames = boxes
    assert view == element
    assert element[2] == 244
    assert (is_same, root, frames) == (True, None, 0)
    assert shown(page) == [AD]
    x, y = element[0] + 50, element[1] + 50
    pixel = await page.page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1}, type="png")
    color = await page.run(
        """const image = new Image(); image.src = `data:image/png;base64,${argument}`; await image.decode();
        const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
        canvas.drawImage(image, 0, 0); return [...canvas.getImageData(0, 0, 1, 1).data];""",
        base64.b64encode(pixel).decode(),
    )
    assert color == [0, 128, 0, 255]


async def test_an_element_that_is_inserted_later_shows_it_then(page: Host) -> None:
    await page.run(f"{SELECT} element.remove(); element.config = config; await settled();")
    assert shown(page) == []
    await page.run(
        f"""{SELECT} element.config = config; element.remove(); await settled();
        document.body.append(element); await settled();"""
    )
    assert shown(page) == [AD]


@pytest.mark.parametrize("end", ["element.config = null", "element.remove()", "document.body.innerHTML = ''"])
async def test_what_no_longer_stands_there_is_shown_no_longer(page: Host, end: str) -> None:
    await page.run(f"{SELECT} element.config = config; await settled(); {end}; await settled();")
    assert shown(page) == []
    assert await page.run("return document.documentElement.lastElementChild.localName") == "body"


@pytest.mark.parametrize("value", ["{}", "5", "sharedStorage"])
async def test_what_is_no_config_is_refused_natively(page: Host, value: str) -> None:
    context = "Failed to set the 'config' property on 'HTMLFencedFrameElement': "
    thrown = await page.thrown(f"document.createElement('fencedframe').config = {value}")
    assert thrown == ["thrown", "TypeError", f"{context}Failed to convert value to 'FencedFrameConfig'."]


async def test_only_a_fencedframe_takes_a_config(page: Host) -> None:
    setter = "Object.getOwnPropertyDescriptor(HTMLFencedFrameElement.prototype, 'config').set"
    await page.run(f"{SELECT} window.config = config;")
    assert await page.thrown(f"{setter}.call(document.body, config)") == ["thrown", "TypeError", "Illegal invocation"]


async def test_the_context_of_a_config_is_told(page: Host) -> None:
    await page.run(f"{SELECT} if (config.setSharedStorageContext(5) !== undefined) throw new Error('result');")
    (told,) = [call["options"] for call in page.calls if call["method"] == "setContext"]
    (selected,) = [call["options"] for call in page.calls if call["method"] == "selectURL"]
    assert told == {"urn": selected["urn"], "context": "5"}
    assert selected["resolveToConfig"] is True
    context = "Failed to execute 'setSharedStorageContext' on 'FencedFrameConfig': "
    none = f"{context}1 argument required, but only 0 present."
    await page.run(f"{SELECT} window.config = config;")
    assert await page.thrown("config.setSharedStorageContext()") == ["thrown", "TypeError", none]
