"""``tallyhost export-journey``: the test on standard output or in a file that was not there."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.cli.conftest import Tallyhost


def journey() -> str:
    Path("sale.yaml").write_text("name: A sale\nsteps:\n  - open: https://shop.test/\n", encoding="utf-8")
    return "sale.yaml"


def test_the_test_is_printed(tallyhost: Tallyhost) -> None:
    run = tallyhost("export-journey", journey(), "--to", "pytest")
    assert run.code == 0
    ast.parse(run.out)
    assert "async def test_a_sale(agent):" in run.out


def test_a_file_that_is_there_is_written_over_only_where_that_is_said(tallyhost: Tallyhost) -> None:
    Path("test_sale.py").write_text("mine", encoding="utf-8")
    assert tallyhost("export-journey", journey(), "-o", "test_sale.py").code == 2
    assert Path("test_sale.py").read_text("utf-8") == "mine"
    assert tallyhost("export-journey", journey(), "-o", "test_sale.py", "--force").code == 0
    assert "test_a_sale" in Path("test_sale.py").read_text("utf-8")


def test_what_is_no_journey_is_refused(tallyhost: Tallyhost) -> None:
    run = tallyhost("export-journey", "none.yaml")
    assert run.code == 2
    assert "none.yaml: cannot be read" in run.err


def test_a_journey_in_python_is_told_so_and_not_read_as_yaml(tallyhost: Tallyhost) -> None:
    Path("visits.py").write_text("async def journey(agent): ...\n", encoding="utf-8")
    run = tallyhost("export-journey", "visits.py")
    assert run.code == 2
    assert "visits.py: a journey in Python is no YAML to export" in run.err
