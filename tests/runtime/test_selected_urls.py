"""selectURL: what stands behind a urn, saved queries, and the budgets (shared-storage sections 5 and 6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agent.browser.documents import Document
from agent.model.events import Event
from agent.model.settings import Settings
from agent.model.shared_storage import StorageEvent
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.worklets import OperationResult, ScriptFailure
from storage import events as event_store
from tests.runtime import worklet_world
from tests.runtime.worklet_world import ADTECH, NEWS, SCRIPT, World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world whose page has made worklet 1."""
    async with worklet_world.world() as made:
        await made.create_worklet()
        yield made


async def _selected(world: World, number: int, index: int | None = 5, urls: int = 8, **options: object) -> str:
    """The URL that a call of selectURL shows whose operation gives ``index``."""
    await world.select_url(f"op{number}", f"urn:uuid:{number}", urls, **options)
    if f"op{number}" in world.worklet.calls:
        world.worklet.end(f"op{number}", OperationResult(index=index))
    answer = await world.call("resolveUrn", {"urn": f"urn:uuid:{number}"})
    return str(answer["url"])


async def _events(world: World, kind: str) -> list[Event]:
    return await world.database.transact("read", lambda c: event_store.read(c, after=0, limit=100, kind=kind))


async def test_the_url_behind_a_urn_is_known_when_the_operation_has_ended(world: World) -> None:
    number = await world.select_url("op", "urn:uuid:1", 3)
    assert world.browser.answers[number] == {}, "the call itself does not wait"
    asking = world.tell("resolveUrn", {"urn": "urn:uuid:1"})
    await world.settle()
    assert asking not in world.browser.answers
    assert world.worklet.calls["op"].urls == (f"{NEWS}/0", f"{NEWS}/1", f"{NEWS}/2")
    world.worklet.end("op", OperationResult(index=2))
    await world.settle()
    assert world.browser.answers[asking] == {"url": f"{NEWS}/2"}
    [event] = await _events(world, StorageEvent.SELECT_URL)
    assert (event.verdict, event.data["index"], event.data["name"]) == ("selected", 2, "op")
    assert await _events(world, StorageEvent.RUN) == []


@pytest.mark.parametrize(
    "result",
    [
        OperationResult(index=8),
        OperationResult(index=4294967295),
        OperationResult(failure=ScriptFailure("Error: x"), uncaught_error=True),
        OperationResult(died=True),
    ],
)
async def test_an_operation_without_a_usable_index_shows_url_0(world: World, result: OperationResult) -> None:
    await world.select_url("op", "urn:uuid:1")
    world.worklet.end("op", result)
    assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}) == {"url": f"{NEWS}/0"}


async def test_with_eight_urls_two_calls_are_paid_for_and_the_third_shows_url_0(world: World) -> None:
    assert [await _selected(world, number) for number in range(3)] == [f"{NEWS}/5", f"{NEWS}/5", f"{NEWS}/0"]
    assert world.browser.console == [("info", "Insufficient budget for selectURL().")]
    assert await world.storage.remaining_budget(NEWS) == 12, "nothing navigated"


async def test_one_url_costs_nothing(world: World) -> None:
    for number in range(20):
        assert await _selected(world, number, index=0, urls=1) == f"{NEWS}/0"
    assert world.browser.console == []


async def test_the_page_has_budgets_of_its_own_by_site_and_for_all_sites(world: World) -> None:
    sites = [f"https://site{number}.test" for number in range(3)]
    shown: list[list[str]] = []
    for number, origin in enumerate(sites):
        frame = world.open(origin, f"C{number}", "T")
        worklet = {"worklet": 1, "url": SCRIPT, "credentials": "same-origin", "dataOrigin": "context-origin"}
        await world.call("createWorklet", worklet, frame)
        shown.append([await _selected_in(world, frame, f"{number}{again}") for again in range(3)])
    paid, default = f"{NEWS}/5", f"{NEWS}/0"
    assert shown == [[paid, paid, default], [paid, paid, default], [default, default, default]]


async def _selected_in(world: World, frame: Document, name: str) -> str:
    entries = [{"url": f"{NEWS}/{index}", "reportingMetadata": {}} for index in range(8)]
    extra = {"urls": entries, "urn": f"urn:uuid:{name}", "savedQuery": "", "resolveToConfig": False}
    world.tell("selectURL", {**world.operation(name), **extra}, frame)
    await world.settle()
    world.worklet.end(name, OperationResult(index=5))
    answer = await world.call("resolveUrn", {"urn": f"urn:uuid:{name}"}, frame)
    return str(answer["url"])


