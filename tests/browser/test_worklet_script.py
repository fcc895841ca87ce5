from __future__ import annotations

import json
from importlib.resources import files

from agent.browser.worklet_script import WorkletScriptConfig, worklet_script


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


def test_every_script_of_worklets_is_in_it() -> None:
    text = worklet_script(WorkletScriptConfig("b1", "r1"))
    folder = files("injected_js").joinpath("worklet")
    sources = [one.read_text("utf-8") for one in folder.iterdir() if one.name.endswith(".js")]
    assert len(sources) > 5
    assert all(text.count(source) == 1 for source in sources)
