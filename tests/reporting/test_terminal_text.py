from __future__ import annotations

from agent.reporting.terminal_text import harmless


def test_what_a_terminal_obeys_is_escaped() -> None:
    assert harmless("a\x1b]0;title\x07\x00\r\x7f\x9b31mb") == r"a\x1b]0;title\x07\x00\r\x7f\x9b31mb"


def test_what_no_encoding_has_is_escaped() -> None:
    assert harmless("\ud800 \udcff").encode() == rb"\ud800 \udcff"


def test_what_turns_the_direction_of_a_line_or_ends_it_is_escaped() -> None:
    assert (
        harmless("sent \u202etnes ton\u202c \u2067a\u2069\u2028ok")
        == r"sent \u202etnes ton\u202c \u2067a\u2069\u2028ok"
    )
    assert harmless("שלום \u200fعربي") == "שלום \u200fعربي"


def test_lines_tabs_and_letters_of_any_script_stay() -> None:
    assert harmless("eins\n\tzwei é 三") == "eins\n\tzwei é 三"
