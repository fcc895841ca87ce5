from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Tallyhost


def test_each_setting_is_told_with_where_it_came_from(tallyhost: Tallyhost, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("tallyhost.toml").write_text("seed = 4\n[limits]\nmax_credit_size = 2\n", encoding="utf-8")
    monkeypatch.setenv("TALLYHOST_HEADED", "yes")
    shown = tallyhost("config", "--json", "--opt-out").document
    assert shown["file"] == "tallyhost.toml"
    settings = shown["settings"]
    assert settings["seed"] == {"value": 4, "from": "tallyhost.toml"}
    assert settings["limits.max_credit_size"] == {"value": 2, "from": "tallyhost.toml"}
    assert settings["headed"] == {"value": True, "from": "TALLYHOST_HEADED"}
    assert settings["opt_out"] == {"value": True, "from": "--opt-out"}
    assert settings["profile"] == {"value": ":memory:", "from": "default"}


def test_it_is_a_table_for_people(tallyhost: Tallyhost) -> None:
    lines = tallyhost("config", "--map", "shop.test=http://localhost:3000").out.splitlines()
    (row,) = (line.split() for line in lines if line.startswith("map"))
    assert row == ["map", "shop.test=http://localhost:3000", "--map"]


def test_a_table_of_the_file_is_shown_as_json_not_as_python_has_it(tallyhost: Tallyhost) -> None:
    shown = tallyhost("config").out
    assert '{"name": "aggregator.test"' in shown
    assert "'name'" not in shown


@pytest.mark.parametrize("on", ["--no-color", "--color"])
def test_colour_is_as_the_flag_says(tallyhost: Tallyhost, on: str) -> None:
    assert ("\x1b[" in tallyhost("config", on).out) == (on == "--color")
