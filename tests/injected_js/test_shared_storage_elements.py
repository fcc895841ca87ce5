"""``sharedstoragewritable`` of img and iframe (shared-storage section 9)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.injected_js.conftest import URL, Host, NewHost
from tests.injected_js.registering import Registering, open_page

pytestmark = pytest.mark.browser

IMAGE = "https://page.test/i"


@pytest.fixture(scope="module")
async def one_page(shared_host: Host) -> Registering:
    return Registering(shared_host)


@pytest.fixture
async def page(one_page: Registering) -> Registering:
    await one_page.reopen()
    return one_page


def announced(page: Registering) -> list[dict[str, Any]]:
    """What was announced of elements that may write, each once."""
    all_options = [
        call["options"] for call in page.host.calls if (call["api"], call["method"]) == ("sharedStorage", "element")
    ]
    return [options for index, options in enumerate(all_options) if options not in all_options[:index]]


async def test_the_attribute_is_reflected_on_img_and_iframe_alone(page: Registering) -> None:
    facts = await page.run(
        """const of = (name) => {
          const e = document.createElement(name), first = e.sharedStorageWritable;
          e.sharedStorageWritable = "yes";
          const set = [e.getAttribute("sharedstoragewritable"), e.sharedStorageWritable];
          e.sharedStorageWritable = 0;
          return [first, ...set, e.hasAttribute("sharedstoragewritable")];
        };
        const { get, set, enumerable, configurable } =
          Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "sharedStorageWritable");
        return [of("img"), of("iframe"), "sharedStorageWritable" in HTMLScriptElement.prototype,
          [get.name, get.length, set.name, set.length, enumerable, configurable]];"""
    )
    reflected = [False, "", True, False]
    shape = ["get sharedStorageWritable", 0, "set sharedStorageWritable", 1, True, True]
    assert facts == [reflected, reflected, False, shape]


@pytest.mark.parametrize("accessor", ["get", "set"])
async def test_on_other_objects_it_is_an_illegal_invocation(page: Registering, accessor: str) -> None:
    descriptor = "Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, 'sharedStorageWritable')"
    call = f"{descriptor}.{accessor}.call(document.createElement('iframe'), true)"
    assert await page.host.thrown(call) == ["thrown", "TypeError", "Illegal invocation"]


@pytest.mark.parametrize(
    "make",
    [
        "const i = new Image(); i.sharedStorageWritable = true; i.src = '/i#f'",
        "const i = new Image(); i.src = '/i'; i.sharedStorageWritable = true",
        "const i = new Image(); i.setAttribute('SharedStorageWritable', ''); i.setAttribute('src', '/i')",
        "const i = new Image(); i.toggleAttribute('sharedstoragewritable'); i.srcset = '/i 1x'",
        "document.body.innerHTML = '<p><img sharedstoragewritable src=/i>'",
        "document.body.insertAdjacentHTML('beforeend', '<IMG SHAREDSTORAGEWRITABLE SRC=/i>')",
        "const i = new Image(); i.sharedStorageWritable = true; i.src = '/i'; const c = i.cloneNode()",
    ],
)
async def test_an_image_that_may_write_is_announced(page: Registering, make: str) -> None:
    await page.run(make)
    assert announced(page) == [{"destination": "image", "parsed": False, "url": IMAGE}]


async def test_a_frame_that_may_write_is_announced_from_where_it_stands(page: Registering) -> None:
    await page.run(
        """const f = document.createElement("iframe"); f.sharedStorageWritable = true; f.src = "/f";
        document.body.append(f);"""
    )
    assert announced(page) == [{"destination": "iframe", "parsed": False, "url": "https://page.test/f"}]


async def test_what_the_parser_makes_is_announced_as_parsed(new_host: NewHost) -> None:
    body = "<!doctype html><img sharedstoragewritable src=/i><iframe sharedstoragewritable src=/f></iframe>"
    page = await open_page(new_host, pages={URL: (body, {})})
    await page.settle()
    assert announced(page) == [
        {"destination": "image", "parsed": True, "url": IMAGE},
        {"destination": "iframe", "parsed": True, "url": "https://page.test/f"},
    ]


@pytest.mark.parametrize(
    "make",
    [
        "new Image().src = '/i'",
        "const i = new Image(); i.sharedStorageWritable = true; i.sharedStorageWritable = false; i.src = '/i'",
        "const s = document.createElement('script'); s.setAttribute('sharedstoragewritable', ''); s.src = '/s'",
        """const i = document.createElementNS("urn:x", "img"); i.setAttribute("sharedstoragewritable", "");
           i.setAttribute("src", "/i");""",
    ],
)
async def test_other_elements_are_not_announced(page: Registering, make: str) -> None:
    await page.run(make)
    assert announced(page) == []
