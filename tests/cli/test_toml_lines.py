from __future__ import annotations

import pytest

from agent.cli.toml_lines import Place, line_of

TEXT = """\
seed = 1

[map]
"shop.test" = "http://localhost"  # 4
limits.a = 5

[limits]
a = 8
'b c' = 9
[[services]]
name = 11
[[services]]
name = 13
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("seed",), 1),
        (("map",), 3),
        (("map", "shop.test"), 4),
        (("map", "limits", "a"), 5),
        (("limits", "a"), 8),
        (("limits", "b c"), 9),
        (("limits", "absent"), 7),
        (("services", 0, "name"), 11),
        (("services", 1, "name"), 13),
        (("services", 1, "absent"), 12),
        (("absent",), 1),
    ],
)
def test_a_key_is_found_on_its_line_or_its_table_s(place: Place, line: int) -> None:
    assert line_of(TEXT, place) == line
