"""Journeys that fail: each says where in the file, what was seen, what was nearest, and ends in its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.journeys.scripted.pages import run, write

pytestmark = pytest.mark.browser


def test_a_journey_with_an_unknown_step_is_told_with_file_line_and_nearest_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "- open: https://shop.test/\n- clik: Buy now")
    assert run(file) == 2
    told = capsys.readouterr()
    assert told.err.startswith(
        f"error: {file}:5:3: 'clik' is not a step; nearest is 'click'\n  rule  one of open, click,"
    )
    assert told.out == ""


def test_a_selector_that_never_appears_is_told_with_what_was_seen_and_nearest_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "- open: https://shop.test/\n- click: {role: link, name: Summer sale, timeout: 500ms}")
    assert run(file) == 1
    told = capsys.readouterr().out
    assert f'{file}:5: no link "Summer sale" in 0.5 s; nearest is link "Winter sale"' in told
    assert "the page is https://shop.test/, titled 'Alder & Finch'" in told
    assert 'there are link "Winter sale", link "In a new tab"' in told


def test_a_site_that_is_down_is_told_with_what_stands_behind_it_and_exit_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "- open: https://shop.test/", sites='{shop.test: "http://127.0.0.1:9"}')
    assert run(file) == 3
    told = capsys.readouterr().out
    assert f"{file}:4: https://shop.test/ cannot be opened: the host's server does not answer" in told
    assert "fix   start the server behind shop.test: http://127.0.0.1:9" in told


def test_a_host_that_is_no_site_is_told_with_the_nearest_and_exit_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, "- open: https://shp.test/")
    assert run(file) == 3
    told = capsys.readouterr().out
    assert f"{file}:4: https://shp.test/ cannot be opened: the host is not mapped" in told
    assert "nearest of the journey's sites is shop.test" in told


def test_an_expectation_that_does_not_come_true_is_told_with_the_nearest_and_its_explanation_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = """
        - open: https://news.test/article/swifts
        - expect: {source: {type: event, destination: https://shops.test}, timeout: 2s}
    """
    file = write(tmp_path, steps, sites="demo")
    assert run(file) == 1
    told = capsys.readouterr().out
    assert f"{file}:5: expected a source with type event and destination https://shops.test, nearest was" in told
    assert "(destination differs)" in told
    assert "destination  is [https://shop.test], wanted https://shops.test" in told
    assert "ok    Attribution-Reporting-Register-Source" in told


def test_sums_that_are_not_the_expected_ones_are_told_with_both_and_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = """
        - open: https://news.test/article/swifts
        - expect: {contribution: {bucket: 346}}
        - advance: 2h
        - summary: {reports: private-aggregation, noise: off, buckets: {Sidebar: 346}, expect: {Sidebar: 1}}
    """
    file = write(tmp_path, steps, sites="demo")
    assert run(file) == 1
    told = capsys.readouterr().out
    assert f"{file}:7: 1 private-aggregation report, epsilon 10: Sidebar is 16384, expected 1" in told


MET = (
    ("open: https://shop.test/none.html", "https://shop.test/none.html answered 404"),
    ("click: {role: button, name: Twice, timeout: 1500ms}", '2 elements are button "Twice"'),
    (
        "click: {role: button, name: Sold out, timeout: 1500ms}",
        'button "Sold out" is there, but element is not enabled',
    ),
    ("click: {testid: buy-nw, timeout: 1500ms}", 'no testid "buy-nw" in 1.5 s; nearest is testid "buy-now"'),
    ("fill: {label: Male, value: x, timeout: 1500ms}", 'no field "Male" in 1.5 s; nearest is field "Mail"'),
    ("click: {css: .buy, timeout: 1500ms}", "no css .buy in 1.5 s"),
    ("expect: {url: https://shop.test/cart, timeout: 1500ms}", "expected the page https://shop.test/cart, it is https"),
    ("expect: {text: Thank you, in: {role: heading}, timeout: 1500ms}", "it has 'Things that last'"),
    ("next_report:", "expected a report that is due, there is none"),
    ("summary: {expect: {1: 1}}", "no attribution-conversion report has left"),
)
"""A step, and what is told of it."""


def test_what_a_step_met_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, (step, _) in enumerate(MET):
        write(tmp_path, f"- open: https://shop.test/\n- {step}", name=f"{number:02}.yaml")
    assert run(tmp_path, "-n", "4", "--json") == 1
    told = {Path(one["file"]).name: one for one in json.loads(capsys.readouterr().out)["journeys"]}
    for number, (step, what) in enumerate(MET):
        journey = told[f"{number:02}.yaml"]
        assert (journey["line"], step) == (5, step)
        assert what in journey["failure"]["text"], step


TROUBLED = (
    ("offline: on", "offline: off", "the browser is offline"),
    ("chaos: {host: shop.test, reset: 100%}", "chaos: none", "connection reset"),
    ("chaos: {host: shop.test, fail: 100%, status: 502}", "chaos: none", "answered with 502"),
)
"""A step that makes trouble, the one that ends it, and what is told of a page that does not come for it."""


def test_a_page_that_does_not_come_by_the_journeys_own_trouble_is_no_fault_of_the_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, (step, _, _) in enumerate(TROUBLED):
        write(tmp_path, f"- {step}\n- open: https://shop.test/", name=f"{number:02}.yaml")
    assert run(tmp_path, "-n", "3", "--json") == 1
    told = {Path(one["file"]).name: one for one in json.loads(capsys.readouterr().out)["journeys"]}
    for number, (step, end, why) in enumerate(TROUBLED):
        text = told[f"{number:02}.yaml"]["failure"]["text"]
        assert "https://shop.test/ cannot be opened: " in text, step
        assert why in text, step
        assert f"fix   {end}" in text, step
