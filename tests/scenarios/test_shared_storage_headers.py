"""Scenarios 23 to 27: what responses write, batches, and worklets of other origins."""

from __future__ import annotations

import pytest

from tests.scenarios.world import CORS, JAVASCRIPT, PNG, A, Answer, World, operation

pytestmark = pytest.mark.browser
PUB, B, C = "https://pub.test", "https://b.test", "https://c.test"
WRITABLE = "Sec-Shared-Storage-Writable"
WRITE = "set;key=a;value=b, append;key=a;value=c"


def writing(field: str, **more: str) -> dict[str, str]:
    return {**CORS, "Shared-Storage-Write": field, **more}


def asked(world: World, url: str) -> list[str | None]:
    """The requests for ``url``: what each said of writing."""
    return [request.headers.get(WRITABLE) for request in world.asked if request.url == url]


async def test_23_a_response_writes_where_fetch_asked_for_it_and_the_page_does_not_see_the_header(
    world: World,
) -> None:
    world.answers["b.test/h"] = Answer(headers=writing(WRITE, **{"Access-Control-Expose-Headers": "*"}))
    page = await world.open(f"{PUB}/")
    await page.evaluate(f"fetch('{B}/h').then((r) => r.text())")
    assert (asked(world, "b.test/h"), await world.entries(B)) == ([None], {})
    fields = f"fetch('{B}/h', {{ sharedStorageWritable: true }}).then((r) => [...r.headers.keys()])"
    names = await page.evaluate(fields)
    assert "content-type" in names
    assert "shared-storage-write" not in names
    assert asked(world, "b.test/h") == [None, "?1"]
    assert (await world.entries(B), await world.entries(PUB)) == ({"a": "bc"}, {})


@pytest.mark.parametrize(
    ("field", "stored"),
    [
        ("set;key=n;value=5", {}),
        ("(set);key=a;value=b", {}),
        ("set;KEY=a;value=b", {}),
        ("set;key=a;value=b,", {}),
        ("bogus, SET;key=a;value=b", {"a": "b"}),
        ("set;key=a;value=b, clear, set;key=z;value=y", {"z": "y"}),
    ],
)
async def test_24_what_the_header_says_badly_is_left_out(world: World, field: str, stored: dict[str, str]) -> None:
    world.answers["b.test/h"] = Answer(headers=writing(field))
    page = await world.open(f"{PUB}/")
    await page.evaluate(f"fetch('{B}/h', {{ sharedStorageWritable: true }}).then((r) => r.text())")
    assert asked(world, "b.test/h") == ["?1"]
    assert await world.entries(B) == stored


async def test_25_images_and_frames_and_each_hop_of_a_redirect_write_and_navigations_do_not(world: World) -> None:
    world.answers |= {
        "b.test/img": Answer(PNG, "image/png", headers=writing("set;key=img;value=v")),
        "b.test/frame": Answer(headers=writing("set;key=frame;value=v")),
        "b.test/hop": Answer(status=302, headers=writing("set;key=hop;value=v", Location=f"{C}/end")),
        "c.test/end": Answer(PNG, "image/png", headers=writing("set;key=end;value=v")),
        "b.test/top": Answer(headers=writing("set;key=top;value=v")),
        # What a page's own script names is awaited from its first request on.
        "pub.test/": Answer("<script>/* sharedStorageWritable */</script>"),
    }
    page = await world.open(f"{PUB}/")
    await page.evaluate(f"""() => new Promise((done) => {{
        let left = 3;
        const add = (tag, url) => {{
            const element = document.createElement(tag);
            element.sharedStorageWritable = true;
            element.onload = () => {{ if (--left === 0) done(); }};
            element.src = url;
            document.body.append(element);
        }};
        add("img", "{B}/img");
        add("iframe", "{B}/frame");
        add("img", "{B}/hop");
    }})""")
    await page.goto(f"{B}/top")
    assert await world.entries(B) == {"img": "v", "frame": "v", "hop": "v"}
    assert await world.entries(C) == {"end": "v"}
    assert asked(world, "b.test/top") == [None]


async def test_25_a_policy_that_names_the_page_alone_lets_no_other_origin_be_asked(world: World) -> None:
    world.answers["pub.test/"] = Answer(headers={"Permissions-Policy": "shared-storage=(self)"})
    world.answers["b.test/h"] = Answer(headers=writing(WRITE))
    page = await world.open(f"{PUB}/")
    await page.evaluate(f"fetch('{B}/h', {{ sharedStorageWritable: true }}).then((r) => r.text())")
    assert (asked(world, "b.test/h"), await world.entries(B)) == ([None], {})


async def test_26_a_batch_is_applied_as_a_whole_or_not_at_all(world: World) -> None:
    page = await world.open()
    methods = "[new SharedStorageSetMethod('x', '1'), new SharedStorageAppendMethod('x', '2')]"
    assert await world.outcome(page, f"sharedStorage.batchUpdate({methods})") is None
    assert await world.entries() == {"x": "12"}
    oversize = "new SharedStorageSetMethod('k', 'x'.repeat(2621440))"
    code = f"await sharedStorage.batchUpdate([new SharedStorageSetMethod('y', '1'), {oversize}]);"
    assert await world.inside(page, code) == "OperationError: sharedStorage.batchUpdate() failed"
    assert await world.entries() == {"x": "12"}
    locked = "[new SharedStorageSetMethod('z', '1', { withLock: 'l' })]"
    assert await world.outcome(page, f"sharedStorage.batchUpdate({locked})") == (
        "DataError: Failed to execute 'batchUpdate' on 'SharedStorage':"
        " The 'withLock' option is not allowed for methods within batchUpdate()"
    )


WRITES = operation("await sharedStorage.set('k', '1');")
DATA_ORIGIN = "Sec-Shared-Storage-Data-Origin"


async def test_27_a_script_of_another_origin_works_on_the_pages_data(world: World) -> None:
    world.answers["b.test/w.js"] = Answer(WRITES, JAVASCRIPT, headers=CORS)
    page = await world.open()
    await page.evaluate(f"sharedStorage.createWorklet('{B}/w.js').then((w) => w.run('op'))")
    await world.until_ended(1)
    assert (await world.entries(A), await world.entries(B)) == ({"k": "1"}, {})
    (request,) = [request for request in world.asked if request.url == "b.test/w.js"]
    assert DATA_ORIGIN not in request.headers


async def test_27_with_script_origin_the_script_must_allow_it_and_works_on_its_own_data(world: World) -> None:
    page = await world.open()
    create = f"sharedStorage.createWorklet('{B}/w.js', {{ dataOrigin: 'script-origin' }}).then((w) => w.run('op'))"
    world.answers["b.test/w.js"] = Answer(WRITES, JAVASCRIPT, headers=CORS)
    assert await world.outcome(page, create) == f"OperationError: Failed to load {B}/w.js error = net::ERR_FAILED."
    allowed = {**CORS, "Shared-Storage-Cross-Origin-Worklet-Allowed": "?1"}
    world.answers["b.test/w.js"] = Answer(WRITES, JAVASCRIPT, headers=allowed)
    assert await world.outcome(page, create) is None
    await world.until_ended(1)
    assert (await world.entries(A), await world.entries(B)) == ({}, {"k": "1"})
    requests = [request for request in world.asked if request.url == "b.test/w.js"]
    assert [request.headers[DATA_ORIGIN] for request in requests] == [B, B]
