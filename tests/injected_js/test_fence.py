"""``window.fence`` of a document that shows a selected URL (shared-storage section 6)."""

from __future__ import annotations

import pytest

from tests.injected_js.conftest import Host

pytestmark = pytest.mark.browser


async def test_other_documents_have_none(host: Host) -> None:
    assert await host.run("return window.fence") is None


async def test_a_document_that_shows_a_selected_url_has_one(host: Host) -> None:
    await host.evaluate(f"""{host.config.resolver}(0, '{{"fence":true}}')""")
    facts = await host.run(
        """return [String(fence), fence === window.fence, fence instanceof Fence,
          fence.reportEvent({ eventType: "click", destination: ["buyer"] }), fence.getNestedConfigs()];"""
    )
    assert facts == ["[object Fence]", True, True, None, []]


DEPTH = "selectURL() is called in a context with a fenced frame depth (2) exceeding the maximum allowed number (1)."
NESTED = "Cannot call get() in a fenced frame with feature FencedFramesLocalUnpartitionedDataAccess disabled."


@pytest.mark.parametrize(
    ("depth", "outcome"), [(1, None), (2, ["rejected", "DOMException OperationError", DEPTH])], ids=["one", "two"]
)
async def test_urls_are_selected_in_a_fenced_frame_and_in_none_within_it(
    host: Host, depth: int, outcome: list[str] | None
) -> None:
    await host.evaluate(f"""{host.config.resolver}(0, '{{"fencedFrameDepth":{depth}}}')""")
    await host.run("await sharedStorage.worklet.addModule('/w.js')")
    select = "sharedStorage.selectURL('a', [{ url: '/1' }], { keepAlive: true }).then(() => undefined)"
    assert await host.thrown(select) == outcome


async def test_get_says_in_a_fenced_frame_which_feature_it_lacks(host: Host) -> None:
    outside = "Cannot call get() outside of a fenced frame."
    assert await host.thrown("sharedStorage.get('a')") == ["rejected", "DOMException OperationError", outside]
    await host.evaluate(f"""{host.config.resolver}(0, '{{"fence":true,"fencedFrameDepth":1}}')""")
    assert await host.thrown("sharedStorage.get('a')") == ["rejected", "DOMException OperationError", NESTED]


async def test_its_methods_take_no_other_object(host: Host) -> None:
    await host.evaluate(f"""{host.config.resolver}(0, '{{"fence":true}}')""")
    assert await host.thrown("fence.reportEvent.call({})") == ["thrown", "TypeError", "Illegal invocation"]
