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


async def test_its_methods_take_no_other_object(host: Host) -> None:
    await host.evaluate(f"""{host.config.resolver}(0, '{{"fence":true}}')""")
    assert await host.thrown("fence.reportEvent.call({})") == ["thrown", "TypeError", "Illegal invocation"]