async def test_a_new_page_has_its_budgets_whole(world: World) -> None:
    for number in range(3):
        await _selected(world, number)
    world.page = world.open()
    await world.create_worklet()
    assert await _selected(world, 4) == f"{NEWS}/5"


async def test_selections_at_once_do_not_pay_twice_from_the_same_bits(world: World) -> None:
    for number in range(4):
        await world.select_url(f"op{number}", f"urn:uuid:{number}")
    for number in range(4):
        world.worklet.end(f"op{number}", OperationResult(index=5))
    urls = [(await world.call("resolveUrn", {"urn": f"urn:uuid:{number}"}))["url"] for number in range(4)]
    assert urls == [f"{NEWS}/5", f"{NEWS}/5", f"{NEWS}/0", f"{NEWS}/0"]


# Saved queries.


async def test_a_saved_query_shows_the_first_calls_choice_without_running_or_paying_again(world: World) -> None:
    await world.select_url("op", "urn:uuid:1", savedQuery="q")
    await world.select_url("op", "urn:uuid:2", savedQuery="q")
    assert len(world.worklet.calls) == 1
    world.worklet.end("op", OperationResult(index=3))
    for number in (1, 2):
        assert await world.call("resolveUrn", {"urn": f"urn:uuid:{number}"}) == {"url": f"{NEWS}/3"}
    world.worklet.calls.clear()
    for number in range(10, 20):
        await world.select_url("op", f"urn:uuid:{number}", savedQuery="q")
        assert await world.call("resolveUrn", {"urn": f"urn:uuid:{number}"}) == {"url": f"{NEWS}/3"}
    assert world.worklet.calls == {}


async def test_a_saved_index_out_of_range_shows_url_0(world: World) -> None:
    assert await _selected(world, 1, savedQuery="q") == f"{NEWS}/5"
    await world.select_url("op1", "urn:uuid:2", 2, savedQuery="q")
    assert await world.call("resolveUrn", {"urn": "urn:uuid:2"}) == {"url": f"{NEWS}/0"}


async def test_a_saved_query_is_known_by_operation_name_and_page(world: World) -> None:
    assert await _selected(world, 1, index=1, savedQuery="q") == f"{NEWS}/1"
    assert await _selected(world, 2, index=2, savedQuery="q") == f"{NEWS}/2", "of another operation"
    world.page = world.open()
    await world.create_worklet()
    assert await _selected(world, 1, index=3, savedQuery="q") == f"{NEWS}/3", "on another page"


async def test_a_failed_saved_query_keeps_showing_url_0(world: World) -> None:
    await world.select_url("op", "urn:uuid:1", savedQuery="q")
    world.worklet.end("op", OperationResult(failure=ScriptFailure("Error: x")))
    await world.settle()
    world.worklet.calls.clear()
    await world.select_url("op", "urn:uuid:2", savedQuery="q")
    assert await world.call("resolveUrn", {"urn": "urn:uuid:2"}) == {"url": f"{NEWS}/0"}
    assert world.worklet.calls == {}


async def test_a_replayed_query_without_keep_alive_ends_the_worklet(world: World) -> None:
    await _selected(world, 1, savedQuery="q")
    await world.select_url("op1", "urn:uuid:2", savedQuery="q", keepAlive=False)
    await world.settle()
    assert world.worklet.closed


# Urns.


async def test_a_urn_is_its_pages_alone(world: World) -> None:
    await _selected(world, 1)
    other = world.open(NEWS, "T2")
    assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}, other) == {}
    child = world.open(ADTECH, "C", "T")
    assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}, child) == {"url": f"{NEWS}/5"}


async def test_a_urn_that_was_given_before_keeps_what_it_stands_for(world: World) -> None:
    await _selected(world, 1)
    await world.select_url("op", "urn:uuid:1")
    assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}) == {"url": f"{NEWS}/5"}


async def test_a_page_has_so_many_urns_and_what_asks_for_more_is_told_and_leaves_its_event() -> None:
    settings = Settings(shared_storage_limits=SharedStorageLimits(max_urns=1))
    async with worklet_world.world(settings) as world:
        await world.create_worklet()
        await _selected(world, 1)
        number = await world.select_url("more", "urn:uuid:2")
        assert world.browser.answers[number]["error"]["name"] == "OperationError"
        assert "more" not in world.worklet.calls
        assert await world.call("resolveUrn", {"urn": "urn:uuid:2"}) == {}
        assert [event.verdict for event in await _events(world, StorageEvent.SELECT_URL)] == [
            "selected",
            "too-many-urns",
        ]


