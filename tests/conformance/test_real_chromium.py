"""The agent does what real Chromium 143 was seen to do, request by request and report by report."""

from __future__ import annotations

import re

import pytest

from tests.conformance import captures
from tests.conformance_data import WHY_SKIPPED

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NAMES = captures.names()


@pytest.mark.parametrize("name", NAMES or [pytest.param("none", marks=pytest.mark.skip(WHY_SKIPPED))])
async def test_a_capture_equals_real_chromium_s_or_its_difference_has_a_reason(name: str) -> None:
    lines = await captures.difference(name)
    if name in captures.REASONS:
        assert lines, "it does not differ any more: take the reason away"
    else:
        assert not lines, "\n".join(lines)


@pytest.mark.skipif(not NAMES, reason=WHY_SKIPPED)
def test_the_table_names_every_capture_with_its_reason() -> None:
    rows = re.findall(r"^\| (\S+/\S+) \| (.+) \|$", captures.TABLE.read_text("utf-8"), re.MULTILINE)
    assert dict(rows) == {name: captures.REASONS.get(name, "equal") for name in NAMES}
