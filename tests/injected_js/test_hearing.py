"""What the host says to a page unasked."""

from __future__ import annotations

import json

import pytest

from tests.injected_js.conftest import Host

pytestmark = pytest.mark.browser


async def test_a_line_for_the_console_is_written_in_its_level(host: Host) -> None:
    heard: list[tuple[str, str]] = []
    host.page.on("console", lambda message: heard.append((message.type, message.text)))
    await host.run("console.error = () => { throw new Error('seen'); }; window.console = null;")
    for level in ("error", "info"):
        statement = json.dumps(json.dumps({"console": {"level": level, "text": "Cannot find operation name. %s"}}))
        await host.evaluate(f"{host.config.resolver}(0, {statement})")
    assert heard == [("error", "Cannot find operation name. %s"), ("info", "Cannot find operation name. %s")]