async def test_a_refused_urn_ends_a_worklet_that_was_not_to_be_kept() -> None:
    settings = Settings(shared_storage_limits=SharedStorageLimits(max_urns=0))
    async with worklet_world.world(settings) as world:
        await world.create_worklet()
        await world.select_url("op", "urn:uuid:1", keepAlive=False)
        await world.settle()
        assert world.worklet.closed


async def test_a_frame_knows_in_how_many_fenced_frames_it_stands(world: World) -> None:
    frames, urls = world.browser.frames, world.shared_storage.selected_urls
    for number, (parent, place) in enumerate([("T", "outer"), ("outer", "plain"), ("plain", "inner")]):
        document = frames.frames[parent].document
        if place != "plain":
            await world.select_url(f"op{number}", f"urn:uuid:{number}", 1)
            world.worklet.end(f"op{number}", OperationResult(index=0))
            await world.call("resolveUrn", {"urn": f"urn:uuid:{number}", "fenced": True}, document)
        frame = frames.add(place, "context", "session", parent)
        urls.navigation_asked(frame, f"{NEWS}/0")
        world.open(NEWS, place, parent)
    depths = [urls.fenced_frame_depth(frames.frames[place]) for place in ("T", "outer", "plain", "inner")]
    assert depths == [0, 1, 1, 2]


# Navigations out of a frame that shows a selected URL.


async def _show(world: World, frame: str, number: int, session: str = "session", landed: str = "") -> None:
    """Show what selectURL chose in an iframe of the page, which lives in a process of ``session``.

    ``landed``: where it redirects to.
    """
    url = await _selected(world, number)
    frames = world.browser.frames
    place = frames.add(frame, "context", session, "T")
    world.shared_storage.selected_urls.navigation_asked(place, url)
    document = frames.commit(place, "2", landed or url, NEWS, secure=True)
    document.container = {}
    document.container_known.set()


async def test_a_navigation_out_of_the_frame_pays_once_for_the_site_of_the_data_origin(world: World) -> None:
    await _show(world, "ad", 1, "ad session")
    for _ in range(2):
        world.shared_storage.tab_navigation_asked("ad session", "https://shop.test/")
        await world.settle()
    assert await world.storage.navigation_budgets() == [(NEWS, 9.0, [(world.clock.now(), 3.0)])]
    world.clock.advance("24h")
    assert await world.storage.remaining_budget(NEWS) == 12


async def test_a_selected_url_that_redirects_is_shown_where_it_ends(world: World) -> None:
    await _show(world, "ad", 1, "ad session", f"{ADTECH}/landed")
    world.shared_storage.tab_navigation_asked("ad session", "https://shop.test/")
    await world.settle()
    assert await world.storage.remaining_budget(NEWS) == 9


async def test_a_frame_of_the_same_url_that_nobody_asked_a_urn_for_shows_none(world: World) -> None:
    await world.select_url("op", "urn:uuid:1")
    world.worklet.end("op", OperationResult(index=5))
    await world.settle()
    place = world.browser.frames.add("plain", "context", "plain session", "T")
    world.shared_storage.selected_urls.navigation_asked(place, f"{NEWS}/5")
    world.browser.frames.commit(place, "2", f"{NEWS}/5", NEWS, secure=True)
    assert world.shared_storage.selected_urls.shown_in(place) is None


async def test_every_frame_that_was_given_the_urn_shows_it_and_no_other(world: World) -> None:
    url = await _selected(world, 1)
    assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}) == {"url": url}
    urls = world.shared_storage.selected_urls
    shows = []
    for name in ("first", "second", "plain"):
        place = world.browser.frames.add(name, "context", f"{name} session", "T")
        urls.navigation_asked(place, url)
        world.browser.frames.commit(place, name, url, NEWS, secure=True)
        shows.append(urls.is_shown_in(place))
    assert shows == [True, True, False]


async def test_a_frame_inside_the_one_that_shows_it_counts_as_it(world: World) -> None:
    await _show(world, "ad", 1)
    world.browser.frames.add("inner", "context", "inner session", "ad")
    world.shared_storage.tab_navigation_asked("inner session", "https://shop.test/")
    await world.settle()
    assert await world.storage.remaining_budget(NEWS) == 9


