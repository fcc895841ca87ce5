from __future__ import annotations

import json
from importlib.resources import files

import pytest

from agent.browser.worklet_script import WorkletScriptConfig, auction_script, worklet_script


def test_one_lexical_name_is_declared() -> None:
    text = worklet_script(WorkletScriptConfig("b1", "r1"))
    assert text.startswith("const r1 = (() => {\n")
    assert text.endswith("\n})();")


def test_options_cannot_leave_their_place() -> None:
    context = "\"'`${1}</script>\u2028\\"
    text = worklet_script(WorkletScriptConfig("b1", "r1", {"context": context}))
    (line,) = [line for line in text.split("\n") if line.startswith("const config = ")]
    assert line.isascii()
    written = json.loads(line.removeprefix("const config = ").removesuffix(";"))
    assert written == {"binding": "b1", "options": {"context": context}}


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        ("worklet", worklet_script(WorkletScriptConfig("b1", "r1"))),
        ("auction", auction_script(WorkletScriptConfig("b1", "r1"))),
    ],
)
def test_every_script_of_a_kind_of_realm_is_in_its_own(folder: str, text: str) -> None:
    names = [one for one in files("injected_js").joinpath(folder).iterdir() if one.name.endswith(".js")]
    assert len(names) > 5
    assert [one.name for one in names if text.count(one.read_text("utf-8")) != 1] == []