@pytest.mark.parametrize("session", ["session", "ad session"])
async def test_a_navigation_of_the_page_itself_pays_nothing(world: World, session: str) -> None:
    await _show(world, "ad", 1, session)
    world.shared_storage.user_acted(world.page.frame)
    world.shared_storage.tab_navigation_asked("session", "https://shop.test/")
    world.shared_storage.tab_navigation_sent("https://shop.test/", f"{NEWS}/")
    await world.settle()
    assert await world.storage.remaining_budget(NEWS) == 12


async def test_in_one_process_the_referrer_tells_which_frame_navigates(world: World) -> None:
    await _show(world, "ad", 1)
    world.shared_storage.tab_navigation_asked("session", f"{NEWS}/landing")
    world.shared_storage.tab_navigation_sent(f"{NEWS}/landing", f"{NEWS}/5")
    await world.settle()
    assert await world.storage.remaining_budget(NEWS) == 9


@pytest.mark.parametrize("referrer", [f"{NEWS}/", ""])
@pytest.mark.parametrize(("active", "left"), [("ad", 9), ("T", 12), ("", 9)])
async def test_where_the_referrer_tells_nothing_it_is_the_frame_in_which_the_user_acted_last(
    world: World, referrer: str, active: str, left: float
) -> None:
    await _show(world, "ad", 1)
    if active:
        world.shared_storage.user_acted(world.browser.frames.frames[active])
    world.shared_storage.tab_navigation_asked("session", "https://shop.test/")
    world.shared_storage.tab_navigation_sent("https://shop.test/", referrer)
    await world.settle()
    assert await world.storage.remaining_budget(NEWS) == left, "who cannot be told apart pays"


async def test_a_spent_navigation_budget_shows_url_0(world: World) -> None:
    for number in range(4):
        await _show(world, f"ad{number}", number, f"ad session {number}")
        world.shared_storage.tab_navigation_asked(f"ad session {number}", "https://shop.test/")
        await world.settle()
        world.page = world.open()
        await world.create_worklet()
    assert await world.storage.remaining_budget(NEWS) == 0
    assert await _selected(world, 9) == f"{NEWS}/0"
    assert await _selected(world, 10, index=0, urls=1) == f"{NEWS}/0"
    await world.storage.reset_budget(NEWS)
    assert await _selected(world, 11) == f"{NEWS}/5"


async def test_worklets_of_a_document_that_is_shown_see_the_context_that_its_embedder_set(world: World) -> None:
    await world.select_url("op", "urn:uuid:1")
    await world.call("setContext", {"urn": "urn:uuid:1", "context": "given"})
    world.worklet.end("op", OperationResult(index=5))
    await world.call("resolveUrn", {"urn": "urn:uuid:1"})
    frames = world.browser.frames
    place = frames.add("ad", "context", "session", "T")
    world.shared_storage.selected_urls.navigation_asked(place, f"{NEWS}/5")
    shown = frames.commit(place, "2", f"{NEWS}/5", NEWS, secure=True)
    shown.container = {}
    shown.container_known.set()
    creation = {"worklet": 1, "url": SCRIPT, "credentials": "same-origin", "dataOrigin": "context-origin"}
    await world.call("createWorklet", creation, shown)
    await world.call("createWorklet", creation | {"worklet": 2})
    assert [options["context"] for options in world.browser.options] == [None, "given", None]


async def test_a_document_that_ends_leaves_nobody_waiting_for_a_urn_for_ever(world: World) -> None:
    await world.select_url("op", "urn:uuid:1")
    asking = world.tell("resolveUrn", {"urn": "urn:uuid:1"})
    await world.settle()
    world.open(NEWS, "T")
    world.clock.advance(2000)
    await world.shared_storage.clock_moved()
    async with asyncio.timeout(5):
        while asking not in world.browser.answers:
            await world.settle()
    assert world.browser.answers[asking] == {"url": f"{NEWS}/0"}


async def test_what_was_a_pages_is_forgotten_with_it(world: World) -> None:
    await _selected(world, 1, savedQuery="q")
    gone = world.page
    world.open()
    assert await world.call("resolveUrn", {"urn": "urn:uuid:1"}, gone) == {}
    assert world.shared_storage.selected_urls._pages == {}
